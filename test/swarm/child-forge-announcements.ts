// Sends what nobody should believe to mDNS's group: `node child-forge-announcements.js TAG DID`.
import { createSocket } from 'node:dgram';
import { setTimeout as sleep } from 'node:timers/promises';
import { generateKeyPairFromSeed } from '@libp2p/crypto/keys';
import { peerIdFromPrivateKey } from '@libp2p/peer-id';
import { encode, type Answer } from 'dns-packet';
import { peerOfDid } from '../../src/swarm/did.js';

const [tag = '', did = ''] = process.argv.slice(2);
const known = peerOfDid(did)?.toString() ?? '';
const socket = createSocket({ type: 'udp4', reuseAddr: true });
await new Promise<void>((resolve) => socket.bind(5353, resolve));
socket.setMulticastInterface('10.99.0.3');

async function peer(number: number): Promise<string> {
  const seed = new Uint8Array(32).fill(99);
  new DataView(seed.buffer).setUint32(0, number);
  return peerIdFromPrivateKey(await generateKeyPairFromSeed('Ed25519', seed)).toString();
}

function send(bytes: Uint8Array): Promise<void> {
  return new Promise((resolve) => socket.send(bytes, 5353, '224.0.0.251', () => resolve()));
}

function answer(texts: string[], pointers = 1): Uint8Array {
  const name = `x.${tag}`;
  const answers: Answer[] = [];
  for (let i = 0; i < pointers; i += 1)
    answers.push({ name: tag, type: 'PTR', ttl: 120, class: 'IN', data: name });
  answers.push({
    name,
    type: 'TXT',
    ttl: 120,
    class: 'IN',
    data: texts.map((t) => `dnsaddr=${t}`),
  });
  return encode({ type: 'response', flags: 1 << 10, answers });
}

const places = [
  '/ip4/8.8.8.8/tcp/8471',
  '/ip4/127.0.0.1/tcp/22',
  '/ip4/10.50.0.1/tcp/8471',
  '/ip4/172.16.9.9/tcp/8471',
  '/ip4/192.168.1.1/tcp/80',
  '/ip6/2001:db8::1/tcp/8471',
  '/ip6/::1/tcp/22',
  '/ip6/::ffff:8.8.8.8/tcp/8471',
  '/dns4/example.com/tcp/8471',
];
let number = 0;
for (const place of places) {
  await send(answer([`${place}/p2p/${await peer((number += 1))}`]));
  // In the name of one who is known, and is not there.
  await send(answer([`${place}/p2p/${known}`]));
}
// Two peers in one answer, two pointers, no peer, half an answer, and noise.
await send(
  answer([`/ip4/10.99.0.70/tcp/1/p2p/${await peer(50)}`, `/ip4/10.99.0.71/tcp/1/p2p/${known}`]),
);
await send(answer([`/ip4/10.99.0.72/tcp/1/p2p/${await peer(51)}`], 2));
await send(answer(['/ip4/10.99.0.73/tcp/1', '/ip4/10.99.0.73/tcp/1/p2p/x']));
await send(answer([`/ip4/10.99.0.74/tcp/1/p2p/${known}`]).subarray(0, 60));
for (let i = 0; i < 100; i += 1) await send(Buffer.alloc(i, 0xc0));
await sleep(50);
// A last one that may be believed: the test waits for it.
await send(answer([`/ip4/10.99.0.77/tcp/1/p2p/${await peer(77)}`]));
await sleep(50);
socket.close();
