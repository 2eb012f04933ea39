import type { Connection, Libp2p, MultiaddrConnection, PeerId, Stream } from '@libp2p/interface';
import type { Multiaddr } from '@multiformats/multiaddr';
import { BOUNDS } from '../../domain/bounds.js';
import type { Did } from '../../domain/bundle.js';
import { groupOfMultiaddr } from '../../network/address-group.js';
import type { Contact } from '../../network/events.js';
import type { Clock } from '../../ports/clock.js';
import { isGlobalUnicast, tcpOf } from '../addresses.js';
import { didOfPeer, peerOfDid } from '../did.js';
import { listenError } from '../host.js';
import type { Neighbourhood } from '../interfaces.js';
import { stopLibp2p } from '../stop-libp2p.js';
import { DialPolicy, firstHop, isRelayed } from './dial-policy.js';
import { Flooders } from './gossip.js';
import type { NodeConnection, NodeHost } from './node-host.js';
import { NodeRoom } from './node-room.js';
import { Relays } from './relays.js';
import {
  createPublicLibp2p,
  type PublicLibp2pOptions,
  type PublicServices,
} from './public-libp2p.js';

const LOOK_EVERY_MS = 1_000;
/** Streams that say that a connection is of use; gossip runs over every one. */
const OURS = /^\/x\/|^\/libp2p\/circuit\//;

export interface PublicHostDeps {
  /** As things are now. */
  surroundings: () => Neighbourhood;
  clock: Clock;
}

/** The connections of a node of the public swarm: one libp2p host. */
export class PublicHost implements NodeHost {
  readonly did: Did;
  readonly policy: DialPolicy;
  /** Whom gossip does not listen to. */
  readonly flooders: Flooders;
  readonly #libp2p: Libp2p<PublicServices>;
  readonly #clock: Clock;
  readonly #gate: Gate;
  readonly #open = new Map<Connection, OpenConnection>();
  readonly #ofNode = new Map<Did, Set<OpenConnection>>();
  readonly #dialling = new Map<Did, Promise<NodeConnection>>();
  readonly #kept = new Set<Did>();
  readonly #relays: Relays;
  readonly #connected = new Set<(connection: NodeConnection) => void>();
  readonly #gone = new Set<(did: Did) => void>();
  readonly #stopped = new AbortController();
  readonly #timer: NodeJS.Timeout;

  private constructor(
    libp2p: Libp2p<PublicServices>,
    did: Did,
    { gate, flooders, clock }: { gate: Gate; flooders: Flooders; clock: Clock },
  ) {
    this.#libp2p = libp2p;
    this.did = did;
    this.policy = gate.policy;
    this.flooders = flooders;
    this.#gate = gate;
    this.#clock = clock;
    this.#relays = new Relays(libp2p);
    libp2p.addEventListener('connection:open', ({ detail }) => this.#opened(detail));
    libp2p.addEventListener('connection:close', ({ detail }) => this.#closed(detail));
    for (const connection of libp2p.getConnections()) this.#opened(connection);
    this.#believeOwn();
    this.#timer = setInterval(() => this.#look(), LOOK_EVERY_MS).unref();
  }

  /** @throws XError PORT_TAKEN, IO_FAILED. */
  static async start(options: PublicLibp2pOptions, deps: PublicHostDeps): Promise<PublicHost> {
    const { clock, surroundings } = deps;
    const policy = new DialPolicy(surroundings);
    const gate = new Gate(policy, clock);
    const flooders = new Flooders(() => clock.monotonicMs());
    try {
      const libp2p = await createPublicLibp2p(options, { gater: gate.gater(), policy, flooders });
      const did = didOfPeer(libp2p.peerId);
      if (did === undefined) throw new Error('the host has no Ed25519 key');
      return new PublicHost(libp2p, did, { gate, flooders, clock });
    } catch (error) {
      throw listenError(error, options);
    }
  }

  async stop(): Promise<void> {
    clearInterval(this.#timer);
    this.#stopped.abort(new Error('the node stops'));
    await this.#libp2p.services.relay.serve(false);
    await stopLibp2p(this.#libp2p);
  }

  addresses(): string[] {
    const stated = this.#libp2p.services.parts.addressManager
      .getAddressesWithMetadata()
      .filter(({ verified, multiaddr }) => verified && this.policy.mayState(multiaddr))
      .sort((a, b) => rankOf(a) - rankOf(b))
      .map(({ multiaddr }) => withoutPeer(multiaddr).toString());
    return [...new Set(stated)].slice(0, BOUNDS.announcedAddresses);
  }

  /** Its peer id, as libp2p writes it. */
  get peer(): string {
    return this.#libp2p.peerId.toString();
  }

  /** Gossip and the DHTs, which run over these connections. */
  get services(): PublicServices {
    return this.#libp2p.services;
  }

  /** Where this process listens, loopback and all: for this machine's own eyes. */
  listening(): Multiaddr[] {
    return this.#libp2p.services.parts.addressManager
      .getAddressesWithMetadata()
      .filter(({ type }) => type === 'transport')
      .map(({ multiaddr }) => multiaddr);
  }

  connections(): readonly NodeConnection[] {
    return [...this.#open.values()];
  }

  connectionOf(did: Did): NodeConnection | undefined {
    const all = [...(this.#ofNode.get(did) ?? [])].filter(({ isOpen }) => isOpen);
    return all.find(({ isRelayed: relayed }) => !relayed) ?? all[0];
  }

  async connect(
    contact: Pick<Contact, 'did' | 'addresses'>,
    signal?: AbortSignal,
  ): Promise<NodeConnection> {
    signal?.throwIfAborted();
    const standing = this.connectionOf(contact.did);
    if (standing !== undefined) return standing;
    let dial = this.#dialling.get(contact.did);
    if (dial === undefined) {
      dial = this.#dial(contact).finally(() => this.#dialling.delete(contact.did));
      this.#dialling.set(contact.did, dial);
      // Whoever asked may have gone by then.
      dial.catch(() => undefined);
    }
    return await orAborted(dial, signal);
  }

  /**
   * Dials an address of which nobody said who is there.
   * @throws Error where it may not be dialled, or nobody of this network answers.
   */
  async connectTo(address: Multiaddr, signal: AbortSignal): Promise<NodeConnection> {
    const limit = AbortSignal.any([signal, this.#stopped.signal]);
    return this.#opened(await this.#libp2p.dial(address, { signal: limit }));
  }

  async handle(
    protocol: string,
    accept: (stream: Stream, from: NodeConnection) => void,
    limits: { inbound: number; outbound: number },
  ): Promise<void> {
    await this.#libp2p.handle(
      protocol,
      (stream, connection) => accept(stream, this.#opened(connection)),
      {
        maxInboundStreams: limits.inbound,
        maxOutboundStreams: limits.outbound,
        runOnLimitedConnection: true,
      },
    );
  }

  onConnected(listener: (connection: NodeConnection) => void): void {
    this.#connected.add(listener);
  }

  onGone(listener: (did: Did) => void): void {
    this.#gone.add(listener);
  }

  refuse(did: Did, untilMs: number): void {
    this.#gate.refuse(did, untilMs);
    for (const connection of this.#ofNode.get(did) ?? []) connection.close('it lied');
  }

  /** These are kept connected, however little they carry. */
  keep(dids: Iterable<Did>): void {
    this.#kept.clear();
    for (const did of dids) this.#kept.add(did);
  }

  /** As connect, at an address of the node's own even where it is connected already: that proves the address. */
  async connectAnew(
    contact: Pick<Contact, 'did' | 'addresses'>,
    signal: AbortSignal,
  ): Promise<NodeConnection> {
    return await orAborted(this.#dial(contact, true), signal);
  }

  async #dial(
    { did, addresses }: Pick<Contact, 'did' | 'addresses'>,
    force = false,
  ): Promise<NodeConnection> {
    const peer = peerOfDid(did);
    if (peer === undefined || did === this.did) throw new Error(`${did} is not to be dialled`);
    if (this.#gate.isRefused(did)) throw new Error(`${did} is refused`);
    const targets = this.policy.dialable(addresses).map((address) => withPeer(address, peer));
    if (targets.length === 0) throw new Error(`no address of ${did} may be dialled`);
    return this.#opened(await this.#libp2p.dial(targets, { signal: this.#stopped.signal, force }));
  }

  /** libp2p tells of a connection in an event; a dial may end, or a stream come, before that. */
  #opened(connection: Connection): OpenConnection {
    const known = this.#open.get(connection);
    if (known !== undefined) return known;
    const did = didOfPeer(connection.remotePeer);
    if (did === undefined) throw new Error('the gate lets in Ed25519 keys only');
    const node = new OpenConnection(connection, did, this.#libp2p);
    if (!node.isOpen) return node;
    this.#open.set(connection, node);
    const ofNode = this.#ofNode.get(did) ?? new Set<OpenConnection>();
    this.#ofNode.set(did, ofNode.add(node));
    const place = placeAt(connection.remoteAddr) ?? { ip: node.address, group: node.group };
    this.#gate.room.opened(connection.id, { did, ...place }, this.#clock.monotonicMs());
    for (const listener of this.#connected) listener(node);
    return node;
  }

  #closed(connection: Connection): void {
    const node = this.#open.get(connection);
    if (node === undefined) return;
    this.#open.delete(connection);
    this.#gate.room.closed(connection.id);
    const ofNode = this.#ofNode.get(node.did);
    ofNode?.delete(node);
    if (ofNode === undefined || ofNode.size > 0) return;
    this.#ofNode.delete(node.did);
    for (const listener of this.#gone) listener(node.did);
  }

  /**
   * libp2p tells nobody of an address on the internet until strangers have tried it, and in a small
   * network there are too few of those. One of this machine's own is taken to be good until then.
   */
  #believeOwn(): void {
    const { addressManager } = this.#libp2p.services.parts;
    for (const { multiaddr, type, verified, expires } of addressManager.getAddressesWithMetadata())
      if (type === 'transport' && !verified && expires === 0)
        addressManager.confirmObservedAddr(multiaddr, { type: 'transport', ttl: 1 });
  }

  #look(): void {
    this.#believeOwn();
    const now = this.#clock.monotonicMs();
    void this.#relays.look(this.addresses(), now);
    const { room } = this.#gate;
    for (const { id, streams } of this.#open.keys())
      if (streams.some(({ protocol }) => OURS.test(protocol))) room.used(id, now);
    const over = new Set(room.excess(this.#kept, now));
    for (const [{ id }, node] of this.#open) if (over.has(id)) node.close('it carries nothing');
  }
}

/** What is asked before a connection comes to be. */
class Gate {
  readonly room = new NodeRoom();
  readonly policy: DialPolicy;
  readonly #clock: Clock;
  readonly #refused = new Map<Did, number>();

  constructor(policy: DialPolicy, clock: Clock) {
    this.policy = policy;
    this.#clock = clock;
  }

  gater() {
    const isUnwelcome = (peer: PeerId): boolean => {
      const did = didOfPeer(peer);
      return did === undefined || this.isRefused(did);
    };
    return {
      denyDialPeer: isUnwelcome,
      denyDialMultiaddr: (address: Multiaddr) => !this.policy.mayDial(address),
      denyInboundConnection: (connection: MultiaddrConnection) => {
        const place = placeAt(connection.remoteAddr);
        if (place === undefined || !this.room.begins(connection, place)) return true;
        connection.addEventListener('close', () => this.room.ended(connection), { once: true });
        return false;
      },
      // It is asked last of all, and refuses nobody.
      denyInboundUpgradedConnection: (_: PeerId, connection: MultiaddrConnection) => {
        this.room.ended(connection);
        return false;
      },
      denyInboundEncryptedConnection: isUnwelcome,
      denyOutboundEncryptedConnection: isUnwelcome,
      denyInboundRelayedConnection: (_: PeerId, peer: PeerId) => isUnwelcome(peer),
      filterMultiaddrForPeer: (_: PeerId, address: Multiaddr) => this.policy.mayDial(address),
    };
  }

  refuse(did: Did, untilMs: number): void {
    this.#refused.delete(did);
    this.#refused.set(did, untilMs);
    if (this.#refused.size <= BOUNDS.swarmRefused) return;
    const [oldest] = this.#refused.keys();
    if (oldest !== undefined) this.#refused.delete(oldest);
  }

  isRefused(did: Did): boolean {
    const untilMs = this.#refused.get(did);
    if (untilMs === undefined) return false;
    if (untilMs > this.#clock.now().getTime()) return true;
    this.#refused.delete(did);
    return false;
  }
}

class OpenConnection implements NodeConnection {
  readonly did: Did;
  readonly address: string;
  readonly group: string;
  readonly isRelayed: boolean;
  readonly wasDialled: boolean;
  readonly #connection: Connection;
  readonly #libp2p: Libp2p<PublicServices>;

  constructor(connection: Connection, did: Did, libp2p: Libp2p<PublicServices>) {
    this.#connection = connection;
    this.#libp2p = libp2p;
    this.did = did;
    this.address = connection.remoteAddr.toString();
    this.group = groupOfMultiaddr(this.address) ?? this.address;
    this.isRelayed = connection.limits !== undefined || isRelayed(connection.remoteAddr);
    this.wasDialled = connection.direction === 'outbound';
  }

  get isOpen(): boolean {
    return this.#connection.status === 'open';
  }

  async open(protocol: string, signal?: AbortSignal): Promise<Stream> {
    const limit = AbortSignal.timeout(BOUNDS.connectTimeoutMs);
    return await this.#connection.newStream(protocol, {
      signal: signal === undefined ? limit : AbortSignal.any([signal, limit]),
      runOnLimitedConnection: true,
    });
  }

  async roundTripMs(signal: AbortSignal): Promise<number> {
    return await this.#libp2p.services.ping.ping(this.#connection.remotePeer, {
      signal,
      runOnLimitedConnection: true,
    });
  }

  close(reason: string): void {
    void this.#connection.close().catch(() => this.#connection.abort(new Error(reason)));
  }
}

function withPeer(address: Multiaddr, peer: PeerId): Multiaddr {
  return withoutPeer(address).encapsulate(`/p2p/${peer.toString()}`);
}

/** Whose address it is stands beside it; the relay's name within it stays. */
function withoutPeer(address: Multiaddr): Multiaddr {
  const last = address.getComponents().at(-1);
  return last?.name === 'p2p' ? address.decapsulate(`/p2p/${last.value ?? ''}`) : address;
}

function placeAt(address: Multiaddr): { ip: string; group: string } | undefined {
  const ip = tcpOf(firstHop(address))?.ip;
  const group = groupOfMultiaddr(address.toString());
  return ip === undefined || group === undefined ? undefined : { ip, group };
}

/** Those on the internet first, relayed ones last. */
function rankOf({ multiaddr }: { multiaddr: Multiaddr }): number {
  const ip = tcpOf(firstHop(multiaddr))?.ip ?? '';
  return 2 * Number(isRelayed(multiaddr)) + Number(!isGlobalUnicast(ip));
}

/** @throws The signal's reason, as soon as it aborts. */
async function orAborted<T>(promise: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return await promise;
  return await new Promise<T>((resolve, reject) => {
    const stop = (): void => reject(signal.reason as Error);
    signal.addEventListener('abort', stop, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', stop));
  });
}
