import assert from 'node:assert/strict';
import { test } from 'node:test';
import { generateKeyPair } from '@libp2p/crypto/keys';
import type { Stream } from '@libp2p/interface';
import { noise } from '@chainsafe/libp2p-noise';
import { yamux } from '@chainsafe/libp2p-yamux';
import { tcp } from '@libp2p/tcp';
import fc from 'fast-check';
import { createLibp2p, type Libp2p } from 'libp2p';
import { Uint8ArrayList } from 'uint8arraylist';
import { MessageCutter, noiseLine } from '../../src/swarm/noise-line.js';
import { yamuxWithWideWindows } from '../../src/swarm/wide-windows.js';
import { noise as randomLooking } from './nodes.js';

const PROTOCOL = '/test/echo';

async function host(kind: 'lean' | 'plain'): Promise<Libp2p> {
  return createLibp2p({
    privateKey: await generateKeyPair('Ed25519'),
    addresses: { listen: ['/ip4/127.0.0.1/tcp/0'] },
    transports: [tcp()],
    connectionEncrypters: [kind === 'lean' ? noiseLine() : noise()],
    streamMuxers: [kind === 'lean' ? yamuxWithWideWindows({}) : yamux()],
  });
}

function read(stream: Stream, count: number): Promise<Uint8Array> {
  const list = new Uint8ArrayList();
  return new Promise((resolve, reject) => {
    stream.addEventListener('message', ({ data }) => {
      list.append(data);
      if (list.byteLength >= count) resolve(list.subarray());
    });
    stream.addEventListener('close', () => reject(new Error(`ended at ${list.byteLength}`)));
  });
}

async function write(stream: Stream, bytes: Uint8Array, everyBytes: number): Promise<void> {
  for (let at = 0; at < bytes.length; at += everyBytes) {
    if (!stream.send(bytes.subarray(at, at + everyBytes))) await stream.onDrain();
  }
}

for (const [one, other] of [
  ['lean', 'lean'],
  ['lean', 'plain'],
  ['plain', 'lean'],
] as const) {
  test(`a ${one} line carries bytes both ways to a ${other} one`, async (t) => {
    const [a, b] = await Promise.all([host(one), host(other)]);
    t.after(() => Promise.all([a.stop(), b.stop()]));
    const bytes = randomLooking(12_000_000, 1);
    await b.handle(PROTOCOL, (stream) => {
      void read(stream, bytes.length).then((got) => write(stream, got, 300_000));
    });
    const stream = await a.dialProtocol(b.getMultiaddrs(), PROTOCOL);
    const back = read(stream, bytes.length);
    await write(stream, bytes.subarray(0, 1_000), 1);
    await write(stream, bytes.subarray(1_000), 999_999);
    assert.ok(Buffer.compare(await back, bytes) === 0);
    const [connection] = a.getConnections();
    assert.equal(connection?.encryption, '/noise');
  });
}

test('the libraries are those that a lean line was written for', async (t) => {
  const [a, b] = await Promise.all([host('lean'), host('lean')]);
  t.after(() => Promise.all([a.stop(), b.stop()]));
  await b.handle(PROTOCOL, () => undefined);
  const stream = await a.dialProtocol(b.getMultiaddrs(), PROTOCOL);
  assert.equal(Reflect.get(stream, 'recvWindow'), 4 << 20);
  assert.ok(Object.hasOwn(stream, 'sendWindowUpdate'));
  const muxer: unknown = Reflect.get(a.getConnections()[0] ?? {}, 'muxer');
  const secured: unknown = Reflect.get(Object(muxer), 'maConn');
  for (const name of ['encrypt', 'decrypt', 'decoder'])
    assert.ok(Object.hasOwn(Object(secured), name), name);
  const raw: unknown = Reflect.get(Object(secured), 'stream');
  assert.ok(Object.hasOwn(Object(raw), 'sendData'));
});

test('messages are cut out however they arrive', () => {
  const lengths = fc.array(fc.oneof(fc.nat(40), fc.nat(65_535)), { maxLength: 6 });
  fc.assert(
    fc.property(lengths, fc.integer({ min: 1, max: 70_000 }), (sizes, everyBytes) => {
      const messages = sizes.map((size, at) => randomLooking(size, at));
      const wire = Buffer.concat(
        messages.flatMap((message) => {
          const length = Buffer.alloc(2);
          length.writeUInt16BE(message.length);
          return [length, message];
        }),
      );
      const cutter = new MessageCutter();
      const got: Uint8Array[] = [];
      for (let at = 0; at < wire.length; at += everyBytes) {
        const data = new Uint8ArrayList(wire.subarray(at, at + everyBytes));
        for (const cut of cutter.cut(data)) got.push(...cut.map((one) => one.subarray()));
      }
      assert.deepEqual(got.map(Buffer.from), messages.map(Buffer.from));
    }),
    { numRuns: 60 },
  );
});
