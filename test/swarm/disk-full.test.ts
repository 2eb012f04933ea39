import assert from 'node:assert/strict';
import { test } from 'node:test';
import { XError } from '../../src/domain/errors.js';
import type { Store } from '../../src/ports/store.js';
import { pull, startNode, storeBundle } from './nodes.js';

test('a share whose disk was full says so, and goes on by itself when there is room again', async () => {
  let isFull = true;
  const full = (store: Store): Store =>
    new Proxy(store, {
      get(target, name) {
        if (name === 'putBytes' && isFull) {
          return () => Promise.reject(new XError('DISK_FULL', 'no room is left'));
        }
        const value: unknown = Reflect.get(target, name);
        return typeof value === 'function' ? (value.bind(target) as unknown) : value;
      },
    });
  const source = await startNode(1);
  const client = await startNode(2, { serve: full });
  try {
    const manifest = await storeBundle(source.open.store, [100_000, 200_000]);
    await source.swarm.share(manifest, { masters: [] });
    const { share } = await pull(client, manifest, { masters: [source.address] });
    await assert.rejects(share.complete(AbortSignal.timeout(10_000)), { code: 'DISK_FULL' });
    isFull = false;
    const signal = AbortSignal.timeout(15_000);
    while (share.missing().length > 0) {
      signal.throwIfAborted();
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    await share.complete(signal);
    for (const { sha256 } of manifest.entries) assert.ok(client.open.store.stat(sha256));
  } finally {
    await client.stop();
    await source.stop();
  }
});
