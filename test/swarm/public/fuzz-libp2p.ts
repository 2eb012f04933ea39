import type { TestContext } from 'node:test';
import { generateKeyPairFromSeed } from '@libp2p/crypto/keys';
import { RPC } from '@libp2p/gossipsub/message';
import { peerIdFromPrivateKey } from '@libp2p/peer-id';
import { encodeAnnouncement } from '../../../src/network/announcements.js';
import { gossipTopic } from '../../../src/swarm/public/gossip.js';
import type { SwarmNode } from '../../../src/swarm/public/swarm-node.js';
import { identityFromSeed } from '../../../src/trust/identity.js';
import { noise } from '../nodes.js';
import { STRANGERS, type FuzzedProtocol } from './fuzz.js';
import type { FuzzTarget } from './fuzz-targets.js';
import { seedOf, startHost, startNode, until } from './hosts.js';
import { NETWORK } from './kit.js';

const GOSSIP = '/meshsub/1.2.0';
const DHT = '/x/kad-light/1';

/** What libp2p's own gossip and DHT are told, byte by byte, by who speaks them badly. */
export async function libp2pTargets(t: TestContext): Promise<FuzzTarget[]> {
  const heard: string[] = [];
  const node = await startNode(t, 111, { onHint: ({ name }) => void heard.push(name) });
  const peers = node.host.addresses();
  const honest = await startNode(t, 112, { peers });
  await until('they are neighbours', () => node.table.size === 1);
  const strangers = await Promise.all(
    Array.from({ length: STRANGERS }, (_, i) => startHost(t, 120 + i)),
  );
  const contact = { did: node.host.did, addresses: peers };
  const target = (name: string, samples: readonly Uint8Array[], perStream: number): FuzzTarget => {
    const open: FuzzedProtocol['open'] = async (stranger) => {
      const signal = AbortSignal.timeout(30_000);
      const connection = await strangers[stranger]!.connect(contact, signal);
      return connection.open(name, signal);
    };
    const serves = async (): Promise<void> => {
      heard.length = 0;
      const version = `${Date.now()}.0.0`;
      await honest.tell({ type: 'version', ecosystem: 'npm', name: 'honest', version });
      await until('an honest one is heard', () => heard.includes('honest'));
    };
    return { protocol: { name, samples, perStream, preface: [], open }, serves };
  };
  return [target(GOSSIP, await gossipSamples(120), 16), target(DHT, dhtSamples(), 8)];
}

/** Signed as gossipsub wants, unsigned, and what it tells its like beside. */
async function gossipSamples(number: number): Promise<Uint8Array[]> {
  const topic = gossipTopic(NETWORK);
  const key = await generateKeyPairFromSeed('Ed25519', seedOf(number));
  const from = peerIdFromPrivateKey(key).toMultihash().bytes;
  const words = { type: 'heartbeat', freeBytes: 1, load: 0 } as const;
  const sample = async (data: Uint8Array, seqno: number): Promise<RPC.Message> => {
    const message = { from, data, seqno: new Uint8Array(8).fill(seqno), topic };
    const signed = Buffer.concat([Buffer.from('libp2p-pubsub:'), RPC.Message.encode(message)]);
    return { ...message, signature: await key.sign(signed) };
  };
  const true_ = encodeAnnouncement(
    words,
    { network: NETWORK, sequence: Date.now() },
    identityFromSeed(seedOf(number)),
  );
  const messages = [await sample(true_, 1), await sample(noise(3_000, 1), 2)];
  const ids = Array.from({ length: 50 }, (_, i) => noise(32, i));
  const control = { ihave: [], iwant: [], graft: [], prune: [], idontwant: [] };
  return [
    RPC.encode({ messages: [messages[0]!] }),
    RPC.encode({ messages }),
    RPC.encode({ messages: [{ data: true_, topic }] }),
    RPC.encode({ subscriptions: [{ subscribe: true, topic }] }),
    RPC.encode({ subscriptions: [{ subscribe: true, topic: 'another' }] }),
    RPC.encode({ control: { ...control, ihave: [{ topicID: topic, messageIDs: ids }] } }),
    RPC.encode({ control: { ...control, iwant: [{ messageIDs: ids }] } }),
    RPC.encode({ control: { ...control, idontwant: [{ messageIDs: ids }] } }),
    RPC.encode({ control: { ...control, graft: [{ topicID: topic }] } }),
    RPC.encode({
      control: { ...control, prune: [{ topicID: topic, peers: [{ peerID: from }], backoff: 60 }] },
    }),
  ];
}

/** A protobuf field of bytes, or of a small number. */
function field(number: number, value: Uint8Array | number): Uint8Array {
  return typeof value === 'number'
    ? Uint8Array.of(number << 3, value)
    : Buffer.concat([Uint8Array.of((number << 3) | 2, value.length), value]);
}

/** kad-dht shows no codec of its own: each type of message, with a key, a record and peers. */
function dhtSamples(): Uint8Array[] {
  const key = noise(36, 1);
  const peer = Buffer.concat([field(1, noise(38, 2)), field(2, noise(8, 3)), field(3, 1)]);
  const record = Buffer.concat([field(1, key), field(2, noise(64, 4))]);
  const types = Array.from({ length: 6 }, (_, type) => field(1, type));
  return [
    ...types.map((type) => Buffer.concat([type, field(2, key)])),
    Buffer.concat([field(1, 0), field(2, key), field(3, record)]),
    Buffer.concat([field(1, 2), field(2, key), field(9, peer), field(9, peer)]),
    Buffer.concat([field(1, 4), field(2, key), field(8, peer)]),
  ];
}

export interface GossipTarget {
  node: SwarmNode;
  /** What a neighbour says that it wraps and signs as gossipsub wants. */
  publish: (bytes: Uint8Array) => Promise<void>;
  /** The neighbour's own, and another's. */
  samples: readonly Uint8Array[];
  /** Throws where an honest one is not heard any more. */
  reaches: () => Promise<void>;
}

export async function gossipTarget(t: TestContext): Promise<GossipTarget> {
  const heard: string[] = [];
  const onHint = ({ name }: { name: string }): void => void heard.push(name);
  const node = await startNode(t, 101, { onHint });
  const peers = node.host.addresses();
  const neighbour = await startNode(t, 102, { peers });
  const honest = await startNode(t, 103, { peers });
  await until('they are neighbours', () => node.table.size === 2);
  const signed = (number: number, ms: number): Uint8Array =>
    encodeAnnouncement(
      { type: 'heartbeat', freeBytes: 1, load: 0 },
      { network: NETWORK, sequence: ms },
      identityFromSeed(seedOf(number)),
    );
  const at = Date.now();
  return {
    node,
    samples: [
      signed(102, at),
      signed(102, at - 3_600_000),
      signed(102, at + 3_600_000),
      signed(9, at),
    ],
    publish: async (bytes) => {
      const { gossip } = neighbour.host.services;
      // One that it sent already it does not send again.
      await gossip.publish(gossipTopic(NETWORK), bytes).catch(() => undefined);
    },
    reaches: async () => {
      await honest.tell({ type: 'version', ecosystem: 'npm', name: 'honest', version: '1.0.0' });
      await until('an honest one is heard', () => heard.includes('honest'));
    },
  };
}
