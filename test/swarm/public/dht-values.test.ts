import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import { generateKeyPairFromSeed, publicKeyToProtobuf } from '@libp2p/crypto/keys';
import { multiaddr } from '@multiformats/multiaddr';
import { FrameStream } from '../../../src/swarm/frames.js';
import { noise } from '../nodes.js';
import { seedOf, startHost, startNode, until } from './hosts.js';

const PUT_VALUE = Uint8Array.of(0x08, 0);
const ADD_PROVIDER = Uint8Array.of(0x08, 2);
const PING = Uint8Array.of(0x08, 5);
const STRANGER = 132;

function varint(value: number): Uint8Array {
  const bytes: number[] = [];
  let rest = value;
  for (; rest >= 128; rest = Math.floor(rest / 128)) bytes.push((rest % 128) | 0x80);
  return Uint8Array.of(...bytes, rest);
}

/** A protobuf field of bytes. */
function field(number: number, value: Uint8Array): Uint8Array {
  return Buffer.concat([Uint8Array.of((number << 3) | 2), varint(value.length), value]);
}

/** As libp2p's public DHT takes it: a public key under its own hash, with padding that no decoder minds. */
async function paddedKey(number: number, paddingBytes: number): Promise<Uint8Array> {
  const { publicKey } = await generateKeyPairFromSeed('Ed25519', seedOf(number));
  const key = Buffer.concat([Buffer.from('/pk/'), publicKey.toMultihash().bytes]);
  const value = Buffer.concat([publicKeyToProtobuf(publicKey), field(15, noise(paddingBytes, 1))]);
  const received = field(5, Buffer.from(new Date().toISOString()));
  const record = Buffer.concat([field(1, key), field(2, value), received]);
  return Buffer.concat([PUT_VALUE, field(2, key), field(3, record)]);
}

/** Word of a stranger that it has what lies under a hash that is no hash, but as long as it likes. */
async function longName(number: number, bytes: number): Promise<Uint8Array> {
  const key = await generateKeyPairFromSeed('Ed25519', seedOf(number));
  const cid = Buffer.concat([Uint8Array.of(1, 0x55, 0), varint(bytes), noise(bytes, 2)]);
  const at = multiaddr('/ip4/127.0.0.132/tcp/8471').bytes;
  const peer = Buffer.concat([field(1, key.publicKey.toMultihash().bytes), field(2, at)]);
  return Buffer.concat([ADD_PROVIDER, field(2, cid), field(9, peer)]);
}

interface Told {
  answers: number;
  isOver: boolean;
}

/** A node whose light DHT a stranger says these words to. */
async function tell(t: TestContext, words: Uint8Array): Promise<Told> {
  const node = await startNode(t, 131);
  const stranger = await startHost(t, STRANGER);
  const signal = AbortSignal.timeout(60_000);
  const connection = await stranger.connect(
    { did: node.host.did, addresses: node.host.addresses() },
    signal,
  );
  const stream = await connection.open('/x/kad-light/1', signal);
  const told: Told = { answers: 0, isOver: false };
  const frames = new FrameStream(stream, {
    onFrame: () => void (told.answers += 1),
    onEnd: () => void (told.isOver = true),
  });
  frames.send(words);
  // A ping: it is answered once the words before it were taken.
  frames.send(PING);
  await until('it has decided', () => told.answers > 0 || told.isOver);
  return told;
}

test('a DHT keeps word of who has what, and no public keys with padding', async (t) => {
  const told = await tell(t, await paddedKey(1, 50_000));
  assert.equal(told.answers, 0, 'it was kept');
});

test('a DHT keeps no names that are as long as a stranger likes', async (t) => {
  const told = await tell(t, await longName(STRANGER, 10_000));
  assert.equal(told.answers, 0, 'it was kept');
});

test('a DHT takes word of what lies under a hash', async (t) => {
  const told = await tell(t, await longName(STRANGER, 32));
  assert.equal(told.answers, 1);
});
