import assert from 'node:assert/strict';
import { test } from 'node:test';
import { generateKeyPair } from '@libp2p/crypto/keys';
import { peerIdFromPrivateKey } from '@libp2p/peer-id';
import { multiaddr } from '@multiformats/multiaddr';
import { Key } from 'interface-datastore';
import { createLibp2p } from 'libp2p';
import { BOUNDS } from '../../../src/domain/bounds.js';
import { BoundedDatastore } from '../../../src/swarm/public/bounded-datastore.js';
import { NodeRoom } from '../../../src/swarm/public/node-room.js';

const NOBODY = new Set<string>();

/** Opens as many as are let in; returns how many. */
function crowd(room: NodeRoom, count: number, placeOf: (i: number) => [string, string]): number {
  let admitted = 0;
  for (let i = 0; i < count; i += 1) {
    const [ip, group] = placeOf(i);
    if (!room.admits({ ip, group })) continue;
    room.opened(`${ip} ${room.size}`, { did: `did:${ip}:${i}`, ip, group }, 0);
    admitted += 1;
  }
  return admitted;
}

test('one address and one network get a part of the places', () => {
  const room = new NodeRoom();
  const ofOne = crowd(room, 200, () => ['1.2.3.4', '1.2.3.0/24']);
  assert.equal(ofOne, BOUNDS.swarmConnectionsOfAddress);
  const ofGroup = crowd(room, 200, (i) => [`1.2.3.${i}`, '1.2.3.0/24']);
  assert.equal(ofOne + ofGroup, BOUNDS.swarmConnectionsOfGroup);
  const others = crowd(room, 2_000, (i) => [`9.${i}.1.1`, `9.${i}.1.0/24`]);
  assert.equal(ofOne + ofGroup + others, BOUNDS.swarmConnections);
});

test('one address and one network get a part of the handshakes under way', () => {
  const room = new NodeRoom();
  const begin = (count: number, placeOf: (i: number) => [string, string]): object[] =>
    Array.from({ length: count }, (_, i) => {
      const [ip, group] = placeOf(i);
      const connection = {};
      return room.begins(connection, { ip, group }) ? [connection] : [];
    }).flat();
  const ofOne = begin(100, () => ['1.2.3.4', '1.2.3.0/24']);
  assert.equal(ofOne.length, BOUNDS.swarmHandshakesOfAddress);
  const ofGroup = begin(100, (i) => [`1.2.3.${i}`, '1.2.3.0/24']);
  assert.equal(ofOne.length + ofGroup.length, BOUNDS.swarmHandshakesOfGroup);
  assert.ok(BOUNDS.swarmHandshakesOfGroup < BOUNDS.pendingConnections);
  assert.equal(begin(1, () => ['9.9.9.9', '9.9.9.0/24']).length, 1);
  for (const connection of ofOne.slice(0, 3)) room.ended(connection);
  assert.equal(begin(100, () => ['1.2.3.4', '1.2.3.0/24']).length, 3);
});

test('where there are many those go that carried nothing for longest, never neighbours', () => {
  const room = new NodeRoom();
  const count = BOUNDS.swarmConnectionsAtEase + 10;
  for (let i = 0; i < count; i += 1)
    room.opened(`c${i}`, { did: `did:${i}`, ip: `9.${i}.1.1`, group: `9.${i}.1.0/24` }, i);
  const now = count;
  room.used('c1', now);
  assert.deepEqual(room.excess(new Set(['did:0', 'did:2']), now), [
    'c3',
    'c4',
    'c5',
    'c6',
    'c7',
    'c8',
    'c9',
    'c10',
    'c11',
    'c12',
  ]);
  for (let i = 20; i < count; i += 1) room.closed(`c${i}`);
  assert.deepEqual(room.excess(NOBODY, now), []);
  assert.equal(room.excess(NOBODY, now + BOUNDS.swarmUnusedMs).length, 20);
});

test('of two connections to a node the idle one is closed', () => {
  const room = new NodeRoom();
  const place = { did: 'did:a', ip: '9.1.1.1', group: '9.1.1.0/24' };
  room.opened('used', place, 0);
  room.opened('idle', place, 0);
  room.used('used', 5_000);
  assert.deepEqual(room.excess(new Set(['did:a']), 5_000), ['idle']);
  room.closed('idle');
  room.used('used', 6_000);
  assert.deepEqual(room.excess(NOBODY, 6_000), []);
});

test('what libp2p remembers is bounded, the oldest goes', async () => {
  const store = new BoundedDatastore();
  const write = (name: string): Key => store.put(new Key(name), Uint8Array.of(1));
  for (let i = 0; i <= BOUNDS.swarmStoredPeers; i += 1) write(`/peers/${i}`);
  write('/light/providers/1');
  assert.equal(store.size, BOUNDS.swarmStoredPeers + 1);
  assert.equal(await store.has(new Key('/peers/0')), false);
  assert.equal(await store.has(new Key('/peers/1')), true);
  write('/peers/1');
  write('/peers/new');
  assert.equal(await store.has(new Key('/peers/1')), true, 'it was written again');
  assert.equal(await store.has(new Key('/peers/2')), false);
  store.delete(new Key('/peers/new'));
  assert.equal(store.size, BOUNDS.swarmStoredPeers);
  const long = new Uint8Array(BOUNDS.swarmStoredValueBytes + 1);
  assert.throws(() => store.put(new Key('/light/pk/1'), long), /value that is too long/);
  const name = `/light/provider/${'a'.repeat(BOUNDS.swarmStoredNameChars)}/peer`;
  assert.throws(() => store.put(new Key(name), Uint8Array.of(1)), /name that is too long/);
});

test('of whom more addresses are said than fit no stream fails for that: what was known of it stays', async () => {
  const store = new BoundedDatastore();
  const { peerStore } = await createLibp2p({ datastore: store, start: false });
  const key = await generateKeyPair('Ed25519');
  const peer = peerIdFromPrivateKey(key);
  const addressOf = (i: number) => multiaddr(`/ip4/9.${i >> 8}.${i & 255}.1/tcp/8471`);
  for (let i = 0; i < 2_000; i += 20) {
    const multiaddrs = Array.from({ length: 20 }, (_, at) => addressOf(i + at));
    await peerStore.merge(peer, { multiaddrs });
  }
  // As libp2p does with each stream that is opened.
  await peerStore.merge(peer, { protocols: [`/x/${'protocol'.repeat(10)}/1`] });
  const { addresses } = await peerStore.get(peer);
  assert.ok(addresses.length > 100 && addresses.length < 2_000, `${addresses.length} addresses`);
  assert.ok(addresses.some(({ multiaddr: one }) => one.equals(addressOf(0))));
  assert.ok(addresses.every(({ multiaddr: one }) => !one.equals(addressOf(1_999))));
  // As it does when the peer says itself where it is, and what it speaks.
  await peerStore.patch(peer, { multiaddrs: [addressOf(3_000)], protocols: ['/x/lookup/1'] });
  const known = await peerStore.get(peer);
  assert.deepEqual(known.protocols, ['/x/lookup/1']);
  assert.deepEqual(
    known.addresses.map(({ multiaddr: one }) => one.toString()),
    [addressOf(3_000).toString()],
  );
});

test('of a message from which a few bytes are kept no more than those stays in memory', async () => {
  const store = new BoundedDatastore();
  const message = new Uint8Array(64 << 10);
  store.put(new Key('/light/provider/key/peer'), message.subarray(100, 108));
  const kept = await store.get(new Key('/light/provider/key/peer'));
  assert.equal(kept.length, 8);
  assert.equal(kept.buffer.byteLength, 8);
});
