import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { BOUNDS } from '../../src/domain/bounds.js';
import type { PartialBlob, Store } from '../../src/ports/store.js';
import { POLICY } from '../../src/transfer/policy.js';
import { pull, startNode, storeBundle } from './nodes.js';

const MIB = 1 << 20;

/** A store that takes pieces only once its gate is open. */
function gated(): { serve: (store: Store) => Store; open: () => void } {
  let open = (): void => undefined;
  const isOpen = new Promise<void>((resolve) => (open = resolve));
  const behindGate = <T extends object>(target: T, names: readonly string[]): T =>
    new Proxy(target, {
      get(from, name) {
        const value: unknown = Reflect.get(from, name);
        if (typeof value !== 'function') return value;
        const method = value.bind(from) as (...given: unknown[]) => unknown;
        if (name === 'partial') {
          return (...given: unknown[]) => behindGate(method(...given) as PartialBlob, ['write']);
        }
        if (!names.includes(String(name))) return method;
        return (...given: unknown[]) => isOpen.then(() => method(...given));
      },
    });
  return { serve: (store) => behindGate(store, ['putBytes']), open: () => open() };
}

test('a piece goes on to the next client before the disk of the first has it', async () => {
  const disk = gated();
  const source = await startNode(1);
  const first = await startNode(2, { serve: disk.serve });
  const second = await startNode(3);
  try {
    const manifest = await storeBundle(source.open.store, [100_000, 3 * MIB, 5_000, 2 * MIB]);
    await source.swarm.share(manifest, { masters: [] });
    const one = await pull(first, manifest, { masters: [source.address] });
    const two = await pull(second, manifest, { masters: [first.address] });
    await two.share.complete(AbortSignal.timeout(20_000));
    // The source may give it some too: they were introduced.
    assert.ok(two.fromMaster > 0, 'the first gave nothing');
    assert.equal(one.share.heldBytes(), 0, 'nothing is held before it is on disk');
    assert.equal(one.share.missing().length, 4);
    disk.open();
    await one.share.complete(AbortSignal.timeout(20_000));
    for (const { sha256 } of manifest.entries) {
      assert.ok(first.open.store.stat(sha256) && second.open.store.stat(sha256));
    }
  } finally {
    disk.open();
    await second.stop();
    await first.stop();
    await source.stop();
  }
});

test('a disk that takes nothing stops the net after a bounded number of bytes', async () => {
  const disk = gated();
  const source = await startNode(1);
  const client = await startNode(2, { serve: disk.serve });
  try {
    const manifest = await storeBundle(source.open.store, new Array<number>(12).fill(8 * MIB));
    const serving = await source.swarm.share(manifest, { masters: [] });
    const { share } = await pull(client, manifest, { masters: [source.address] });
    const sent = (): number => serving.peers()[0]?.bytesOut ?? 0;
    // Until it stands still: what is asked for arrives, and nothing more is asked for.
    for (let before = -1; sent() === 0 || sent() > before; await wait(2_000)) before = sent();
    const inMemory = BOUNDS.offeredBytes + POLICY.bytesBeingStored;
    assert.ok(sent() >= BOUNDS.offeredBytes, `${sent()} bytes were sent`);
    // A source that answers fast is asked for more at once.
    const asked = POLICY.requestsPerPeer * BOUNDS.runBytes;
    assert.ok(sent() <= inMemory + asked, `${sent()} bytes were sent`);
    disk.open();
    await share.complete(AbortSignal.timeout(30_000));
  } finally {
    disk.open();
    await client.stop();
    await source.stop();
  }
});
