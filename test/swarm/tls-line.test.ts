import assert from 'node:assert/strict';
import { X509Certificate, createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { Socket, connect, createServer, type AddressInfo } from 'node:net';
import { test, type TestContext } from 'node:test';
import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises';
import { connect as connectTls } from 'node:tls';
import { generateKeyPair } from '@libp2p/crypto/keys';
import type { Connection, ConnectionGater, MessageStream, Stream } from '@libp2p/interface';
import { peerIdFromPrivateKey } from '@libp2p/peer-id';
import { tcp } from '@libp2p/tcp';
import { tls } from '@libp2p/tls';
import { verifyPeerCertificate } from '@libp2p/tls/utils';
import { multiaddr } from '@multiformats/multiaddr';
import { createLibp2p, type Libp2p } from 'libp2p';
import { noiseLine } from '../../src/swarm/noise-line.js';
import { tlsCertificate } from '../../src/swarm/tls-certificate.js';
import { TLS_CIPHERS, cipherOrder } from '../../src/swarm/tls-ciphers.js';
import { tlsLine } from '../../src/swarm/tls-line.js';
import { yamuxWithWideWindows } from '../../src/swarm/wide-windows.js';

const PROTOCOL = '/test/bytes';
const WAIT_MS = 20_000;

const ENCRYPTERS = {
  ours: [tlsLine()],
  "libp2p's": [tls()],
  both: [tlsLine(), noiseLine()],
  'Noise alone': [noiseLine()],
};
type Kind = keyof typeof ENCRYPTERS;

async function host(
  t: TestContext,
  kind: Kind,
  connectionGater: ConnectionGater = {},
): Promise<Libp2p> {
  const made = await createLibp2p({
    connectionGater,
    privateKey: await generateKeyPair('Ed25519'),
    addresses: { listen: ['/ip4/127.0.0.1/tcp/0'] },
    transports: [tcp()],
    connectionEncrypters: ENCRYPTERS[kind],
    streamMuxers: [yamuxWithWideWindows({})],
    connectionManager: { inboundUpgradeTimeout: 1_000, inboundConnectionThreshold: 100 },
    // What is found out late by its pings has to be found out without.
    connectionMonitor: { enabled: false },
  });
  t.after(() => made.stop());
  return made;
}

function portOf(node: Libp2p): number {
  return Number(/tcp\/([0-9]+)/.exec(node.getMultiaddrs().join(' '))?.[1]);
}

/** What comes until the other side has ended its half. */
function digestOfAll(stream: Stream): Promise<string> {
  const hash = createHash('sha256');
  return new Promise((resolve, reject) => {
    stream.addEventListener('message', ({ data }) => {
      for (const part of data instanceof Uint8Array ? [data] : data) hash.update(part);
    });
    // Where all is there before somebody listens, the stream says no more than that it is closed.
    const end = (error?: Error): void => {
      if (error === undefined) resolve(hash.copy().digest('hex'));
      else reject(error);
    };
    stream.addEventListener('end', () => end());
    stream.addEventListener('close', ({ error }) => end(error));
  });
}

async function write(stream: Stream, bytes: Uint8Array, everyBytes: number): Promise<void> {
  for (let at = 0; at < bytes.length; at += everyBytes) {
    if (!stream.send(bytes.subarray(at, at + everyBytes))) await stream.onDrain();
  }
}

for (const [caller, called, encryption] of [
  ['ours', 'ours', '/tls/1.0.0'],
  ['ours', "libp2p's", '/tls/1.0.0'],
  ["libp2p's", 'ours', '/tls/1.0.0'],
  ['both', 'both', '/tls/1.0.0'],
  ['both', 'Noise alone', '/noise'],
  ['Noise alone', 'both', '/noise'],
] as const) {
  test(`${caller} and ${called} speak ${encryption} and carry bytes both ways to the last`, async (t) => {
    const [a, b] = await Promise.all([host(t, caller), host(t, called)]);
    const bytes = randomBytes(9_000_001);
    const digest = createHash('sha256').update(bytes).digest('hex');
    let arrived: Promise<string> | undefined;
    await b.handle(PROTOCOL, (stream) => {
      arrived = digestOfAll(stream);
      void write(stream, bytes, 250_000).then(() => stream.close());
    });
    const connection = await a.dial(b.getMultiaddrs());
    assert.equal(connection.encryption, encryption);
    assert.ok(connection.remotePeer.equals(b.peerId));
    const stream = await connection.newStream(PROTOCOL);
    const back = digestOfAll(stream);
    await write(stream, bytes.subarray(0, 999), 1);
    await write(stream, bytes.subarray(999, 5_000_000), 5_000);
    await write(stream, bytes.subarray(5_000_000), 1_999_999);
    await stream.close();
    assert.equal(await back, digest);
    assert.equal(await arrived, digest);
    assert.ok(b.getConnections()[0]?.remotePeer.equals(a.peerId));
  });
}

test('who is called is who was meant, or there is no connection', async (t) => {
  const [a, b] = await Promise.all([host(t, 'ours'), host(t, 'ours')]);
  const other = peerIdFromPrivateKey(await generateKeyPair('Ed25519'));
  const address = multiaddr(`/ip4/127.0.0.1/tcp/${portOf(b)}/p2p/${other.toString()}`);
  // Again and again: it is found out while the last message of the handshake is read.
  for (let count = 0; count < 20; count += 1)
    await assert.rejects(a.dial(address), /Unexpected|peer/i);
  assert.equal(a.getConnections().length, 0);
});

for (const gater of [
  { denyOutboundEncryptedConnection: () => true },
  { denyOutboundUpgradedConnection: () => true },
]) {
  test(`who calls and will not have whom it met hangs up: ${Object.keys(gater).join()}`, async (t) => {
    const [a, b] = await Promise.all([host(t, 'ours', gater), host(t, 'ours')]);
    for (let count = 0; count < 20; count += 1)
      await assert.rejects(a.dial(b.getMultiaddrs()), { name: /Connection/ });
    await isServed(t, b);
  });
}

test('a certificate is good whatever the clocks say, and says whose it is', async () => {
  const key = await generateKeyPair('Ed25519');
  const { cert } = await tlsCertificate(key);
  const parsed = new X509Certificate(cert);
  assert.equal(parsed.validFromDate.getTime(), 0);
  assert.ok(parsed.validToDate.getUTCFullYear() > 9_000);
  const peer = await verifyPeerCertificate(parsed.raw);
  assert.ok(peer.equals(peerIdFromPrivateKey(key)));
  const another = await tlsCertificate(key);
  assert.notEqual(new X509Certificate(another.cert).serialNumber, parsed.serialNumber);
});

/** Speaks multistream up to TLS, then whatever it is told to. */
async function socketAtTls(port: number): Promise<Socket> {
  const socket = connect(port, '127.0.0.1');
  socket.on('error', () => undefined);
  const lines = ['/multistream/1.0.0\n', '/tls/1.0.0\n'].map((line) => Buffer.from(line));
  socket.write(Buffer.concat(lines.flatMap((line) => [Buffer.from([line.length]), line])));
  // Each line comes back, after its length.
  let missing = lines.reduce((sum, { length }) => sum + 1 + length, 0);
  await new Promise<void>((resolve) => {
    socket.on('data', ({ length }: Buffer) => {
      missing -= length;
      if (missing === 0) resolve();
    });
  });
  socket.removeAllListeners('data');
  socket.pause();
  return socket;
}

function ends(socket: Socket): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<undefined>();
  const timer = setTimeout(() => reject(new Error('it was not cut off')), WAIT_MS);
  socket.on('error', () => undefined);
  socket.once('close', () => {
    clearTimeout(timer);
    resolve(undefined);
  });
  socket.resume();
  return promise;
}

const another = await generateKeyPair('Ed25519');
for (const [what, options] of [
  ['no certificate', (): Promise<object> => Promise.resolve({})],
  ['a certificate that names no host', strangersCertificate],
  ['an older TLS', async () => ({ ...(await tlsCertificate(another)), maxVersion: 'TLSv1.2' })],
] as const) {
  test(`who comes with ${what} is cut off, and others are served`, async (t) => {
    const b = await host(t, 'ours');
    const socket = await socketAtTls(portOf(b));
    const line = connectTls({
      socket,
      rejectUnauthorized: false,
      ALPNProtocols: ['libp2p'],
      ...(await options()),
    });
    await ends(line);
    assert.equal(b.getConnections().length, 0);
    await isServed(t, b);
  });
}

/** Self-signed and well-formed, and nothing of libp2p's in it. */
async function strangersCertificate(): Promise<object> {
  const { makeCertificate } = await import('../../src/platform/certificate.js');
  const { key, certificate } = await makeCertificate(['stranger'], new Date());
  return { key, cert: certificate };
}

for (const [what, bytes] of [
  ['garbage', randomBytes(4_000)],
  ['nothing more', Buffer.alloc(0)],
  ['the start of a greeting', Buffer.from([0x16, 3, 1, 2, 0, 1, 0])],
] as const) {
  test(`who sends ${what} where keys are agreed on is cut off, and others are served`, async (t) => {
    const b = await host(t, 'ours');
    const socket = await socketAtTls(portOf(b));
    if (bytes.length > 0) socket.write(bytes);
    await ends(socket);
    assert.equal(b.getConnections().length, 0);
    await isServed(t, b);
  });
}

test('who hangs up in the middle of a handshake leaves nothing behind', async (t) => {
  const b = await host(t, 'ours');
  for (let count = 0; count < 20; count += 1) (await socketAtTls(portOf(b))).destroy();
  await isServed(t, b);
  assert.equal(b.getConnections().length, 1);
});

async function isServed(t: TestContext, b: Libp2p): Promise<Connection> {
  const a = await host(t, 'ours');
  const bytes = randomBytes(1_000);
  await b.handle(PROTOCOL, (stream) => void write(stream, bytes, 300).then(() => stream.close()));
  const connection = await a.dial(b.getMultiaddrs());
  const stream = await connection.newStream(PROTOCOL);
  const arrived = digestOfAll(stream);
  await write(stream, bytes, 1_000);
  await stream.close();
  assert.equal(await arrived, createHash('sha256').update(bytes).digest('hex'));
  return connection;
}

/** A wire that changes one byte of what the caller sends, once so many have passed. */
async function noisyWire(t: TestContext, port: number, afterBytes: number): Promise<number> {
  const sockets: Socket[] = [];
  const server = createServer((near) => {
    const far = connect(port, '127.0.0.1');
    sockets.push(near, far);
    let passed = 0;
    near.on('data', (chunk: Buffer) => {
      const at = afterBytes - passed;
      passed += chunk.length;
      if (at >= 0 && at < chunk.length) chunk[at] = (chunk[at] ?? 0) ^ 1;
      far.write(chunk);
    });
    far.pipe(near);
    for (const socket of [near, far]) {
      socket.on('error', () => undefined);
      socket.on('close', () => sockets.forEach((one) => one.destroy()));
    }
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => {
    server.close();
    for (const socket of sockets) socket.destroy();
  });
  return (server.address() as AddressInfo).port;
}

test('a byte that is changed on its way ends the connection, and nothing after it arrives', async (t) => {
  const [a, b] = await Promise.all([host(t, 'ours'), host(t, 'ours')]);
  const sent = randomBytes(1_000_000);
  const got: Uint8Array[] = [];
  const ended = Promise.withResolvers<undefined>();
  await b.handle(PROTOCOL, (stream) => {
    stream.addEventListener('message', ({ data }) => got.push(data.slice()));
    stream.addEventListener('close', () => ended.resolve(undefined));
  });
  const port = await noisyWire(t, portOf(b), 300_000);
  const connection = await a.dial(multiaddr(`/ip4/127.0.0.1/tcp/${port}`));
  const stream = await connection.newStream(PROTOCOL);
  await write(stream, sent, 50_000).catch(() => undefined);
  await ended.promise;
  const arrived = Buffer.concat(got);
  assert.ok(arrived.length < 300_000);
  assert.ok(sent.subarray(0, arrived.length).equals(arrived));
});

test('the last bytes before a line is closed arrive', async (t) => {
  for (let count = 0; count < 20; count += 1) {
    const [a, b] = await Promise.all([host(t, 'ours'), host(t, 'ours')]);
    const bytes = randomBytes(400_000);
    const arrived = Promise.withResolvers<string>();
    await b.handle(PROTOCOL, (stream) => {
      digestOfAll(stream).then(arrived.resolve, arrived.reject);
    });
    const connection = await a.dial(b.getMultiaddrs());
    const stream = await connection.newStream(PROTOCOL);
    await write(stream, bytes, 100_000);
    await stream.close();
    await connection.close();
    assert.equal(await arrived.promise, createHash('sha256').update(bytes).digest('hex'));
    await Promise.all([a.stop(), b.stop()]);
  }
});

test('a line that is closed while its wire is slow carries all that was sent', async (t) => {
  const [a, b] = await Promise.all([host(t, 'ours'), host(t, 'ours')]);
  const arrived = Promise.withResolvers<string>();
  await b.handle(PROTOCOL, (stream) => {
    digestOfAll(stream).then(arrived.resolve, arrived.reject);
  });
  const { port, resume } = await slowWire(t, portOf(b), 10_000);
  const connection = await a.dial(multiaddr(`/ip4/127.0.0.1/tcp/${port}`));
  const stream = await connection.newStream(PROTOCOL);
  const signal = AbortSignal.timeout(WAIT_MS);
  const hash = createHash('sha256');
  const { secured } = socketsOf(connection);
  const send = (): void => {
    const bytes = randomBytes(5_000);
    hash.update(bytes);
    assert.ok(stream.send(bytes), 'so little waits that a writer need not');
  };
  for (let waitingTurns = 0; waitingTurns < 50;) {
    await nextTurn();
    waitingTurns = secured.writableLength > 0 ? waitingTurns + 1 : 0;
    if (waitingTurns === 0) send();
  }
  // The system takes no more: these wait in TLS.
  for (let count = 0; count < 3; count += 1) send();
  setTimeout(resume, 300);
  await stream.close({ signal });
  await connection.close({ signal });
  assert.equal(await arrived.promise, hash.digest('hex'));
});

/** A wire that stands still once so many bytes have passed, until it is told to go on. */
async function slowWire(
  t: TestContext,
  port: number,
  afterBytes: number,
): Promise<{ port: number; resume: () => void }> {
  const sockets: Socket[] = [];
  let isHeld = true;
  const server = createServer((near) => {
    const far = connect(port, '127.0.0.1');
    sockets.push(near, far);
    let passed = 0;
    near.on('data', (chunk: Buffer) => {
      passed += chunk.length;
      far.write(chunk);
      if (isHeld && passed > afterBytes) near.pause();
    });
    near.on('end', () => far.end());
    far.pipe(near);
    for (const socket of [near, far]) socket.on('error', () => undefined);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => {
    server.close();
    for (const socket of sockets) socket.destroy();
  });
  const resume = (): void => {
    isHeld = false;
    sockets[0]?.resume();
  };
  return { port: (server.address() as AddressInfo).port, resume };
}

test('who is gone as soon as keys are agreed on is not taken for there', async (t) => {
  const b = await host(t, 'ours');
  const credentials = await tlsCertificate(another);
  for (let count = 0; count < 10; count += 1) {
    const socket = await socketAtTls(portOf(b));
    const ALPNProtocols = ['/yamux/1.0.0'];
    const line = connectTls({ socket, rejectUnauthorized: false, ALPNProtocols, ...credentials });
    line.on('error', () => undefined);
    await once(line, 'secureConnect');
    setImmediate(() => socket.resetAndDestroy());
    await once(socket, 'close');
  }
  const connection = await isServed(t, b);
  await until(() => b.getConnections().length <= 1);
  assert.equal(connection.status, 'open');
});

test('a line that is aborted while it ends is closed, and leaves no socket behind', async (t) => {
  const [a, b] = await Promise.all([host(t, 'ours'), host(t, 'ours')]);
  const connection = await a.dial(b.getMultiaddrs());
  const { secured, raw, line } = socketsOf(connection);
  while (secured.writableLength > 0) await nextTurn();
  secured.end();
  const closed = once(raw, 'close');
  // As libp2p does where nothing has come for long.
  line.abort(new Error('enough'));
  await closed;
  await until(() => b.getConnections().length === 0);
});

/** What libp2p keeps to itself: the two sockets, and the connection of the lower one. */
function socketsOf(connection: Connection): { secured: Socket; raw: Socket; line: MessageStream } {
  const line: unknown = Reflect.get(connection, 'maConn');
  const muxer: unknown = Reflect.get(connection, 'muxer');
  const upper: unknown = Reflect.get(Object(muxer), 'maConn');
  const [secured, raw] = [upper, line].map((one): unknown => Reflect.get(Object(one), 'socket'));
  assert.ok(secured instanceof Socket && raw instanceof Socket);
  return { secured, raw, line: line as MessageStream };
}

async function until(isSo: () => boolean): Promise<void> {
  const endMs = performance.now() + WAIT_MS;
  while (!isSo()) {
    assert.ok(performance.now() < endMs, 'it does not come about');
    await sleep(20);
  }
}

test('who does not read holds up who writes', async (t) => {
  const [a, b] = await Promise.all([host(t, 'ours'), host(t, 'ours')]);
  let taker: Stream | undefined;
  await b.handle(PROTOCOL, (stream) => {
    stream.pause();
    taker = stream;
  });
  const connection = await a.dial(b.getMultiaddrs());
  const stream = await connection.newStream(PROTOCOL);
  const chunk = randomBytes(1 << 20);
  let sentMiB = 0;
  while (sentMiB < 64 && stream.send(chunk)) sentMiB += 1;
  assert.ok(sentMiB < 64, 'a writer was never told to wait');
  const drained = stream.onDrain();
  await sleep(50);
  let got = 0;
  taker?.addEventListener('message', ({ data }) => {
    got += data.byteLength;
  });
  taker?.resume();
  await drained;
  assert.ok(got > 0);
});

test('the ciphers are ordered by what this machine does quickly, and none is left out', () => {
  const [first, ...rest] = cipherOrder(1, 1.2);
  assert.equal(first, 'TLS_AES_256_GCM_SHA384');
  assert.equal(cipherOrder(3, 1)[0], 'TLS_CHACHA20_POLY1305_SHA256');
  assert.deepEqual([first, ...rest].sort(), cipherOrder(3, 1).sort());
  assert.equal(TLS_CIPHERS.ciphers?.split(':').length, 3);
});

test('the library is the one that this line was written for', async (t) => {
  const [a, b] = await Promise.all([host(t, 'ours'), host(t, 'ours')]);
  const connection = await a.dial(b.getMultiaddrs());
  const muxer: unknown = Reflect.get(connection, 'muxer');
  const secured: unknown = Reflect.get(Object(muxer), 'maConn');
  assert.ok(Object.hasOwn(Object(secured), 'sendData'));
  const socket: unknown = Reflect.get(Object(secured), 'socket');
  assert.equal(Reflect.get(Object(socket), '_writev'), null);
  assert.ok(Reflect.get(Object(socket), '_parent'), 'TLS on the socket itself');
});
