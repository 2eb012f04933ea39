import { BOUNDS } from '../domain/bounds.js';
import { XError } from '../domain/errors.js';
import type { Clock } from '../ports/clock.js';
import type { Random } from '../ports/random.js';
import type { UpstreamBody } from '../ports/upstream.js';

/**
 * A body that goes on where the line broke: whether both halves belong together its digest tells.
 * @throws XError as Upstream.open; the signal's reason.
 */
export async function* continuedBody(
  open: (offset: number) => Promise<UpstreamBody>,
  first: UpstreamBody,
  { clock, random, signal }: { clock: Clock; random: Random; signal: AbortSignal },
): AsyncGenerator<Uint8Array, undefined> {
  let at = first.offset;
  let body = first;
  for (let attempt = 1; ; attempt += 1) {
    try {
      let skipped = at - body.offset;
      for await (const chunk of body.stream) {
        const fresh = chunk.subarray(Math.min(skipped, chunk.length));
        skipped -= chunk.length - fresh.length;
        at += fresh.length;
        if (fresh.length > 0) yield fresh;
      }
      return;
    } catch (error) {
      const isBreak = error instanceof XError && error.code === 'UPSTREAM_UNREACHABLE';
      if (!isBreak || attempt >= BOUNDS.requestAttempts || signal.aborted) throw error;
    }
    const backoffMs = BOUNDS.requestBackoffMs * 2 ** attempt;
    await clock.sleep(backoffMs + random.integer(BOUNDS.requestBackoffMs), signal);
    body = await open(at);
  }
}
