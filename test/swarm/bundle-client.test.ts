import assert from 'node:assert/strict';
import { test } from 'node:test';
import { noise } from '@chainsafe/libp2p-noise';
import { yamux } from '@chainsafe/libp2p-yamux';
import { tcp } from '@libp2p/tcp';
import { createLibp2p } from 'libp2p';
import { BOUNDS } from '../../src/domain/bounds.js';
import { BUNDLE_PROTOCOL } from '../../src/swarm/bundle-server.js';
import { FrameStream } from '../../src/swarm/frames.js';
import { BundleReply } from '../../src/swarm/messages.pb.js';
import { startNode, systemClock } from './nodes.js';

test('a master that took the call may think for longer than a call may take', async (t) => {
  const master = await createLibp2p({
    addresses: { listen: ['/ip4/127.0.0.1/tcp/0'] },
    transports: [tcp()],
    connectionEncrypters: [noise()],
    streamMuxers: [yamux()],
  });
  t.after(() => master.stop());
  await master.handle(BUNDLE_PROTOCOL, (stream) => {
    const answer = async (): Promise<void> => {
      await systemClock.sleep(BOUNDS.masterTimeoutMs + 1_000);
      frames.send(BundleReply.encode({ last: true }));
    };
    const frames = new FrameStream(stream, {
      onFrame: () => void answer(),
      onEnd: () => undefined,
    });
  });
  const client = await startNode(2);
  t.after(() => client.stop());
  const { bundles } = await client.swarm.listBundles(String(master.getMultiaddrs()[0]));
  assert.deepEqual(bundles, []);
});
