import { BOUNDS } from '../domain/bounds.js';
import { withTrustedIndexes } from '../operations/trusted-indexes.js';
import { systemClock } from '../platform/clock.js';
import type { Report } from '../ports/progress.js';
import type { TrustedIndexes } from '../ports/seen-indexes.js';
import type { Upstream, UpstreamPage, UpstreamRequest } from '../ports/upstream.js';
import { isSilence } from '../upstream/http-failure.js';
import { SeenIndexMemory } from '../swarm/public/seen-index-memory.js';
import { hashedFromSwarm, type HashedDeps } from './hashed-from-swarm.js';
import { ageOf } from './last-seen.js';

/** Who stands in for an official source. */
export interface StandIns extends Pick<HashedDeps, 'swarm'> {
  trusted: TrustedIndexes;
}

export interface LastSeenDeps extends StandIns, HashedDeps {
  report: Report;
}

export interface LastSeenUpstream extends Upstream {
  /** Says in one line what stood in since the last time, and how old the oldest of it is. */
  tell(): void;
}

/**
 * An upstream for planning: where an official source is silent, the page of a public index that this
 * machine or a trusted node has seen last is planned with; what an index names by its hash comes from
 * the swarm.
 */
export function lastSeenUpstream(deps: LastSeenDeps): LastSeenUpstream {
  const { trusted, report } = deps;
  const upstream = hashedFromSwarm(deps);
  const seen = new SeenIndexMemory();
  const asking = withTrustedIndexes({ upstream, seen, trusted, clock: systemClock, isSilence });
  const tally = new StoodIn();
  const read = async (request: UpstreamRequest, maxBytes: number): Promise<UpstreamPage> => {
    const lastSeenAfterMs = BOUNDS.gatewayIndexSilenceMs;
    const page = await asking.read({ ...request, lastSeenAfterMs }, maxBytes);
    if (page.seenAt !== undefined) tally.note(page.url, page.seenAt);
    return page;
  };
  return {
    open: (request) => upstream.open(request),
    read: (request, maxBytes) =>
      request.isPublic === true && request.sha256 === undefined
        ? read(request, maxBytes)
        : upstream.read(request, maxBytes),
    tell: () => {
      const message = tally.take(systemClock.now());
      if (message !== undefined) report({ event: 'warning', message });
    },
  };
}

/** Pages that stood in: an install reads hundreds, and what it is worth is as old as the oldest. */
class StoodIn {
  #pages = 0;
  #oldest: { what: string; seenAt: Date } | undefined;

  note(what: string, seenAt: Date): void {
    this.#pages += 1;
    if (this.#oldest === undefined || seenAt < this.#oldest.seenAt) this.#oldest = { what, seenAt };
  }

  take(now: Date): string | undefined {
    if (this.#oldest === undefined) return undefined;
    const { what, seenAt } = this.#oldest;
    const seconds = Math.max(0, Math.round((now.getTime() - seenAt.getTime()) / 1_000));
    const among =
      this.#pages === 1 ? '' : `; ${this.#pages} pages stand in, none of them older than that`;
    this.#pages = 0;
    this.#oldest = undefined;
    return `the official source does not answer: ${what} is that of ${seenAt.toISOString()}, ${ageOf(seconds)} old${among}`;
  }
}
