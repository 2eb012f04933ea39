import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import { XError } from '../../src/domain/errors.js';
import type { Upstream } from '../../src/ports/upstream.js';

/** An upstream, and a place that it can fetch from. */
export interface UpstreamUnderTest {
  upstream: Upstream;
  /** Puts bytes where the upstream finds them, and says at which address. */
  publish(name: string, bytes: Uint8Array): Promise<string>;
  /** An address of the same place at which nothing is. */
  missing: string;
}

/** What every Upstream promises (ports/upstream.ts), whatever the scheme. */
export function upstreamContract(
  kind: string,
  make: (t: TestContext) => Promise<UpstreamUnderTest>,
): void {
  const bytes = Uint8Array.from({ length: 700_000 }, (_, index) => (index * 31) >> 3);
  const ecosystem = 'debian';

  test(`${kind}: a body comes whole, with its length`, async (t) => {
    const { upstream, publish } = await make(t);
    const url = await publish('a.bin', bytes);
    const body = await upstream.open({ ecosystem, url });
    assert.deepEqual([body.url, body.offset, body.lengthBytes], [url, 0, bytes.length]);
    assert.deepEqual(await collected(body.stream), Buffer.from(bytes));
  });

  test(`${kind}: an empty body is a body`, async (t) => {
    const { upstream, publish } = await make(t);
    const url = await publish('empty', new Uint8Array());
    const body = await upstream.open({ ecosystem, url });
    assert.equal(body.lengthBytes, 0);
    assert.equal((await collected(body.stream)).length, 0);
    assert.equal((await upstream.read({ ecosystem, url }, 0)).bytes.length, 0);
  });

  test(`${kind}: a download goes on from any offset, from its end too`, async (t) => {
    const { upstream, publish } = await make(t);
    const url = await publish('a.bin', bytes);
    for (const offset of [1, 262_144, bytes.length - 1, bytes.length]) {
      const body = await upstream.open({ ecosystem, url, offset });
      assert.deepEqual([body.offset, body.lengthBytes], [offset, bytes.length]);
      assert.deepEqual(await collected(body.stream), Buffer.from(bytes.subarray(offset)));
    }
  });

  test(`${kind}: past the end it begins anew`, async (t) => {
    const { upstream, publish } = await make(t);
    const url = await publish('a.bin', bytes);
    const body = await upstream.open({ ecosystem, url, offset: bytes.length + 1 });
    assert.equal(body.offset, 0);
    assert.deepEqual(await collected(body.stream), Buffer.from(bytes));
  });

  test(`${kind}: a small read is whole or refused`, async (t) => {
    const { upstream, publish } = await make(t);
    const url = await publish('a.bin', bytes);
    assert.deepEqual(
      Buffer.from((await upstream.read({ ecosystem, url }, bytes.length)).bytes),
      Buffer.from(bytes),
    );
    await assert.rejects(
      upstream.read({ ecosystem, url }, bytes.length - 1),
      (thrown) => thrown instanceof XError && thrown.code === 'LIMIT_EXCEEDED',
    );
  });

  test(`${kind}: what is not there is not found`, async (t) => {
    const { upstream, missing } = await make(t);
    const notFound = (thrown: unknown): boolean =>
      thrown instanceof XError && thrown.code === 'PACKAGE_NOT_FOUND';
    await assert.rejects(upstream.open({ ecosystem, url: missing }), notFound);
    await assert.rejects(upstream.read({ ecosystem, url: missing }, 10), notFound);
  });

  test(`${kind}: an abort stops a stream`, async (t) => {
    const { upstream, publish } = await make(t);
    const url = await publish('a.bin', bytes);
    const controller = new AbortController();
    const body = await upstream.open({ ecosystem, url, signal: controller.signal });
    controller.abort(new Error('stopped here'));
    await assert.rejects(collected(body.stream), /stopped here/);
  });
}

async function collected(stream: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of stream) chunks.push(chunk);
  return Buffer.concat(chunks);
}
