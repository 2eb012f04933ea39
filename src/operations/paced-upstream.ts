import type { RateLimit } from '../ports/rate-limit.js';
import type { Upstream } from '../ports/upstream.js';

/** An upstream that gives no faster than a limit says; what is read whole is counted, and what follows waits. */
export function pacedUpstream(upstream: Upstream, limit: RateLimit): Upstream {
  return {
    open: async (request) => {
      const body = await upstream.open(request);
      return { ...body, stream: paced(body.stream, limit, request.signal) };
    },
    read: async (request, maxBytes) => {
      const page = await upstream.read(request, maxBytes);
      if (page.seenAt === undefined) limit.passed(page.bytes.length);
      return page;
    },
  };
}

async function* paced(
  stream: AsyncIterable<Uint8Array>,
  limit: RateLimit,
  signal: AbortSignal | undefined,
): AsyncGenerator<Uint8Array> {
  for await (const chunk of stream) {
    await limit.pass(chunk.length, signal);
    yield chunk;
  }
}
