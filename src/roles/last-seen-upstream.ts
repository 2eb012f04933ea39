import { BOUNDS } from '../domain/bounds.js';
import type { Sha256 } from '../domain/digest.js';
import { withTrustedIndexes } from '../operations/trusted-indexes.js';
import { systemClock } from '../platform/clock.js';
import type { Report } from '../ports/progress.js';
import type { PublicSwarm } from '../ports/public-swarm.js';
import type { TrustedIndexes } from '../ports/seen-indexes.js';
import type { Store } from '../ports/store.js';
import type { Upstream, UpstreamPage } from '../ports/upstream.js';
import { isSilence } from '../upstream/http-failure.js';
import { SeenIndexMemory } from '../swarm/public/seen-index-memory.js';
import { tellLastSeen } from './last-seen.js';

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

/**
 * An upstream for planning: where an official source is silent, the page of a public index that this
 * machine or a trusted node has seen last is planned with, and its age is told, once; what a page names
 * by its hash comes from the swarm.
 */
export function lastSeenUpstream(deps: LastSeenDeps): Upstream {
  const { upstream, trusted, report } = deps;
  const seen = new SeenIndexMemory();
  const asking = withTrustedIndexes({ upstream, seen, trusted, clock: systemClock, isSilence });
  const tell = tellLastSeen(systemClock, (message) => report({ event: 'warning', message }));
  return {
    open: (request) => upstream.open(request),
    read: async (request, maxBytes) => {
      if (request.isPublic !== true) return upstream.read(request, maxBytes);
      const { sha256, url, signal = new AbortController().signal } = request;
      if (sha256 === undefined) {
        const lastSeenAfterMs = BOUNDS.gatewayIndexSilenceMs;
        const page = await asking.read({ ...request, lastSeenAfterMs }, maxBytes);
        if (page.seenAt !== undefined) tell(page.url, page.seenAt);
        return page;
      }
      try {
        return await upstream.read(request, maxBytes);
      } catch (error) {
        if (!isSilence(error)) throw error;
        const page = await fromSwarm(deps, { sha256, url, maxBytes }, signal);
        if (page === undefined) throw error;
        return page;
      }
    },
  };
}

async function fromSwarm(
  { swarm, store }: LastSeenDeps,
  { sha256, url, maxBytes }: { sha256: Sha256; url: string; maxBytes: number },
  signal: AbortSignal,
): Promise<UpstreamPage | undefined> {
  const wanted = { digests: { sha256 }, sizeBytes: undefined };
  if ((await (await swarm(signal))?.bring(wanted, signal)) !== true) return undefined;
  const { lengthBytes = Infinity } = store.stat(sha256) ?? {};
  if (lengthBytes > maxBytes) return undefined;
  const chunks: Uint8Array[] = [];
  for await (const chunk of store.open(sha256)) chunks.push(chunk);
  return { url, bytes: Buffer.concat(chunks), contentType: undefined };
}
