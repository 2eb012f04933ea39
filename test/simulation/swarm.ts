import assert from 'node:assert/strict';
import { BOUNDS } from '../../src/domain/bounds.js';
import type { Random } from '../../src/ports/random.js';
import { Bitmap, LeafMap, Scheduler, type TransferAction } from '../../src/transfer/index.js';
import { manifestOf } from './content.js';
import { Network, type Connection } from './network.js';
import { seededRandom, VirtualTime } from './virtual-time.js';

/** 100 Mbit/s in bytes a millisecond is `100 * MBIT`. */
export const MBIT = 125;

export interface Host {
  name: string;
  upMbit: number;
  downMbit: number;
  joinsAtMs: number;
  latencyMs?: number;
  lostPerMille?: number;
  isSource?: boolean;
  /** Has everything from the start, or says so. */
  holdsAll?: boolean;
  /** Of a hundred answers, so many are garbage. */
  lies?: number;
  /** Takes requests and never answers. */
  isSilent?: boolean;
  /** Answers what is shorter than a piece alone. */
  isSilentOfLong?: boolean;
  /** Says something that asks for nothing and gives nothing at this interval. */
  chatsEveryMs?: number;
  /** Dies at this time; comes back with what it held after `awayMs`, if that is given. */
  diesAtMs?: number;
  awayMs?: number;
  /** Cannot reach its siblings. */
  isWalledOff?: boolean;
  diskBytesPerMs?: number;
  /** Wants these artifacts only, by their number. */
  only?: readonly number[];
}

export interface SwarmOptions {
  hosts: readonly Host[];
  lengths: readonly number[];
  seed: number;
  chunkBytes?: number;
  /** The source goes once the others have, together, everything. */
  sourceLeavesWhenOut?: boolean;
  /** Connections that break at random, a minute and host. */
  breaksPerMinute?: number;
  /** All hosts share a few processors: what a byte sent or received costs. Without it, they cost nothing. */
  processors?: { count: number; bytesPerMs: number };
  /** How many connections a client seeks, and holds. */
  sought?: number;
  held?: number;
}

export interface Outcome {
  /** When each became whole. */
  doneMs: Map<string, number>;
  joinedMs: Map<string, number>;
  /** Bytes each host took as new, by who sent them. */
  received: Map<string, Map<string, number>>;
  /** Bytes of content that each host sent. */
  sentBytes: Map<string, number>;
  /** Who was found to lie. */
  liars: Set<string>;
  dropped: { by: string; peer: string; reason: string }[];
  duplicateBytes: number;
  /** When the clients together held everything. */
  outMs: number;
  mostAsksOfOne: number;
  mostUploads: number;
  endMs: number;
  events: number;
}

interface Link {
  to: Live;
  connection: Connection;
  /** Requests that were neither answered nor cancelled. */
  asks: Set<number>;
  uploads: number;
}

/** A process: killed and started again it is another one. */
interface Live {
  host: Host;
  scheduler: Scheduler;
  links: Map<string, Link>;
  wakeMs: number;
  diskFreeMs: number;
  uploads: number;
  isUp: boolean;
  isDone: boolean;
}

const CHANGE_BYTES = 60;
const ASK_BYTES = 40;
const STORE_MS = 2;
/** From one to all: what the line takes for small frames. */
const TELL_MS = 3;
const REDIAL_MS = 1_000;
const LOOK_AGAIN_MS = 3_000;

/** Hosts on one switch that share one bundle, each with a scheduler of its own. */
export class SimulatedSwarm {
  readonly map: LeafMap;
  readonly #options: SwarmOptions;
  readonly #random: Random;
  readonly #time = new VirtualTime();
  readonly #network: Network;
  readonly #live = new Map<string, Live>();
  readonly #kept = new Map<string, Bitmap>();
  readonly #banned = new Set<string>();
  /** How many honest clients that are up hold each leaf, and of how many leaves that is not none. */
  readonly #holders: Uint16Array;
  #leavesOut = 0;
  #waitedFor = 0;
  #isSourceGone = false;
  /** When each processor is free. */
  readonly #processors: number[];
  readonly #outcome: Outcome = {
    doneMs: new Map(),
    joinedMs: new Map(),
    received: new Map(),
    sentBytes: new Map(),
    liars: new Set(),
    dropped: [],
    duplicateBytes: 0,
    outMs: Infinity,
    mostAsksOfOne: 0,
    mostUploads: 0,
    endMs: 0,
    events: 0,
  };

  constructor(options: SwarmOptions) {
    this.#options = options;
    this.map = new LeafMap(manifestOf(options.lengths));
    this.#random = seededRandom(options.seed);
    this.#network = new Network(this.#time, this.#random, options.chunkBytes ?? 64 << 10);
    this.#holders = new Uint16Array(this.map.leafCount);
    this.#processors = new Array<number>(options.processors?.count ?? 0).fill(0);
  }

  /** Runs until every honest client that stays is whole, or the time is over. */
  run(limitMs: number): Outcome {
    for (const host of this.#options.hosts) {
      this.#network.addHost(host.name, {
        upBytesPerMs: host.upMbit * MBIT,
        downBytesPerMs: host.downMbit * MBIT,
        latencyMs: (host.latencyMs ?? 0.2) / 2,
        lostPerMille: host.lostPerMille ?? 0,
      });
      this.#time.at(host.joinsAtMs, () => this.#start(host));
      if (isWaitedFor(host)) this.#waitedFor++;
    }
    this.#time.run(limitMs, () => {
      this.#outcome.events++;
      return this.#waitedFor === 0;
    });
    this.#outcome.endMs = this.#time.now;
    return this.#outcome;
  }

  /** What left a host in copies of the bundle, headers and all. */
  wireCopies(name: string): number {
    return this.#network.sentBytes(name) / this.map.totalBytes;
  }

  // ---- lives

  #start(host: Host): void {
    const length = this.map.leafCount;
    const holdsAll = host.isSource === true || host.holdsAll === true;
    const held = holdsAll ? Bitmap.full(length) : copyOf(this.#kept.get(host.name), length);
    const isFirst = !this.#outcome.joinedMs.has(host.name);
    const live: Live = {
      host,
      scheduler: new Scheduler(this.map, held, seededRandom(this.#random.integer(2 ** 32))),
      links: new Map(),
      wakeMs: Infinity,
      diskFreeMs: 0,
      uploads: 0,
      isUp: true,
      isDone: holdsAll,
    };
    this.#live.set(host.name, live);
    if (isFirst) this.#outcome.joinedMs.set(host.name, this.#time.now);
    if (isHonestClient(host)) held.forEach((leaf) => this.#hold(leaf, 1));
    if (!holdsAll) this.#want(live);
    this.#findPeers(live);
    if (host.chatsEveryMs !== undefined) this.#chat(live, host.chatsEveryMs);
    if (this.#options.breaksPerMinute !== undefined) this.#breakSometimes(live);
    if (isFirst && host.diesAtMs !== undefined) {
      this.#time.at(Math.max(host.diesAtMs, this.#time.now + 1), () => this.#die(live));
    }
  }

  #want(live: Live): void {
    const { only } = live.host;
    const leaves: number[] = [];
    this.map.spans.forEach((span, at) => {
      if (only !== undefined && !only.includes(at)) return;
      for (let i = 0; i < span.leafCount; i++) leaves.push(span.firstLeaf + i);
    });
    this.#handle(live, { type: 'want', leaves, urgent: false });
  }

  #findPeers(live: Live): void {
    const others = [...this.#live.values()].filter((other) => other !== live && other.isUp);
    for (const other of others) {
      if (other.host.isSource === true || live.host.isSource === true) {
        this.#time.after(1, () => this.#connect(live, other));
      }
    }
    const siblings = others.filter(
      (other) => other.host.isSource !== true && live.host.isSource !== true,
    );
    for (let i = siblings.length - 1; i > 0; i--) {
      const j = this.#random.integer(i + 1);
      [siblings[i], siblings[j]] = [siblings[j]!, siblings[i]!];
    }
    const { sought = BOUNDS.neighboursSought } = this.#options;
    for (const other of siblings.slice(0, 2 * sought)) {
      this.#time.after(20 + this.#random.integer(130), () => {
        if (live.links.size < sought) this.#connect(live, other);
      });
    }
    // Who met nobody, or lost them, looks on.
    this.#time.after(LOOK_AGAIN_MS, () => {
      if (live.isUp && !live.isDone) this.#findPeers(live);
    });
  }

  #connect(a: Live, b: Live): void {
    if (!a.isUp || !b.isUp || a.links.has(b.host.name)) return;
    if (this.#banned.has(`${a.host.name} ${b.host.name}`)) return;
    if (this.#banned.has(`${b.host.name} ${a.host.name}`)) return;
    const isDirect = a.host.isSource === true || b.host.isSource === true;
    if (!isDirect && (a.host.isWalledOff === true || b.host.isWalledOff === true)) return;
    for (const side of [a, b]) {
      const { held = BOUNDS.neighbours } = this.#options;
      if (side.links.size >= (side.host.isSource === true ? BOUNDS.peers : held)) return;
    }
    for (const [one, other] of [
      [a, b],
      [b, a],
    ] as const) {
      const connection = this.#network.connect(one.host.name, other.host.name);
      one.links.set(other.host.name, { to: other, connection, asks: new Set(), uploads: 0 });
    }
    for (const [one, other] of [
      [a, b],
      [b, a],
    ] as const) {
      const held = copyOf(other.scheduler.held, this.map.leafCount);
      const isSource = other.host.isSource === true;
      const wanted = other.host.only === undefined ? undefined : this.#wantedOf(other.host);
      this.#handle(one, { type: 'joined', peer: other.host.name, isSource, held, wanted });
    }
  }

  #wantedOf(host: Host): Bitmap {
    const wanted = new Bitmap(this.map.leafCount);
    for (const at of host.only ?? []) {
      const span = this.map.spans[at];
      if (span !== undefined) wanted.addRange(span.firstLeaf, span.leafCount);
    }
    return wanted;
  }

  #disconnect(a: Live, name: string): void {
    const link = a.links.get(name);
    if (link === undefined) return;
    const b = link.to;
    this.#unlink(a, name);
    this.#unlink(b, a.host.name);
    if (b.isUp) this.#handle(b, { type: 'left', peer: a.host.name });
  }

  #unlink(live: Live, name: string): void {
    const link = live.links.get(name);
    if (link === undefined) return;
    link.connection.close();
    live.uploads -= link.uploads;
    live.links.delete(name);
  }

  #redial(live: Live, name: string): void {
    this.#time.after(REDIAL_MS, () => {
      const other = this.#live.get(name);
      if (other !== undefined) this.#connect(live, other);
    });
  }

  #die(live: Live): void {
    if (!live.isUp) return;
    live.isUp = false;
    const { host } = live;
    this.#kept.set(host.name, copyOf(live.scheduler.held, this.map.leafCount));
    if (isHonestClient(host)) live.scheduler.held.forEach((leaf) => this.#hold(leaf, -1));
    for (const name of [...live.links.keys()]) this.#disconnect(live, name);
    if (host.awayMs !== undefined) this.#time.after(host.awayMs, () => this.#start(host));
  }

  #chat(live: Live, everyMs: number): void {
    this.#time.after(everyMs, () => {
      if (!live.isUp) return;
      for (const { to, connection } of live.links.values()) {
        connection.sendSmall(ASK_BYTES, () =>
          this.#handle(to, { type: 'heard', peer: live.host.name }),
        );
      }
      this.#chat(live, everyMs);
    });
  }

  #breakSometimes(live: Live): void {
    const everyMs = 60_000 / (this.#options.breaksPerMinute ?? 1);
    this.#time.after(1 + this.#random.integer(2 * everyMs), () => {
      if (!live.isUp) return;
      const names = [...live.links.keys()];
      const name = names[this.#random.integer(Math.max(1, names.length))];
      if (name !== undefined) {
        this.#disconnect(live, name);
        this.#handle(live, { type: 'left', peer: name });
        this.#redial(live, name);
      }
      this.#breakSometimes(live);
    });
  }

  // ---- what the schedulers say

  #handle(live: Live, event: Parameters<Scheduler['handle']>[0]): void {
    if (live.isUp) this.#do(live, live.scheduler.handle(event, this.#time.now));
  }

  #do(live: Live, actions: readonly TransferAction[]): void {
    const { host } = live;
    for (const action of actions) {
      if (action.type === 'wake') this.#wake(live, action.atMs);
      else if (action.type === 'tell') this.#tell(live, action.gained, action.lost);
      else {
        const link = live.links.get(action.peer);
        if (link === undefined) continue;
        if (action.type === 'ask') this.#ask(live, link, action);
        else if (action.type === 'send') this.#send(live, link, action.id, action.leaves);
        else if (action.type === 'cancel') {
          const { id } = action;
          link.asks.delete(id);
          link.connection.sendSmall(ASK_BYTES, () =>
            this.#handle(link.to, { type: 'withdrawn', peer: host.name, id }),
          );
        } else {
          const { peer, reason } = action;
          this.#outcome.dropped.push({ by: host.name, peer, reason });
          if (reason !== 'silent') {
            this.#outcome.liars.add(peer);
            this.#banned.add(`${host.name} ${peer}`);
          }
          this.#disconnect(live, peer);
          this.#redial(live, peer);
        }
      }
    }
  }

  #wake(live: Live, atMs: number): void {
    if (atMs >= live.wakeMs) return;
    live.wakeMs = atMs;
    // As a real timer: whole milliseconds, never at once.
    const dueMs = Math.max(Math.ceil(atMs), this.#time.now + 1);
    this.#time.at(dueMs, () => {
      if (!live.isUp || live.wakeMs !== atMs) return;
      live.wakeMs = Infinity;
      this.#handle(live, { type: 'tick' });
    });
  }

  /** To all at once: one event for many frames that leave together. */
  #tell(live: Live, gained: readonly number[], lost: readonly number[]): void {
    const links = [...live.links.values()];
    if (links.length === 0) return;
    const peer = live.host.name;
    const bytes = CHANGE_BYTES + Math.min(gained.length, 20);
    const deliver = (link: Link): void => {
      if (live.links.get(link.to.host.name) !== link) return;
      if (gained.length > 0) this.#handle(link.to, { type: 'gained', peer, leaves: gained });
      if (lost.length > 0) this.#handle(link.to, { type: 'lost', peer, leaves: lost });
    };
    for (const { connection } of links) connection.sendSmall(bytes, undefined);
    this.#time.after(TELL_MS, () => links.forEach(deliver));
  }

  #ask(live: Live, link: Link, ask: Extract<TransferAction, { type: 'ask' }>): void {
    const { id, leaves, maxBytes, siblings, inOrder } = ask;
    const peer = live.host.name;
    link.asks.add(id);
    this.#outcome.mostAsksOfOne = Math.max(this.#outcome.mostAsksOfOne, link.asks.size);
    assert.ok(
      !this.#banned.has(`${peer} ${link.to.host.name}`),
      `${peer} asks ${link.to.host.name}, whom it knows to lie`,
    );
    link.connection.sendSmall(ASK_BYTES, () => {
      const { isSilent, isSilentOfLong } = link.to.host;
      const isLong = (leaf: number): boolean => this.map.spanOf(leaf).leafCount > 1;
      if (isSilent === true || (isSilentOfLong === true && leaves?.some(isLong) === true)) return;
      this.#handle(link.to, { type: 'asked', peer, id, leaves, maxBytes, siblings, inOrder });
    });
  }

  #send(live: Live, link: Link, id: number, leaves: number[]): void {
    const bytes = this.map.bytesOf(leaves);
    const peer = live.host.name;
    add(this.#outcome.sentBytes, peer, bytes);
    live.uploads++;
    link.uploads++;
    this.#outcome.mostUploads = Math.max(this.#outcome.mostUploads, live.uploads);
    const lies = leaves.length > 0 && this.#random.integer(100) < (live.host.lies ?? 0);
    this.#compute(bytes, () => {
      link.connection.send(
        bytes,
        () => this.#compute(bytes, () => this.#receive(live, link.to, id, leaves, lies)),
        () => {
          if (live.links.get(link.to.host.name) !== link) return;
          live.uploads--;
          link.uploads--;
          this.#handle(live, { type: 'sent', peer: link.to.host.name, id });
        },
      );
    });
  }

  /** Runs when a processor has got round to it. */
  #compute(bytes: number, run: () => void): void {
    const { processors } = this.#options;
    if (processors === undefined) {
      run();
      return;
    }
    const at = this.#processors.indexOf(Math.min(...this.#processors));
    const freeMs =
      Math.max(this.#processors[at] ?? 0, this.#time.now) + bytes / processors.bytesPerMs;
    this.#processors[at] = freeMs;
    this.#time.at(freeMs, run);
  }

  #receive(from: Live, to: Live, id: number, leaves: number[], lies: boolean): void {
    if (!to.isUp) return;
    const name = from.host.name;
    to.links.get(name)?.asks.delete(id);
    const good = lies ? [] : leaves.filter((leaf) => !to.scheduler.held.has(leaf));
    const answer = { peer: name, id, good, bad: lies ? leaves : [] };
    const { fresh, actions } = to.scheduler.answered(answer, this.#time.now);
    const bytes = this.map.bytesOf(fresh);
    if (lies) assert.equal(fresh.length, 0, `${to.host.name} took garbage`);
    this.#outcome.duplicateBytes += this.map.bytesOf(leaves) - bytes;
    this.#do(to, actions);
    if (fresh.length === 0) return;
    const bySender = this.#outcome.received.get(to.host.name) ?? new Map<string, number>();
    this.#outcome.received.set(to.host.name, bySender);
    add(bySender, name, bytes);
    to.diskFreeMs =
      Math.max(to.diskFreeMs, this.#time.now) + bytes / (to.host.diskBytesPerMs ?? Infinity);
    this.#time.at(to.diskFreeMs + STORE_MS, () => this.#store(to, fresh));
  }

  #store(live: Live, leaves: readonly number[]): void {
    if (!live.isUp) return;
    for (const leaf of leaves) {
      assert.ok(!live.scheduler.held.has(leaf), `${live.host.name} stores leaf ${leaf} twice`);
      if (isHonestClient(live.host)) this.#hold(leaf, 1);
    }
    this.#handle(live, { type: 'stored', leaves });
    if (!live.isDone && live.scheduler.missingBytes === 0 && this.#isWhole(live)) {
      live.isDone = true;
      if (!this.#outcome.doneMs.has(live.host.name)) {
        this.#outcome.doneMs.set(live.host.name, this.#time.now);
        if (isWaitedFor(live.host)) this.#waitedFor--;
      }
    }
    const isOut = this.#leavesOut === this.map.leafCount;
    if (isOut) this.#outcome.outMs = Math.min(this.#outcome.outMs, this.#time.now);
    if (isOut && this.#options.sourceLeavesWhenOut === true && !this.#isSourceGone) {
      this.#isSourceGone = true;
      for (const other of this.#live.values()) if (other.host.isSource === true) this.#die(other);
    }
  }

  #isWhole(live: Live): boolean {
    if (live.host.only === undefined) return live.scheduler.held.count === this.map.leafCount;
    const wanted = this.#wantedOf(live.host);
    let isWhole = true;
    wanted.forEach((leaf) => (isWhole &&= live.scheduler.held.has(leaf)));
    return isWhole;
  }

  #hold(leaf: number, by: 1 | -1): void {
    const before = this.#holders[leaf] ?? 0;
    this.#holders[leaf] = before + by;
    if (before === 0) this.#leavesOut++;
    else if (before + by === 0) this.#leavesOut--;
  }
}

/** An honest client that stays, or comes back. */
export function isWaitedFor(host: Host): boolean {
  return isHonestClient(host) && (host.diesAtMs === undefined || host.awayMs !== undefined);
}

function isHonestClient(host: Host): boolean {
  return (
    host.isSource !== true &&
    host.holdsAll !== true &&
    host.isSilent !== true &&
    host.isSilentOfLong !== true &&
    !host.lies
  );
}

function copyOf(bitmap: Bitmap | undefined, length: number): Bitmap {
  const copy = new Bitmap(length);
  bitmap?.forEach((leaf) => copy.add(leaf));
  return copy;
}

function add(into: Map<string, number>, key: string, by: number): void {
  into.set(key, (into.get(key) ?? 0) + by);
}
