import assert from 'node:assert/strict';
import { test } from 'node:test';
import { BUNDLE_PROTOCOL } from '../../src/swarm/bundle-server.js';
import { FrameStream } from '../../src/swarm/frames.js';
import { BundleReply } from '../../src/swarm/messages.pb.js';
import { pull, startNode, storeBundle } from './nodes.js';
import { emptyHello, openPieces, startStranger } from './strangers.js';

const MIB = 1 << 20;

test('whom the signed metadata lists as a master is asked as one, wherever it is met', async () => {
  const source = await startNode(1);
  const client = await startNode(2, { peers: [source.address] });
  try {
    const manifest = await storeBundle(source.open.store, [MIB, 1_000]);
    await source.swarm.share(manifest, { masters: [] });
    const paths = new Set(manifest.entries.map(({ path }) => path));
    const pulling = await pull(client, manifest, { masters: [], listed: [source.did], paths });
    await pulling.share.complete(AbortSignal.timeout(15_000));
    assert.deepEqual([pulling.fromMaster, pulling.fromSiblings], [MIB + 1_000, 0]);
    assert.ok(pulling.share.peers()[0]?.isMaster);
  } finally {
    await client.stop();
    await source.stop();
  }
});

test('a sibling that answers with nothing, on and on, does not keep trees from a client', async () => {
  const source = await startNode(1);
  const client = await startNode(2);
  const stranger = await startStranger();
  const open = new Set<NodeJS.Timeout>();
  try {
    const manifest = await storeBundle(source.open.store, [MIB, MIB]);
    let asked: () => void = () => undefined;
    const isAsked = new Promise<void>((resolve) => (asked = resolve));
    await stranger.handle(BUNDLE_PROTOCOL, (stream) => {
      const frames = new FrameStream(stream, {
        onFrame: () => {
          const nothing = BundleReply.encode({
            bundles: [],
            data: new Uint8Array(),
            found: true,
            trees: [],
            last: false,
          });
          open.add(setInterval(() => frames.send(nothing), 500));
          asked();
        },
        onEnd: () => undefined,
      });
    });
    const { share } = await pull(client, manifest, { masters: [source.address] });
    const frames = await openPieces(stranger, client.address);
    frames.send(emptyHello(manifest));
    await isAsked;
    await source.swarm.share(manifest, { masters: [] });
    await share.complete(AbortSignal.timeout(15_000));
    assert.equal(share.heldBytes(), 2 * MIB);
  } finally {
    for (const timer of open) clearInterval(timer);
    await stranger.stop();
    await client.stop();
    await source.stop();
  }
});
