import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { TestContext } from 'node:test';
import type { Clock } from '../../src/ports/clock.js';
import type { Random } from '../../src/ports/random.js';
import {
  createUpstream,
  type OpenUpstream,
  type UpstreamOptions,
} from '../../src/upstream/open-upstream.js';

/** A clock that does not wait: sleeping moves it on. */
export class SteppingClock implements Clock {
  readonly slept: number[] = [];
  atMs = 0;

  now(): Date {
    return new Date(Date.UTC(2026, 0, 1) + this.atMs);
  }
  monotonicMs(): number {
    return this.atMs;
  }
  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    if (signal?.aborted === true) return Promise.reject(signal.reason as Error);
    this.slept.push(ms);
    this.atMs += ms;
    return Promise.resolve();
  }
}

/** The least random source: no jitter. */
export const steady: Random = { bytes: (length) => new Uint8Array(length), integer: () => 0 };

export interface TestServer {
  url: string;
  port: number;
  /** Method, path and headers of every request, in order. */
  seen: { path: string; headers: IncomingMessage['headers'] }[];
}

/** A server on the loopback that ends with the test. */
export async function serve(
  t: TestContext,
  handler: (request: IncomingMessage, response: ServerResponse, count: number) => void,
): Promise<TestServer> {
  const seen: TestServer['seen'] = [];
  const server = createServer((request, response) => {
    seen.push({ path: request.url ?? '', headers: request.headers });
    handler(request, response, seen.length);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });
  const { port } = server.address() as AddressInfo;
  return { url: `http://127.0.0.1:${port}`, port, seen };
}

/** An upstream without the proxies of the machine that runs the tests. */
export function openUpstream(
  t: TestContext,
  options: Partial<UpstreamOptions> = {},
): OpenUpstream & { clock: SteppingClock } {
  const clock = new SteppingClock();
  const upstream = createUpstream({
    clock,
    random: steady,
    proxy: { httpProxy: '', httpsProxy: '', noProxy: '' },
    ...options,
  });
  t.after(() => upstream.close());
  return { ...upstream, clock };
}

export async function bytesOf(stream: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of stream) chunks.push(chunk);
  return Buffer.concat(chunks);
}

/** For assert.rejects: the code, and a pattern of the message. */
export function failsWith(code: string, message: RegExp): (thrown: unknown) => boolean {
  return (thrown) =>
    thrown instanceof Error &&
    'code' in thrown &&
    thrown.code === code &&
    message.test(thrown.message);
}
