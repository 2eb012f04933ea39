import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import { test } from 'node:test';
import { generateKeyPair } from '@libp2p/crypto/keys';
import type { Stream } from '@libp2p/interface';
import { noise } from '@chainsafe/libp2p-noise';
import { yamux } from '@chainsafe/libp2p-yamux';
import { tcp } from '@libp2p/tcp';
import { multiaddr } from '@multiformats/multiaddr';
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

/** A wire to a port that gathers what comes and hands it on cut at odd places: nothing ends where it ended. */
async function oddWire(
  port: number,
  tailBytes: number,
): Promise<{ port: number; end: () => void }> {
  const sockets: Socket[] = [];
  const server = createServer((near) => {
    const far = connect(port, '127.0.0.1');
    sockets.push(near, far);
    for (const [from, to] of [
      [near, far],
      [far, near],
    ] as const) {
      let waiting: Buffer = Buffer.alloc(0);
      const timer = setInterval(() => {
        const now = Math.max(1, waiting.length - tailBytes);
        if (waiting.length > 0) to.write(waiting.subarray(0, now));
        waiting = waiting.subarray(now);
      }, 5);
      from.on('data', (chunk: Buffer) => {
        waiting = Buffer.concat([waiting, chunk]);
      });
      from.on('close', () => clearInterval(timer));
      from.on('error', () => to.destroy());
      to.on('close', () => from.destroy());
    }
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const end = (): void => {
    server.close();
    for (const socket of sockets) socket.destroy();
  };
  return { port: (server.address() as AddressInfo).port, end };
}

for (const tailBytes of [1, 2, 7, 17, 40]) {
  test(`nothing of a first message is lost that comes with the handshake, all but ${tailBytes} bytes`, async (t) => {
    const [a, b] = await Promise.all([host('lean'), host('lean')]);
    const bytes = randomLooking(3_000, tailBytes);
    await b.handle(PROTOCOL, (stream) => {
      void read(stream, bytes.length).then((got) => write(stream, got, 700));
    });
    const port = Number(/tcp\/([0-9]+)/.exec(b.getMultiaddrs().join(' '))?.[1]);
    const wire = await oddWire(port, tailBytes);
    t.after(async () => {
      wire.end();
      await Promise.all([a.stop(), b.stop()]);
    });
    const address = multiaddr(`/ip4/127.0.0.1/tcp/${wire.port}`);
    const signal = AbortSignal.timeout(10_000);
    const line = await a.dial(address, { signal });
    const streams = await Promise.all(
      Array.from({ length: 8 }, () => line.newStream(PROTOCOL, { signal })),
    );
    for (const stream of streams) {
      const back = read(stream, bytes.length);
      await write(stream, bytes, 500);
      assert.ok(Buffer.compare(await back, bytes) === 0);
    }
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
