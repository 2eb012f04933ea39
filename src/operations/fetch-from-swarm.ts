import type { PlannedArtifact } from '../domain/plan.js';
import type { Clock } from '../ports/clock.js';
import type { Report } from '../ports/progress.js';
import type { BroughtArtifact, FallBack, PublicSwarm } from '../ports/public-swarm.js';
import type { Random } from '../ports/random.js';
import type { Upstream } from '../ports/upstream.js';
import { continuedBody } from './continued-body.js';

export interface FetchFromSwarmDeps {
  swarm: PublicSwarm | undefined;
  upstream: Pick<Upstream, 'open'>;
  clock: Clock;
  random: Random;
  report: Report;
}

const WHY: Record<Exclude<FallBack, 'nobody'>, string> = {
  silent: 'the swarm stopped answering',
  slow: 'the swarm is slower than the official sources',
  liars: 'what the swarm sent was wrong, and was thrown away',
};

/** Public artifacts of one run out of the swarm, the official source among those who are asked. */
export class SwarmFetches {
  /** Verified bytes that came from it. */
  bytes = 0;
  readonly #deps: FetchFromSwarmDeps;
  #isTold = false;

  constructor(deps: FetchFromSwarmDeps) {
    this.#deps = deps;
  }

  get isUsed(): boolean {
    return this.#deps.swarm?.isAlone() === false;
  }

  /** So that who has what will be fetched is known when its turn comes. */
  expect(artifacts: readonly PlannedArtifact[], signal: AbortSignal): void {
    this.#deps.swarm?.expect(
      artifacts.filter(isForStrangers).map(({ digests }) => digests),
      signal,
    );
  }

  /**
   * Undefined where it is private, nothing names it by digest, or nobody has it: then it is fetched from
   * the official source as if there were no swarm.
   * @param onProgress bytes of it that are here.
   */
  async fetch(
    artifact: PlannedArtifact,
    onProgress: (bytes: number) => void,
    signal: AbortSignal,
  ): Promise<BroughtArtifact | undefined> {
    const { swarm, upstream, clock, random } = this.#deps;
    const { digests, sizeBytes, ecosystem, url } = artifact;
    if (swarm === undefined || swarm.isAlone() || !isForStrangers(artifact)) return undefined;
    const brought = await swarm.fetch(
      {
        digests,
        sizeBytes,
        official: {
          open: async (offset, stop, end) => {
            const open = (from: number) =>
              upstream.open({ ecosystem, url, offset: from, end, signal: stop });
            const first = await open(offset);
            const stream = continuedBody(open, first, { clock, random, signal: stop });
            return { offset: first.offset, lengthBytes: first.lengthBytes, stream };
          },
        },
        onProgress,
        onFallBack: (reason) => this.#tell(reason),
      },
      signal,
    );
    this.bytes += brought?.bytes.get('swarm') ?? 0;
    return brought;
  }

  /** One line, whatever happens to how many files. */
  #tell(reason: FallBack): void {
    if (this.#isTold || reason === 'nobody') return;
    this.#isTold = true;
    this.#deps.report({
      event: 'warning',
      message: `${WHY[reason]}: what it does not bring comes from the official sources`,
    });
  }
}

/** A file of this machine, or of its network, is not looked for elsewhere. */
function isForStrangers({ digests, url, ...artifact }: PlannedArtifact): boolean {
  const isNamed = digests.sha256 !== undefined || digests.sha512 !== undefined;
  return isNamed && !artifact.private && /^https?:/.test(url);
}
