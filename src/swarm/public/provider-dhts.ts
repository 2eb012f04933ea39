import { kadDHT, type KadDHT, type KadDHTComponents } from '@libp2p/kad-dht';
import type { PeerInfo } from '@libp2p/interface';
import { CID } from 'multiformats/cid';
import { create as createDigest } from 'multiformats/hashes/digest';
import { BOUNDS } from '../../domain/bounds.js';
import { NODE_KINDS, type NodeKind } from '../../domain/network-node.js';
import { groupOfMultiaddr } from '../../network/address-group.js';
import type { Owner } from '../../network/events.js';
import { bytesOfPosition, type Position } from '../../network/position.js';
import { didOfPeer } from '../did.js';
import { BoundedDatastore } from './bounded-datastore.js';
import type { DialPolicy } from './dial-policy.js';
import type { ProviderDirectory } from './provider-directory.js';

const SHA2_256 = 0x12;
const RAW = 0x55;

/**
 * One of the two Kademlia DHTs. Its servers are nodes of that kind that can be dialled; everybody asks
 * both. Each has a store of its own: what floods one leaves the other alone.
 */
export function dhtService(kind: NodeKind, policy: DialPolicy) {
  const make = kadDHT({
    protocol: `/x/kad-${kind}/1`,
    datastorePrefix: `/${kind}`,
    metricsPrefix: `x_dht_${kind}`,
    logPrefix: `x:dht:${kind}`,
    // What this node is to others is decided where its addresses are known.
    clientMode: true,
    allowQueryWithZeroPeers: true,
    kBucketSize: BOUNDS.bucketNodes,
    alpha: 4,
    disjointPaths: 3,
    maxInboundStreams: 16,
    maxOutboundStreams: 32,
    incomingMessageTimeout: BOUNDS.swarmDialMs,
    peerInfoMapper: (peer: PeerInfo) => ({
      ...peer,
      multiaddrs: policy.dialable(peer.multiaddrs.map(String)),
    }),
    // Nobody's key is looked up here: with padding, each would take a record's whole length of memory.
    validators: { pk: refuseValue },
    // The publisher says again what is held, in its own time; what is a day old goes.
    reprovide: { validity: BOUNDS.recordTtlMs, threshold: 0 },
  });
  const datastore = new BoundedDatastore();
  return (components: KadDHTComponents): KadDHT =>
    make(
      new Proxy(components, {
        get: (target, name) => {
          if (name === 'datastore') return datastore;
          const value: unknown = Reflect.get(target, name);
          return name === 'peerStore' ? withoutGaps(value as KadDHTComponents['peerStore']) : value;
        },
      }),
    );
}

/** Its DHTs say who has what, and hold no other values. kad-dht itself takes public keys. */
function refuseValue(): Promise<void> {
  return Promise.reject(new Error('no values are kept here'));
}

/**
 * kad-dht takes it that whoever left a record is still in the peer store, and fails whoever asks where
 * that is not so.
 */
function withoutGaps(peerStore: KadDHTComponents['peerStore']): KadDHTComponents['peerStore'] {
  return new Proxy(peerStore, {
    get: (target, name) => {
      if (name !== 'get') {
        const value: unknown = Reflect.get(target, name);
        return typeof value === 'function' ? (value.bind(target) as unknown) : value;
      }
      return async (...[id, options]: Parameters<typeof target.get>) => {
        if (await target.has(id, options)) return await target.get(id, options);
        return { id, addresses: [], protocols: [], metadata: new Map(), tags: new Map() };
      };
    },
  });
}

export type Dhts = Record<NodeKind, KadDHT>;

/** Provider records, beside those of `/x/lookup/1`: under keys that say nothing to who does not know the digest. */
export class ProviderDhts implements ProviderDirectory {
  readonly #dhts: Dhts;
  readonly #policy: DialPolicy;
  readonly #kind: NodeKind;

  constructor(dhts: Dhts, parts: { policy: DialPolicy; kind: NodeKind }) {
    this.#dhts = dhts;
    this.#policy = parts.policy;
    this.#kind = parts.kind;
  }

  /** Whether others can be told to ask this node. */
  async serve(isReachable: boolean): Promise<void> {
    await this.#dhts[this.#kind].setMode(isReachable ? 'server' : 'client');
  }

  /** How many nodes are known in each. */
  sizes(): Record<NodeKind, number> {
    return { light: sizeOf(this.#dhts.light), heavy: sizeOf(this.#dhts.heavy) };
  }

  /**
   * Tells the DHT of this node's kind that it has what lies at this place.
   * @returns how many nodes took the record.
   */
  async provide(key: Position, signal: AbortSignal): Promise<number> {
    let taken = 0;
    for await (const event of this.#dhts[this.#kind].provide(cidOf(key), { signal }))
      if (event.name === 'PEER_RESPONSE' && event.messageName === 'ADD_PROVIDER') taken += 1;
    return taken;
  }

  /** It is gone: this node's own record of it, too. Those of others end by themselves. */
  async withdraw(key: Position): Promise<void> {
    await this.#dhts[this.#kind].cancelReprovide(cidOf(key));
  }

  /** Asks both; resolves when both are done, or the signal aborts. Nothing is found where nobody answers. */
  async find(
    key: Position,
    onFound: (owners: readonly Owner[]) => void,
    signal: AbortSignal,
  ): Promise<void> {
    await Promise.all(
      NODE_KINDS.map(async (kind) => {
        try {
          for await (const event of this.#dhts[kind].findProviders(cidOf(key), { signal }))
            if (event.name === 'PROVIDER')
              onFound(event.providers.flatMap((peer) => this.#owner(peer)));
        } catch {
          // A question that fails is as good as one that nobody answers.
        }
      }),
    );
  }

  #owner({ id, multiaddrs }: PeerInfo): Owner[] {
    const did = didOfPeer(id);
    const addresses = this.#policy.dialable(multiaddrs.map(String)).map(String);
    const group = groupOfMultiaddr(addresses[0] ?? '');
    return did === undefined || group === undefined ? [] : [{ did, addresses, group }];
  }
}

/** What lies at a place, as a DHT names it: a place is a SHA-256 hash already. */
function cidOf(key: Position): CID {
  return CID.createV1(RAW, createDigest(SHA2_256, bytesOfPosition(key)));
}

/** It is not in the interface, and worth knowing. */
function sizeOf(dht: KadDHT): number {
  const table: unknown = Reflect.get(dht, 'routingTable');
  const size: unknown =
    typeof table === 'object' && table !== null ? Reflect.get(table, 'size') : 0;
  return typeof size === 'number' ? size : 0;
}
