import { BOUNDS } from '../domain/bounds.js';
import { XError } from '../domain/errors.js';
import { indexName } from '../domain/index-name.js';
import type { Clock } from '../ports/clock.js';
import type { SeenIndex, SeenIndexes, TrustedIndexes } from '../ports/seen-indexes.js';
import type { Upstream, UpstreamPage, UpstreamRequest } from '../ports/upstream.js';

export interface TrustedIndexDeps {
  upstream: Upstream;
  /** What this machine has seen is shown to others. */
  seen: SeenIndexes;
  trusted: TrustedIndexes;
  clock: Clock;
  /** Whether a source that failed so says nothing of the page: by default one that cannot be reached. */
  isSilence?: (error: unknown) => boolean;
}

/**
 * An upstream that asks those whom the user trusts where the official source does not answer: the
 * newest page that this machine or one of them has seen stands in, and says when that was. Only for
 * requests that say that they are public, and that an old page is good enough.
 */
export function withTrustedIndexes(deps: TrustedIndexDeps): Upstream {
  const { upstream } = deps;
  /** Origins that did not answer a moment ago, and until when. */
  const silentUntilMs = new Map<string, number>();
  return {
    open: (request) => upstream.open(request),
    read: (request, maxBytes) =>
      request.isPublic === true && request.lastSeenAfterMs !== undefined
        ? readPublic(deps, silentUntilMs, request, maxBytes)
        : upstream.read(request, maxBytes),
  };
}

async function readPublic(
  { upstream, seen, trusted, clock, isSilence = isUnreachable }: TrustedIndexDeps,
  silentUntilMs: Map<string, number>,
  request: UpstreamRequest,
  maxBytes: number,
): Promise<UpstreamPage> {
  const { url, accept = '*/*', signal, lastSeenAfterMs = 0 } = request;
  const { origin } = new URL(url);
  const isSilent = (silentUntilMs.get(origin) ?? -Infinity) > clock.monotonicMs();
  const name = indexName(url, accept);
  const done = new AbortController();
  const limit = signal === undefined ? done.signal : AbortSignal.any([signal, done.signal]);
  const answer: Promise<Answer> = upstream.read(request, maxBytes).then(
    (page) => ({ page }),
    (error: unknown) => ({ error }),
  );
  const late: Promise<undefined> = clock.sleep(isSilent ? 0 : lastSeenAfterMs, limit).then(
    () => undefined,
    () => undefined,
  );
  const taken = ({ page, error }: Answer): UpstreamPage => {
    if (page === undefined) throw error;
    if (page.seenAt !== undefined) return page;
    silentUntilMs.delete(origin);
    const { bytes, contentType } = page;
    seen.note(name, { bytes, contentType, seenAt: clock.now() });
    return page;
  };
  try {
    const first = await Promise.race([answer, late]);
    const isAnswered = first?.page !== undefined && first.page.seenAt === undefined;
    const isRefused = first?.error !== undefined && !isSilence(first.error);
    if (first !== undefined && (isAnswered || isRefused)) return taken(first);
    remember(silentUntilMs, origin, clock.monotonicMs() + BOUNDS.unreachableHostMs);
    const shown = fitting(await trusted.find(name, limit), maxBytes);
    if (shown === undefined) return taken(await answer);
    const own = first?.page;
    if (own?.seenAt !== undefined && own.seenAt >= shown.seenAt) return own;
    return { url, bytes: shown.bytes, contentType: shown.contentType, seenAt: shown.seenAt };
  } finally {
    done.abort(new Error('it is answered'));
  }
}

interface Answer {
  page?: UpstreamPage;
  error?: unknown;
}

function fitting(shown: SeenIndex | undefined, maxBytes: number): SeenIndex | undefined {
  return shown !== undefined && shown.bytes.length <= maxBytes ? shown : undefined;
}

function isUnreachable(error: unknown): boolean {
  return error instanceof XError && error.code === 'UPSTREAM_UNREACHABLE';
}

function remember(map: Map<string, number>, origin: string, untilMs: number): void {
  map.set(origin, untilMs);
  if (map.size <= BOUNDS.rememberedHosts) return;
  const [oldest] = map.keys();
  if (oldest !== undefined) map.delete(oldest);
}
