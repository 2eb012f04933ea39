import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type AddressInfo } from 'node:net';
import { test } from 'node:test';
import { noise } from '@chainsafe/libp2p-noise';
import { yamux } from '@chainsafe/libp2p-yamux';
import { tcp } from '@libp2p/tcp';
import { multiaddr } from '@multiformats/multiaddr';
import { createLibp2p, type Libp2p } from 'libp2p';
import type { XError } from '../../src/domain/errors.js';
import type { Store } from '../../src/ports/store.js';
import { FrameStream } from '../../src/swarm/frames.js';
import { noise as bytesOf, pull, startNode, storeBundle } from './nodes.js';

const MIB = 1 << 20;

/** Speaks libp2p and nothing of X's own. */
function startStranger(): Promise<Libp2p> {
  return createLibp2p({
    transports: [tcp()],
    connectionEncrypters: [noise()],
    streamMuxers: [yamux()],
  });
}

/** A store that hands out other bytes than it was given. */
function lying(store: Store): Store {
  return new Proxy(store, {
    get(target, name) {
      if (name === 'open') {
        return async function* (...args: Parameters<Store['open']>) {
          for await (const chunk of target.open(...args)) yield flipped(chunk);
        };
      }
      if (name === 'read') {
        return async (...args: Parameters<Store['read']>) => flipped(await target.read(...args));
      }
      const value: unknown = Reflect.get(target, name);
      return typeof value === 'function' ? (value.bind(target) as unknown) : value;
    },
  });
}

function flipped(bytes: Uint8Array): Uint8Array {
  const copy = Uint8Array.from(bytes);
  copy[copy.length >> 1] = (copy[copy.length >> 1] ?? 0) ^ 1;
  return copy;
}

test('a peer that sends wrong bytes is dropped and remembered; the pieces come from others', async () => {
  const source = await startNode(1);
  const liar = await startNode(2, { serve: lying });
  const client = await startNode(3, { peers: [liar.address] });
  try {
    const lengths = [6 * MIB, 100_000, 200_000];
    const manifest = await storeBundle(source.open.store, lengths);
    await storeBundle(liar.open.store, lengths);
    await source.swarm.share(manifest, { masters: [] });
    await liar.swarm.share(manifest, { masters: [] });
    const { share, events } = await pull(client, manifest, { masters: [source.address] });
    await share.complete(AbortSignal.timeout(20_000));
    for (const { sha256 } of manifest.entries) assert.ok(client.open.store.stat(sha256));
    assert.ok(events.some((event) => event.event === 'bad-piece' && event.did === liar.did));
    assert.ok(!share.peers().some(({ did }) => did === liar.did));
  } finally {
    await client.stop();
    await liar.stop();
    await source.stop();
  }
});

test('garbage, oversized and torn frames at every protocol end their stream and nothing else', async () => {
  const source = await startNode(1);
  const client = await startNode(2);
  const stranger = await startStranger();
  try {
    const manifest = await storeBundle(source.open.store, [2 * MIB]);
    await source.swarm.share(manifest, { masters: [] });
    const connection = await stranger.dial(multiaddr(source.address));
    const digest = Buffer.from(manifest.digest, 'hex');
    const attacks: Uint8Array[] = [
      bytesOf(5_000, 1),
      Uint8Array.of(0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff),
      Uint8Array.of(0xff, 0xff, 0xff, 0x7f),
      Uint8Array.of(0),
      Uint8Array.of(10, 1, 2, 3),
      // A hello with a malformed have-map, an ask past the end, an unknown answer.
      Uint8Array.from([39, 10, 32, ...digest, 18, 3, 10, 1, 9]),
      Uint8Array.from([42, 10, 32, ...digest, 34, 6, 8, 1, 18, 2, 127, 127]),
      Uint8Array.from([41, 10, 32, ...digest, 42, 5, 8, 7, 18, 1, 0]),
    ];
    for (const protocol of ['/x/bundle/1', '/x/piece/1']) {
      for (const bytes of attacks) {
        const stream = await connection.newStream(protocol);
        try {
          stream.send(bytes);
          await stream.close({ signal: AbortSignal.timeout(500) });
        } catch (error) {
          stream.abort(error as Error);
        }
      }
    }
    const { share } = await pull(client, manifest, { masters: [source.address] });
    await share.complete(AbortSignal.timeout(20_000));
  } finally {
    await stranger.stop();
    await client.stop();
    await source.stop();
  }
});

test('a master that is not there, not an x, or another than expected is told apart', async () => {
  const source = await startNode(1);
  const client = await startNode(2);
  const silent = createServer();
  try {
    await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve));
    const { port } = silent.address() as AddressInfo;
    silent.close();
    await assert.rejects(client.swarm.listBundles(`127.0.0.1:${port}`), (error: XError) => {
      assert.equal(error.code, 'MASTER_UNREACHABLE');
      assert.match(error.message, new RegExp(`127\\.0\\.0\\.1:${port}`));
      return true;
    });
    await assert.rejects(client.swarm.listBundles(source.address, client.did), {
      code: 'WRONG_SOURCE',
    });
    const { did, bundles } = await client.swarm.listBundles(`127.0.0.1:${source.port}`, source.did);
    assert.equal(did, source.did);
    assert.deepEqual(bundles, []);
  } finally {
    await client.stop();
    await source.stop();
  }
});

test('signed metadata travels byte for byte, also files longer than a frame', async () => {
  const source = await startNode(1);
  const client = await startNode(2);
  try {
    const manifest = await storeBundle(source.open.store, [1000]);
    const large = bytesOf(3 * MIB + 5, 9);
    source.open.catalog.saveBundle(
      manifest,
      'source',
      new Map([
        ['timestamp.json', Buffer.from('{}')],
        ['1.targets.json', large],
      ]),
    );
    const { bundles } = await client.swarm.listBundles(source.address);
    assert.deepEqual(bundles, [{ name: 'demo', source: manifest.source, version: 1 }]);
    const bundle = { name: 'demo', source: manifest.source };
    const read = (file: string, maxBytes: number): Promise<Uint8Array | undefined> =>
      client.swarm.fetchMetadata(source.address, bundle, file, maxBytes);
    assert.deepEqual(Buffer.from((await read('timestamp.json', 100))!), Buffer.from('{}'));
    assert.equal(Buffer.compare((await read('1.targets.json', 4 * MIB))!, large), 0);
    assert.equal(await read('9.root.json', 100), undefined);
    await assert.rejects(read('1.targets.json', MIB), { code: 'LIMIT_EXCEEDED' });
    // What the catalog names is served without anybody having shared it.
    const { share } = await pull(client, manifest, { masters: [source.address] });
    await share.complete(AbortSignal.timeout(10_000));
  } finally {
    await client.stop();
    await source.stop();
  }
});

test('who closes its side before the answer, or without a question, leaves no stream behind', async () => {
  const source = await startNode(1);
  const stranger = await startStranger();
  try {
    const connection = await stranger.dial(multiaddr(source.address));
    const list = Uint8Array.of(2, 10, 0);
    // More than may be open at once.
    for (let count = 0; count < 100; count += 1) {
      const stream = await connection.newStream('/x/bundle/1');
      const over = once(stream, 'close', { signal: AbortSignal.timeout(20_000) });
      stream.send(count % 2 === 0 ? list : Uint8Array.of(2));
      await stream.close();
      await over;
      assert.equal(stream.status, 'closed');
    }
    assert.equal(connection.streams.length, 0);
  } finally {
    await stranger.stop();
    await source.stop();
  }
});

test('a stream that was broken off before anybody listened is over at once', async () => {
  const source = await startNode(1);
  const stranger = await startStranger();
  try {
    const connection = await stranger.dial(multiaddr(source.address));
    const stream = await connection.newStream('/x/bundle/1');
    stream.abort(new Error('broken off'));
    const ended = new Promise<Error | undefined>((onEnd) => {
      const frames = new FrameStream(stream, { onFrame: () => undefined, onEnd });
      assert.equal(frames.isOpen, false);
    });
    assert.ok((await ended) instanceof Error);
  } finally {
    await stranger.stop();
    await source.stop();
  }
});
