import assert from 'node:assert/strict';
import { test } from 'node:test';
import { pull, siblingShare, startNode, storeBundle } from './nodes.js';

const KIB = 1024;
const MIB = 1024 * KIB;

async function assertWhole(
  node: Awaited<ReturnType<typeof startNode>>,
  manifest: Awaited<ReturnType<typeof storeBundle>>,
): Promise<void> {
  for (const entry of manifest.entries) {
    assert.equal(node.open.store.stat(entry.sha256)?.pieceRoot, entry.pieceRoot, entry.path);
  }
}

test('one client pulls a whole bundle, small, large, empty and doubled artifacts alike', async () => {
  const source = await startNode(1);
  const client = await startNode(2);
  try {
    const manifest = await storeBundle(source.open.store, [0, 1, 4 * KIB, 256 * KIB, 3 * MIB + 7]);
    manifest.entries.push({ ...manifest.entries[3]!, path: 'pypi/demo/zz-again.whl' });
    await source.swarm.share(manifest, { masters: [] });
    const { share, fromMaster } = await pull(client, manifest, { masters: [source.address] });
    await share.complete(AbortSignal.timeout(20_000));
    await assertWhole(client, manifest);
    assert.equal(share.heldBytes(), 1 + 4 * KIB + 256 * KIB + 3 * MIB + 7);
    assert.ok(fromMaster >= 0);
    assert.ok(share.has('pypi/demo/zz-again.whl'));
  } finally {
    await client.stop();
    await source.stop();
  }
});

for (const [shape, lengths] of [
  ['5 MB in 20 artifacts', new Array<number>(20).fill(250_000)],
  ['32 MiB in one artifact', [32 * MIB]],
] as const) {
  test(`two clients started together each get a quarter or more from the other: ${shape}`, async () => {
    const source = await startNode(1);
    const a = await startNode(2);
    const b = await startNode(3);
    try {
      const manifest = await storeBundle(source.open.store, lengths);
      await source.swarm.share(manifest, { masters: [] });
      const pulls = await Promise.all(
        [a, b].map((node) => pull(node, manifest, { masters: [source.address] })),
      );
      await Promise.all(pulls.map(({ share }) => share.complete(AbortSignal.timeout(30_000))));
      await assertWhole(a, manifest);
      await assertWhole(b, manifest);
      for (const one of pulls) {
        assert.ok(siblingShare(one) >= 0.25, `${siblingShare(one)} from the sibling`);
      }
    } finally {
      await a.stop();
      await b.stop();
      await source.stop();
    }
  });
}

test('siblings finish without the source once every piece is out', async () => {
  const source = await startNode(1);
  const a = await startNode(2);
  const b = await startNode(3);
  let sourceIsUp = true;
  try {
    const manifest = await storeBundle(source.open.store, new Array<number>(64).fill(200_000));
    await source.swarm.share(manifest, { masters: [] });
    const pulls = await Promise.all(
      [a, b].map((node) => pull(node, manifest, { masters: [source.address] })),
    );
    const isOut = (): boolean =>
      manifest.entries.every(({ sha256 }) => [a, b].some((node) => node.open.store.stat(sha256)));
    while (!isOut()) await new Promise((resolve) => setTimeout(resolve, 5));
    await source.stop();
    sourceIsUp = false;
    await Promise.all(pulls.map(({ share }) => share.complete(AbortSignal.timeout(20_000))));
    await assertWhole(a, manifest);
    await assertWhole(b, manifest);
  } finally {
    await a.stop();
    await b.stop();
    if (sourceIsUp) await source.stop();
  }
});

test('some entries only are pulled where only they are asked for, and more on demand', async () => {
  const source = await startNode(1);
  const client = await startNode(2);
  try {
    const manifest = await storeBundle(source.open.store, [50_000, 3 * MIB, 60_000, 2 * MIB]);
    await source.swarm.share(manifest, { masters: [] });
    const [first, second, third, fourth] = manifest.entries.map(({ path }) => path);
    const paths = new Set([first!, second!]);
    const { share } = await pull(client, manifest, { masters: [source.address], paths });
    await share.complete(AbortSignal.timeout(10_000));
    assert.deepEqual(
      [first!, second!, third!, fourth!].map((path) => share.has(path)),
      [true, true, false, false],
    );
    await share.want(fourth!, AbortSignal.timeout(10_000));
    assert.ok(share.has(fourth!) && !share.has(third!));
    await assert.rejects(share.want('no/such'), { code: 'PACKAGE_NOT_FOUND' });
  } finally {
    await client.stop();
    await source.stop();
  }
});

test('a damaged blob is never sent: the client waits until it is whole again, then gets it', async () => {
  const source = await startNode(1);
  const client = await startNode(2);
  try {
    const manifest = await storeBundle(source.open.store, [100_000, 120_000]);
    await source.swarm.share(manifest, { masters: [] });
    await source.open.store.remove(manifest.entries[0]!.sha256);
    const { share, events } = await pull(client, manifest, { masters: [source.address] });
    await share.want(manifest.entries[1]!.path, AbortSignal.timeout(10_000));
    assert.ok(!share.has(manifest.entries[0]!.path));
    assert.ok(!events.some(({ event }) => event === 'bad-piece'));
    assert.equal(share.heldBytes(), 120_000);
  } finally {
    await client.stop();
    await source.stop();
  }
});
