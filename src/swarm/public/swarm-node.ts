import { multiaddr } from '@multiformats/multiaddr';
import type { Did } from '../../domain/bundle.js';
import type { NetworkNode, NodeKind } from '../../domain/network-node.js';
import { GossipGate } from '../../network/gossip-gate.js';
import { NodePositions } from '../../network/position.js';
import { RoutingTable } from '../../network/routing-table.js';
import type { Hint } from '../../network/seen-versions.js';
import { Scores } from '../../network/scores.js';
import type { Clock } from '../../ports/clock.js';
import type { NodeBook } from '../../ports/node-book.js';
import type { Random } from '../../ports/random.js';
import type { LookUp } from '../addresses.js';
import type { Neighbourhood } from '../interfaces.js';
import { hostsOf } from '../listens-on.js';
import { openChannel } from '../multicast.js';
import { watchSurroundings } from '../surroundings.js';
import { systemLookUp } from '../system-look-up.js';
import { isRelayed } from './dial-policy.js';
import { clockDoubt } from './clock-doubt.js';
import { FirstPeers } from './first-peers.js';
import { GossipLine, gossipTopic } from './gossip.js';
import { Membership, type MembershipDeps, type OwnState } from './membership.js';
import { networkTime } from './network-time.js';
import { ProviderDhts } from './provider-dhts.js';
import { PublicHost } from './public-host.js';

const LOOK_EVERY_MS = 1_000;

export interface SwarmNodeOptions {
  /** The network's name (`isNetworkName`). */
  network: string;
  /** 0 takes a free port. */
  listenPort: number;
  /** IP addresses; by default all, or those of the chosen interfaces. */
  listenHosts?: readonly string[] | undefined;
  /** Names of network interfaces to use; by default all that are not virtual. */
  interfaces?: readonly string[] | undefined;
  /** Nodes to begin at: HOST, HOST:PORT or multiaddrs. */
  peers: readonly string[];
  mdns: boolean;
  /** Undefined: nobody is looked for in the BitTorrent DHT. */
  rendezvous: { bootstrap: readonly string[]; host?: string | undefined } | undefined;
  /** Whether the router is asked to let others in. */
  upnp?: boolean | undefined;
  /** It may be gone in a minute, and is no place for others' records in a DHT. */
  isGuest?: boolean | undefined;
}

export interface SwarmNodeDeps {
  identity: MembershipDeps['identity'];
  book: NodeBook;
  clock: Clock;
  random: Random;
  options: SwarmNodeOptions;
  /** What this node says of itself, whenever it does. */
  state: () => OwnState;
  warn: (message: string) => void;
  onHint?: ((hint: Hint, author: Did) => void) | undefined;
  lookUp?: LookUp | undefined;
  /** As things are now; by default this machine's interfaces. */
  surroundings?: (() => Neighbourhood) | undefined;
}

/** A node as it stands now. */
export interface NodeView extends NetworkNode {
  isConnected: boolean;
  /** 0 (shunned) to 1. */
  score: number;
}

/**
 * This machine in the public swarm: connections, gossip, DHTs, who is known. Finding, publishing and
 * fetching are built on what it shows, and are told of here in one place each.
 */
export class SwarmNode {
  readonly host: PublicHost;
  readonly table: RoutingTable;
  readonly scores: Scores;
  readonly dhts: ProviderDhts;
  readonly positions: NodePositions;
  readonly network: string;
  readonly kind: NodeKind;
  /** @see networkTime */
  readonly now: () => number;
  readonly #membership: Membership;
  readonly #firstPeers: FirstPeers;
  readonly #gossip: GossipLine;
  #refresh: ((bits: number) => Promise<void>) | undefined;
  readonly #isGuest: boolean;
  readonly #warn: (message: string) => void;
  readonly #hereMs: () => number;
  #isClockDoubted = false;
  #timer: NodeJS.Timeout | undefined;

  private constructor(host: PublicHost, deps: SwarmNodeDeps, surroundings: () => Neighbourhood) {
    const { options, clock, random, book, state, warn } = deps;
    this.host = host;
    this.network = options.network;
    this.#isGuest = options.isGuest === true;
    this.#warn = warn;
    const startedMs = clock.monotonicMs();
    this.#hereMs = () => clock.monotonicMs() - startedMs;
    this.kind = state().kind;
    this.now = networkTime(clock);
    this.positions = new NodePositions(this.network);
    this.table = new RoutingTable(host.did, this.positions);
    this.scores = new Scores(book.scores());
    const { light, heavy } = host.services;
    this.dhts = new ProviderDhts({ light, heavy }, { policy: host.policy, kind: this.kind });
    this.#gossip = new GossipLine(host.services.gossip, {
      topic: gossipTopic(this.network),
      gate: new GossipGate(this.network, host.did, this.now()),
      flooders: host.flooders,
      now: this.now,
      onHeard: (announcement) => this.#membership.heard(announcement),
    });
    this.#membership = new Membership({
      host,
      gossip: this.#gossip,
      identity: deps.identity,
      network: this.network,
      table: this.table,
      scores: this.scores,
      book,
      state,
      random,
      now: this.now,
      refresh: async (bits) => await this.#refresh?.(bits),
      onHint: (hint, author) => deps.onHint?.(hint, author),
      always: () => this.#firstPeers.named(),
      warn,
    });
    this.#firstPeers = new FirstPeers({
      host,
      network: this.network,
      listenHosts: listenHostsOf(options, surroundings()),
      peers: options.peers,
      lookUp: deps.lookUp ?? systemLookUp,
      multicast: options.mdns ? { openChannel, surroundings } : undefined,
      rendezvous: options.rendezvous,
      clock,
      random,
      warn,
    });
  }

  /** @throws XError PORT_TAKEN, IO_FAILED; USAGE where a peer's address or an interface's name is none. */
  static async start(deps: SwarmNodeDeps): Promise<SwarmNode> {
    const { options, clock, identity } = deps;
    const surroundings = deps.surroundings ?? watchSurroundings(options.interfaces ?? [], clock);
    const host = await PublicHost.start(
      {
        seed: identity.seed,
        listenPort: options.listenPort,
        listenHosts: listenHostsOf(options, surroundings()),
        network: options.network,
        upnp: options.upnp === true,
      },
      { surroundings, clock },
    );
    const swarm = new SwarmNode(host, deps, surroundings);
    try {
      await swarm.#begin();
    } catch (error) {
      await swarm.stop();
      throw error;
    }
    return swarm;
  }

  /** What finding and fetching are built on. */
  get parts() {
    const { network, kind, host, table, positions, scores, now } = this;
    return { network, kind, host, table, positions, scores, now };
  }

  /** How the table is filled: by looking up a random key that shares so many bits of this node's place. */
  refreshWith(refresh: (bits: number) => Promise<void>): void {
    this.#refresh = refresh;
  }

  /** How many neighbours hear now what this node tells everybody. */
  get listeners(): number {
    return this.#gossip.listeners;
  }

  /**
   * Tells everybody of a version that was seen on a public index, or that was taken back.
   * @returns to how many neighbours it went.
   */
  async tell(hint: Hint): Promise<number> {
    return await this.#membership.tell(hint);
  }

  /** It sent what was not what it claimed to be: nobody of that name comes in or out for long. */
  blame(did: Did): void {
    const now = this.now();
    this.scores.lied(did, now);
    this.table.remove(did);
    const shunned = this.scores.ranking(now).find((row) => row.did === did);
    if (shunned !== undefined) this.host.refuse(did, shunned.shunnedUntilMs);
  }

  /** Those that are known, heard of last first. */
  nodes(): NodeView[] {
    const now = this.now();
    return this.table.nodes().map((node) => ({
      ...node,
      isConnected: this.host.connectionOf(node.did) !== undefined,
      score: this.scores.scoreOf(node.did, now),
    }));
  }

  /** How many gossip messages were taken, and how many not for each reason. */
  get gossipTally(): ReadonlyMap<string, number> {
    return this.#gossip.tally;
  }

  /** Says that it leaves, and ends within seconds. */
  async stop(): Promise<void> {
    clearInterval(this.#timer);
    await Promise.all([this.#firstPeers.stop(), this.#membership.stop()]);
    await this.host.stop();
  }

  async #begin(): Promise<void> {
    this.#gossip.start();
    this.#membership.start();
    await this.#serveDht();
    this.#firstPeers.start();
    this.#timer = setInterval(() => {
      void this.#serveDht().catch(() => undefined);
      this.#doubtClock();
    }, LOOK_EVERY_MS).unref();
  }

  /** Once: nobody is told each second. */
  #doubtClock(): void {
    if (this.#isClockDoubted) return;
    const doubt = clockDoubt(this.#gossip.tally, { now: this.now(), hereMs: this.#hereMs() });
    if (doubt === undefined) return;
    this.#isClockDoubted = true;
    this.#warn(doubt);
  }

  /** Only who can be dialled is a place for others' records. */
  async #serveDht(): Promise<void> {
    if (this.#isGuest) return;
    await this.dhts.serve(this.host.addresses().some((address) => !isRelayed(multiaddr(address))));
  }
}

function listenHostsOf(
  { listenHosts, interfaces = [] }: SwarmNodeOptions,
  neighbourhood: Neighbourhood,
): readonly string[] {
  return listenHosts ?? hostsOf(neighbourhood, interfaces.length > 0);
}
