import { BOUNDS } from '../domain/bounds.js';
import type { Sha256 } from '../domain/digest.js';
import { XError } from '../domain/errors.js';
import { withTrustedIndexes } from '../operations/trusted-indexes.js';
import { systemClock } from '../platform/clock.js';
import type { Report } from '../ports/progress.js';
import type { PublicSwarm } from '../ports/public-swarm.js';
import type { TrustedIndexes } from '../ports/seen-indexes.js';
import type { Store } from '../ports/store.js';
import type { Upstream, UpstreamBody, UpstreamPage, UpstreamRequest } from '../ports/upstream.js';
import { isSilence } from '../upstream/http-failure.js';
import { SeenIndexMemory } from '../swarm/public/seen-index-memory.js';
import { ageOf } from './last-seen.js';

/** Who stands in for an official source. */
export interface StandIns {
  trusted: TrustedIndexes;
  /** What has a hash comes from anybody. */
  swarm: (signal: AbortSignal) => Promise<PublicSwarm | undefined>;
}

export interface LastSeenDeps extends StandIns {
  upstream: Upstream;
  store: Pick<Store, 'stat' | 'open'>;
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
  const { upstream, trusted, report } = deps;
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
    open: (request) => orFromSwarm(deps, request, () => upstream.open(request), bodyOf),
    read: (request, maxBytes) => {
      if (request.isPublic !== true) return upstream.read(request, maxBytes);
      if (request.sha256 === undefined) return read(request, maxBytes);
      const ask = (): Promise<UpstreamPage> => upstream.read(request, maxBytes);
      return orFromSwarm(deps, request, ask, (...held) => pageOf(...held, maxBytes));
    },
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

/** From the swarm, where the official source of a public thing with a hash is silent. */
async function orFromSwarm<T>(
  { swarm, store }: LastSeenDeps,
  { isPublic, sha256, url, signal = new AbortController().signal }: UpstreamRequest,
  ask: () => Promise<T>,
  made: (store: LastSeenDeps['store'], sha256: Sha256, url: string) => Promise<T>,
): Promise<T> {
  try {
    return await ask();
  } catch (error) {
    if (sha256 === undefined || isPublic !== true || !isSilence(error)) throw error;
    const wanted = { digests: { sha256 }, sizeBytes: undefined };
    const isHeld = store.stat(sha256) !== undefined;
    if (!isHeld && (await (await swarm(signal))?.bring(wanted, signal)) !== true) throw error;
    return await made(store, sha256, url);
  }
}

/** All of it, whatever is held already: the caller is told where it begins. */
function bodyOf(store: LastSeenDeps['store'], sha256: Sha256, url: string): Promise<UpstreamBody> {
  const lengthBytes = store.stat(sha256)?.lengthBytes;
  const stream = store.open(sha256);
  return Promise.resolve({
    ...{ url, lengthBytes, offset: 0, contentType: undefined, etag: undefined },
    stream,
  });
}

/** @throws XError LIMIT_EXCEEDED. */
async function pageOf(
  store: LastSeenDeps['store'],
  sha256: Sha256,
  url: string,
  maxBytes: number,
): Promise<UpstreamPage> {
  const { lengthBytes = Infinity } = store.stat(sha256) ?? {};
  if (lengthBytes > maxBytes)
    throw new XError('LIMIT_EXCEEDED', `${url}: larger than the limit of ${maxBytes} bytes`);
  const chunks: Uint8Array[] = [];
  for await (const chunk of store.open(sha256)) chunks.push(chunk);
  return { url, bytes: Buffer.concat(chunks), contentType: undefined };
}
