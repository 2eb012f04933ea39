import { multiaddr } from '@multiformats/multiaddr';
import { BOUNDS } from '../../domain/bounds.js';
import type { Did } from '../../domain/bundle.js';
import type { NetworkNode, NodeKind } from '../../domain/network-node.js';
import { groupOfMultiaddr } from '../../network/address-group.js';
import {
  encodeAnnouncement,
  type Announcement,
  type AnnouncementBody,
} from '../../network/announcements.js';
import { chooseNeighbours } from '../../network/neighbours.js';
import { NETWORK_POLICY as POLICY } from '../../network/policy.js';
import type { Hint } from '../../network/seen-versions.js';
import type { RoutingTable } from '../../network/routing-table.js';
import type { Scores } from '../../network/scores.js';
import type { NodeBook } from '../../ports/node-book.js';
import type { Random } from '../../ports/random.js';
import type { NodeConnection, NodeHost } from './node-host.js';
import type { PublicHost } from './public-host.js';

const TICK_MS = 1_000;
const PRESENT_EVERY_MS = 60_000;
const FIRST_LOOK_PAUSE_MS = 2_000;
/** A place that shares so many bits with this node's is its own. */
const OWN_PLACE_BITS = 256;

/** What this node says of itself. */
export interface OwnState {
  kind: NodeKind;
  /** Of its quota. */
  freeBytes: number;
  /** 0 idle to 1 full. */
  load: number;
}

export interface MembershipDeps {
  host: NodeHost & Pick<PublicHost, 'policy' | 'keep' | 'connectAnew'>;
  gossip: { readonly listeners: number; publish(bytes: Uint8Array): Promise<number> };
  identity: Parameters<typeof encodeAnnouncement>[2];
  network: string;
  table: RoutingTable;
  scores: Scores;
  book: NodeBook;
  state: () => OwnState;
  random: Random;
  /** @see networkTime */
  now: () => number;
  /** Looks up a random key that shares so many bits of this node's place: it fills the table. */
  refresh: (bits: number) => Promise<void>;
  onHint: (hint: Hint, author: Did) => void;
  /** Neighbours whatever their distance: those that the user named, and relays. */
  always: () => Iterable<Did>;
  /** What could not be written down. */
  warn: (message: string) => void;
}

/**
 * Membership in the public swarm: this node tells of itself, hears of others, asks now and then whether
 * they are there, stays connected with some, and writes down what it knows.
 */
export class Membership {
  readonly #deps: MembershipDeps;
  readonly #stopped = new AbortController();
  readonly #probing = new Set<Did>();
  #timer: NodeJS.Timeout | undefined;
  #sequence = 0;
  #announcedAtMs = -Infinity;
  #saidAtMs = -Infinity;
  #stated = '';
  #presentAtMs = -Infinity;
  #savedAtMs: number;
  #chosenAtMs = -Infinity;
  /** Of those known at once, the most that were written down and had answered. */
  #savedProven = 0;
  #saving: Promise<void> | undefined;
  #isRefreshing = false;
  #lookAtMs = 0;
  #lookPauseMs = FIRST_LOOK_PAUSE_MS;
  #recalledAtMs = -Infinity;

  constructor(deps: MembershipDeps) {
    this.#deps = deps;
    this.#savedAtMs = deps.now();
    deps.host.onConnected((connection) => void this.#met(connection));
  }

  /** Takes up what was known in an earlier life, and begins. */
  start(): void {
    this.#recall(this.#deps.now());
    this.#timer = setInterval(() => this.tick(), TICK_MS).unref();
    this.tick();
  }

  /** Says that it leaves, writes down what it knows, and ends: within seconds, whoever is silent. */
  async stop(): Promise<void> {
    clearInterval(this.#timer);
    this.#stopped.abort(new Error('the node stops'));
    const leave = this.#say({ type: 'leaving' });
    await orAfter(leave, BOUNDS.nodeLeaveMs);
    await this.#saving;
    await this.#save(this.#deps.table.nodes());
  }

  /**
   * Tells everybody of a version that was seen on a public index, or that was taken back.
   * @returns to how many neighbours it went.
   */
  async tell(hint: Hint): Promise<number> {
    return await this.#say(hint);
  }

  /** Whether first peers are to be looked for. */
  get isLonely(): boolean {
    const connected = new Set(this.#deps.host.connections().map(({ did }) => did));
    return connected.size < POLICY.lonely;
  }

  /** A signed announcement that was accepted. */
  heard(announcement: Announcement): void {
    const { table, scores, now, onHint } = this.#deps;
    const { author } = announcement;
    switch (announcement.type) {
      case 'node':
        this.#heardNode(announcement);
        break;
      case 'heartbeat':
        table.beat(author, announcement, now());
        if (table.get(author) !== undefined) scores.present(author, now());
        break;
      case 'leaving':
        table.remove(author);
        break;
      case 'version':
      case 'withdrawal':
        onHint(announcement, author);
    }
  }

  /** What is due is begun; nothing is waited for. */
  tick(): void {
    const { host, table, scores, now } = this.#deps;
    const at = now();
    const isAlone = host.connections().length === 0 && table.size === 0;
    const recallPauseMs = isAlone ? POLICY.recallAloneMs : POLICY.recallEveryMs;
    if (this.isLonely && at - this.#recalledAtMs >= recallPauseMs) this.#recall(at);
    this.#speak(at);
    for (const node of table.due(at).probe) void this.#probe(node);
    this.#refreshBuckets(at);
    if (at - this.#presentAtMs >= PRESENT_EVERY_MS) {
      this.#presentAtMs = at;
      table.sweep(at);
      for (const { did } of host.connections()) scores.present(did, at);
    }
    const isShort = this.isLonely && at - this.#chosenAtMs >= 10 * TICK_MS;
    if (isShort || at - this.#chosenAtMs >= POLICY.neighboursEveryMs) this.#chooseNeighbours(at);
    if (this.#isToSave(at)) void this.#save(table.nodes());
  }

  // ---- telling

  #speak(at: number): void {
    const { gossip, host, state } = this.#deps;
    if (gossip.listeners === 0 || this.#stopped.signal.aborted) return;
    const addresses = host.addresses();
    const hasMoved = addresses.join() !== this.#stated;
    const sinceMs = at - this.#announcedAtMs;
    if (sinceMs >= POLICY.announceEveryMs || (hasMoved && sinceMs >= POLICY.movedPauseMs)) {
      this.#announcedAtMs = this.#saidAtMs = at;
      this.#stated = addresses.join();
      void this.#say({ type: 'node', addresses, ...wholeState(state()) });
    } else if (at - this.#saidAtMs >= POLICY.heartbeatEveryMs) {
      this.#saidAtMs = at;
      const { freeBytes, load } = wholeState(state());
      void this.#say({ type: 'heartbeat', freeBytes, load });
    }
  }

  /** @returns to how many neighbours it went. */
  async #say(body: AnnouncementBody): Promise<number> {
    const { gossip, identity, network, now } = this.#deps;
    this.#sequence = Math.max(this.#sequence + 1, now());
    try {
      return await gossip.publish(
        encodeAnnouncement(body, { network, sequence: this.#sequence }, identity),
      );
    } catch {
      // Gossip promises nobody anything: who did not hear this hears the next.
      return 0;
    }
  }

  // ---- hearing

  #heardNode(announced: Extract<Announcement, { type: 'node' }>): void {
    const { host, table, scores, now } = this.#deps;
    const addresses = host.policy.dialable(announced.addresses).map(String);
    const group = groupOfMultiaddr(addresses[0] ?? '');
    // Who cannot be dialled from here is of no use in the table.
    if (group === undefined) return;
    const { author: did, kind, freeBytes, load } = announced;
    table.heard({ did, addresses, group, kind, freeBytes, load }, now());
    scores.present(did, now());
  }

  /** It was dialled, so it is where it was said to be. Who dialled us says so itself, by gossip. */
  async #met(connection: NodeConnection): Promise<void> {
    const { did, wasDialled } = connection;
    this.#deps.scores.present(did, this.#deps.now());
    if (wasDialled) await this.#measure(connection);
  }

  // ---- keeping the table true

  /**
   * Takes up what is written down of others: at the start, and where nobody or hardly anybody is left,
   * for then it is most likely the line that was gone, and whoever did not answer is still there.
   */
  #recall(at: number): void {
    this.#recalledAtMs = at;
    const { table, book, warn } = this.#deps;
    try {
      table.restore(book.nodes(at - BOUNDS.nodeTtlMs), at);
    } catch (error) {
      warn(`what was known of the network cannot be read: ${String(error)}`);
    }
  }

  async #probe({ did, addresses, group }: NetworkNode): Promise<void> {
    if (this.#probing.has(did) || this.#probing.size >= POLICY.probesAtOnce) return;
    this.#probing.add(did);
    const { host, table, scores, now } = this.#deps;
    const signal = this.#limit();
    try {
      const standing = host.connectionOf(did);
      // Who came to us from another network than it says to be in has proved nothing of that.
      const isProof = standing?.wasDialled === true || standing?.group === group;
      const connection = isProof ? standing : await host.connectAnew({ did, addresses }, signal);
      // A new one was measured as it came.
      if (connection === standing) await this.#measure(connection);
    } catch {
      if (this.#stopped.signal.aborted) return;
      table.failed(did);
      scores.failed(did, now());
    } finally {
      this.#probing.delete(did);
    }
  }

  /** How far it is, and that it is there. */
  async #measure(connection: NodeConnection): Promise<void> {
    const { table, now } = this.#deps;
    const { did, isRelayed, wasDialled } = connection;
    let roundTripMs: number;
    try {
      roundTripMs = Math.max(1, await connection.roundTripMs(this.#limit()));
    } catch {
      // The connection ends by itself, or the next probe tells.
      return;
    }
    const known = table.get(did);
    const at = wasDialled ? withoutPeer(connection.address) : known?.addresses[0];
    if (at === undefined || isRelayed || (!wasDialled && known?.group !== connection.group)) return;
    const { group } = connection;
    const others = (known?.addresses ?? []).filter((address) => address !== at);
    const addresses = [at, ...others].slice(0, BOUNDS.announcedAddresses);
    const kind = known?.kind ?? 'light';
    table.answered({ did, addresses, group, kind }, roundTripMs, now());
  }

  /**
   * Its own place is looked up as soon as there is somebody to ask, and again after twice the time each:
   * those that came at the same moment are known by then. Beside that one bucket after another.
   */
  #refreshBuckets(at: number): void {
    const { host, table } = this.#deps;
    if (this.#isRefreshing || host.connections().length === 0) return;
    const looksAround = at >= this.#lookAtMs;
    const bits = looksAround ? OWN_PLACE_BITS : table.due(at).refresh[0];
    if (bits === undefined) return;
    if (looksAround) {
      this.#lookAtMs = at + this.#lookPauseMs;
      this.#lookPauseMs = Math.min(2 * this.#lookPauseMs, POLICY.refreshAfterMs);
    }
    this.#isRefreshing = true;
    void this.#deps
      .refresh(bits)
      .catch(() => undefined)
      .finally(() => (this.#isRefreshing = false));
  }

  /** Nearer ones take the place of farther ones, now and then. */
  #chooseNeighbours(at: number): void {
    this.#chosenAtMs = at;
    const { host, table, scores, random } = this.#deps;
    const connected = new Set(host.connections().map(({ did }) => did));
    const nodes = table
      .nodes()
      .filter(({ did, heardAtMs }) => connected.has(did) || heardAtMs > at - POLICY.provenMs)
      .filter(({ did }) => !scores.isShunned(did, at));
    const known = nodes.length > 0 ? nodes : table.nodes();
    const chosen = chooseNeighbours(known, connected, (below) => random.integer(below));
    host.keep([...this.#deps.always(), ...chosen.map(({ did }) => did)]);
    for (const node of chosen) if (!connected.has(node.did)) void this.#probe(node);
  }

  /**
   * The first that answer are written down at once: they may be all that the next life begins with, where
   * they leave before a minute is over, or this process is killed.
   */
  #isToSave(at: number): boolean {
    if (this.#saving !== undefined) return false;
    if (at - this.#savedAtMs >= POLICY.saveEveryMs) return true;
    return (
      this.#savedProven < POLICY.lonely && provenOf(this.#deps.table.nodes()) > this.#savedProven
    );
  }

  #save(known: readonly NetworkNode[]): Promise<void> {
    this.#savedAtMs = this.#deps.now();
    this.#savedProven = Math.max(this.#savedProven, provenOf(known));
    this.#saving = this.#write(known).finally(() => (this.#saving = undefined));
    return this.#saving;
  }

  async #write(known: readonly NetworkNode[]): Promise<void> {
    const { book, scores, now, warn } = this.#deps;
    try {
      const saved = book.save({
        nodes: known.slice(0, BOUNDS.knownNodes),
        ...scores.takeChanges(),
        sinceMs: now() - BOUNDS.nodeTtlMs,
      });
      await orAfter(saved, BOUNDS.nodeSaveMs);
    } catch (error) {
      warn(`what is known of the network is not written down: ${String(error)}`);
    }
  }

  #limit(): AbortSignal {
    return AbortSignal.any([this.#stopped.signal, AbortSignal.timeout(2 * BOUNDS.swarmDialMs)]);
  }
}

function provenOf(nodes: readonly NetworkNode[]): number {
  return nodes.filter(({ answeredAtMs }) => answeredAtMs > 0).length;
}

function wholeState({ kind, freeBytes, load }: OwnState): OwnState {
  return {
    kind,
    freeBytes: Math.max(0, Math.floor(freeBytes)),
    load: Math.min(1, Math.max(0, load)),
  };
}

function withoutPeer(address: string): string {
  const parsed = multiaddr(address);
  const last = parsed.getComponents().at(-1);
  return last?.name === 'p2p' ? parsed.decapsulate(`/p2p/${last.value ?? ''}`).toString() : address;
}

/** Resolves as it does, or after so long whatever comes of it. */
async function orAfter(promise: Promise<unknown>, ms: number): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const over = new Promise<unknown>((resolve) => (timer = setTimeout(resolve, ms)));
  await Promise.race([promise, over]).finally(() => clearTimeout(timer));
}
