import { createHash } from 'node:crypto';
import type { Manifest } from '../../src/domain/bundle.js';
import { PIECE_SIZE_BYTES } from '../../src/domain/piece.js';
import type { Random } from '../../src/ports/random.js';
import { Bitmap, LeafMap, Scheduler, type TransferAction } from '../../src/transfer/index.js';

/** mulberry32: small, fast, and the same everywhere. */
export function seededRandom(seed: number): Random {
  let state = seed >>> 0;
  const next = (): number => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
  return {
    integer: (below) => Math.floor(next() * below),
    bytes: (length) => Uint8Array.from({ length }, () => Math.floor(next() * 256)),
  };
}

/** A manifest of artifacts with these lengths; the hashes are made up. */
export function manifestOf(lengths: readonly number[]): Manifest {
  const hash = (text: string): string => createHash('sha256').update(text).digest('hex');
  return {
    bundle: 'simulated',
    source: 'did:key:z6MkSimulated',
    version: 1,
    digest: hash('manifest'),
    signedAt: '2026-01-01T00:00:00Z',
    expiresAt: '2027-01-01T00:00:00Z',
    graceDays: 1,
    entries: lengths.map((lengthBytes, i) => ({
      path: `pypi/${String(i).padStart(6, '0')}`,
      lengthBytes,
      sha256: hash(`blob ${i}`),
      pieceRoot: hash(`root ${i}`),
      kind: 'package',
      proof: 'index-hash',
      requires: [],
      targets: [],
      private: false,
    })),
  };
}

export interface Host {
  name: string;
  upBytesPerMs: number;
  downBytesPerMs: number;
  joinsAtMs: number;
  isSource?: boolean;
  /** Sends wrong bytes. */
  lies?: boolean;
  /** Takes requests and never answers. */
  isSilent?: boolean;
  /** Says something that asks for nothing and gives nothing at this interval. */
  chatsEveryMs?: number;
  /** Has everything from the start, or says so. */
  holdsAll?: boolean;
  /** Dies at this time; comes back with what it held after `awayMs`, if that is given. */
  diesAtMs?: number;
  awayMs?: number;
  /** Cannot reach its siblings. */
  isWalledOff?: boolean;
}

export interface Outcome {
  doneMs: Map<string, number>;
  /** Bytes each host took as new, by who sent them. */
  received: Map<string, Map<string, number>>;
  sentBytes: Map<string, number>;
  liars: Set<string>;
  endMs: number;
}

interface Live {
  host: Host;
  scheduler: Scheduler;
  links: Set<string>;
  banned: Set<string>;
  upFreeMs: number;
  downFreeMs: number;
  wakeMs: number;
  /** Raised at each death, so that what was under way to the dead one is lost. */
  life: number;
  accepted: Bitmap;
}

const LATENCY_MS = 1;
const MESSAGE_BYTES = 200;
const STORE_MS = 3;
const LINK_MS = 150;

/** Hosts on one switch, in virtual time: each has an uplink and a downlink, and messages queue for both. */
export class Lan {
  readonly #map: LeafMap;
  readonly #random: Random;
  readonly #queue = new TimeQueue();
  readonly #live = new Map<string, Live>();
  readonly #kept = new Map<string, Bitmap>();
  readonly #outcome: Outcome = {
    doneMs: new Map(),
    received: new Map(),
    sentBytes: new Map(),
    liars: new Set(),
    endMs: 0,
  };
  #now = 0;
  readonly #sourceLeavesWhenOut: boolean;

  constructor(
    readonly hosts: readonly Host[],
    lengths: readonly number[],
    seed: number,
    options: { sourceLeavesWhenOut?: boolean } = {},
  ) {
    this.#map = new LeafMap(manifestOf(lengths));
    this.#random = seededRandom(seed);
    this.#sourceLeavesWhenOut = options.sourceLeavesWhenOut ?? false;
  }

  get totalBytes(): number {
    return this.#map.totalBytes;
  }

  /** Runs until every honest client that stays is whole, or the time is over. */
  run(limitMs: number): Outcome {
    for (const host of this.hosts) this.#queue.push(host.joinsAtMs, () => this.#start(host));
    const waitedFor = this.hosts.filter(
      (host) =>
        host.isSource !== true &&
        host.holdsAll !== true &&
        (host.diesAtMs === undefined || host.awayMs !== undefined),
    );
    for (;;) {
      const next = this.#queue.pop();
      if (next === undefined || next.atMs > limitMs) break;
      this.#now = next.atMs;
      next.run();
      if (waitedFor.every((host) => this.#outcome.doneMs.has(host.name))) break;
    }
    this.#outcome.endMs = this.#now;
    return this.#outcome;
  }

  #start(host: Host): void {
    const length = this.#map.leafCount;
    const holdsAll = host.isSource === true || host.holdsAll === true;
    const held = holdsAll ? Bitmap.full(length) : new Bitmap(length);
    this.#kept.get(host.name)?.forEach((leaf) => held.add(leaf));
    const live: Live = {
      host,
      scheduler: new Scheduler(this.#map, held, this.#random),
      links: new Set(),
      banned: this.#live.get(host.name)?.banned ?? new Set(),
      upFreeMs: this.#now,
      downFreeMs: this.#now,
      wakeMs: Infinity,
      life: (this.#live.get(host.name)?.life ?? 0) + 1,
      accepted: new Bitmap(length),
    };
    held.forEach((leaf) => live.accepted.add(leaf));
    const before = this.#live.get(host.name) === undefined;
    this.#live.set(host.name, live);
    if (!holdsAll) {
      const leaves = Array.from({ length }, (_, leaf) => leaf);
      this.#do(live, live.scheduler.handle({ type: 'want', leaves, urgent: false }, this.#now));
    }
    for (const other of this.#live.values()) {
      if (other === live) continue;
      const direct = host.isSource === true || other.host.isSource === true;
      if (!direct && (host.isWalledOff === true || other.host.isWalledOff === true)) continue;
      this.#queue.push(this.#now + (direct ? LATENCY_MS : LINK_MS), () => this.#link(live, other));
    }
    if (host.chatsEveryMs !== undefined) this.#chat(live, host.chatsEveryMs);
    if (before && host.diesAtMs !== undefined) {
      this.#queue.push(Math.max(host.diesAtMs, this.#now + 1), () => this.#die(live));
    }
  }

  #isUp(live: Live): boolean {
    return this.#live.get(live.host.name) === live && live.life > 0 && !this.#gone.has(live);
  }

  readonly #gone = new Set<Live>();

  #link(a: Live, b: Live): void {
    if (!this.#isUp(a) || !this.#isUp(b) || a.links.has(b.host.name)) return;
    if (a.banned.has(b.host.name) || b.banned.has(a.host.name)) return;
    a.links.add(b.host.name);
    b.links.add(a.host.name);
    for (const [one, other] of [
      [a, b],
      [b, a],
    ] as const) {
      const held = new Bitmap(this.#map.leafCount);
      other.scheduler.held.forEach((leaf) => held.add(leaf));
      const isSource = other.host.isSource === true;
      const event = { type: 'joined', peer: other.host.name, isSource, held } as const;
      this.#do(one, one.scheduler.handle(event, this.#now));
    }
  }

  #chat(live: Live, everyMs: number): void {
    this.#queue.push(this.#now + everyMs, () => {
      if (!this.#isUp(live)) return;
      for (const name of live.links) {
        this.#message(live, name, MESSAGE_BYTES, (to) => {
          this.#do(to, to.scheduler.handle({ type: 'heard', peer: live.host.name }, this.#now));
        });
      }
      this.#chat(live, everyMs);
    });
  }

  #redial(live: Live, name: string): void {
    this.#queue.push(this.#now + 1_000, () => {
      const other = this.#live.get(name);
      if (other !== undefined) this.#link(live, other);
    });
  }

  #unlink(a: Live, name: string): void {
    const b = this.#live.get(name);
    a.links.delete(name);
    if (b === undefined || !b.links.delete(a.host.name) || !this.#isUp(b)) return;
    this.#do(b, b.scheduler.handle({ type: 'left', peer: a.host.name }, this.#now));
  }

  #die(live: Live): void {
    if (!this.#isUp(live)) return;
    const kept = new Bitmap(this.#map.leafCount);
    live.scheduler.held.forEach((leaf) => kept.add(leaf));
    this.#kept.set(live.host.name, kept);
    this.#gone.add(live);
    for (const name of [...live.links]) this.#unlink(live, name);
    if (live.host.awayMs !== undefined) {
      this.#queue.push(this.#now + live.host.awayMs, () => this.#start(live.host));
    }
  }

  #do(live: Live, actions: TransferAction[]): void {
    for (const action of actions) {
      switch (action.type) {
        case 'wake':
          this.#wake(live, action.atMs);
          break;
        case 'tell':
          for (const name of live.links) this.#tell(live, name, action.gained);
          this.#leaveWhenOut(live);
          break;
        case 'drop':
          if (action.reason === 'liar') {
            this.#outcome.liars.add(action.peer);
            live.banned.add(action.peer);
          }
          this.#unlink(live, action.peer);
          this.#redial(live, action.peer);
          break;
        case 'send':
          this.#send(live, action.peer, action.id, action.leaves);
          break;
        case 'ask': {
          const { id, leaves, maxBytes, siblings, inOrder } = action;
          this.#message(live, action.peer, MESSAGE_BYTES, (to) => {
            if (to.host.isSilent === true) return;
            const event = {
              type: 'asked',
              peer: live.host.name,
              id,
              leaves,
              maxBytes,
              siblings,
              inOrder,
            } as const;
            this.#do(to, to.scheduler.handle(event, this.#now));
          });
          break;
        }
        case 'cancel':
          this.#message(live, action.peer, MESSAGE_BYTES, (to) => {
            const event = { type: 'withdrawn', peer: live.host.name, id: action.id } as const;
            this.#do(to, to.scheduler.handle(event, this.#now));
          });
      }
    }
  }

  #wake(live: Live, atMs: number): void {
    if (atMs >= live.wakeMs && live.wakeMs > this.#now) return;
    live.wakeMs = atMs;
    this.#queue.push(Math.max(atMs, this.#now), () => {
      if (!this.#isUp(live) || live.wakeMs !== atMs) return;
      live.wakeMs = Infinity;
      this.#do(live, live.scheduler.handle({ type: 'tick' }, this.#now));
    });
  }

  #tell(live: Live, name: string, leaves: readonly number[]): void {
    this.#message(live, name, MESSAGE_BYTES, (to) => {
      const event = { type: 'gained', peer: live.host.name, leaves } as const;
      this.#do(to, to.scheduler.handle(event, this.#now));
    });
  }

  #send(live: Live, name: string, id: number, leaves: number[]): void {
    const bytes = this.#map.bytesOf(leaves);
    count(this.#outcome.sentBytes, live.host.name, bytes);
    this.#message(live, name, MESSAGE_BYTES + bytes, (to) => this.#receive(live, to, id, leaves));
    this.#queue.push(live.upFreeMs, () => {
      if (!this.#isUp(live)) return;
      this.#do(live, live.scheduler.handle({ type: 'sent', peer: name, id }, this.#now));
    });
  }

  #receive(from: Live, to: Live, id: number, leaves: number[]): void {
    const lies = from.host.lies === true && leaves.length > 0;
    const answer = { peer: from.host.name, id, good: lies ? [] : leaves, bad: lies ? leaves : [] };
    const { fresh, actions } = to.scheduler.answered(answer, this.#now);
    this.#do(to, actions);
    for (const leaf of fresh) {
      if (!to.accepted.add(leaf)) throw new Error(`${to.host.name} took leaf ${leaf} twice`);
    }
    if (fresh.length === 0) return;
    const bySender = this.#outcome.received.get(to.host.name) ?? new Map<string, number>();
    this.#outcome.received.set(to.host.name, bySender);
    count(bySender, from.host.name, this.#map.bytesOf(fresh));
    this.#queue.push(this.#now + STORE_MS, () => {
      if (!this.#isUp(to)) return;
      this.#do(to, to.scheduler.handle({ type: 'stored', leaves: fresh }, this.#now));
      if (to.scheduler.held.count === this.#map.leafCount) {
        if (!this.#outcome.doneMs.has(to.host.name)) {
          this.#outcome.doneMs.set(to.host.name, this.#now);
        }
      }
    });
  }

  #message(from: Live, name: string, bytes: number, deliver: (to: Live) => void): void {
    const to = this.#live.get(name);
    if (to === undefined || !from.links.has(name)) return;
    from.upFreeMs = Math.max(from.upFreeMs, this.#now) + bytes / from.host.upBytesPerMs;
    const life = to.life;
    this.#queue.push(from.upFreeMs + LATENCY_MS, () => {
      to.downFreeMs = Math.max(to.downFreeMs, this.#now) + bytes / to.host.downBytesPerMs;
      // The switch forwards while it receives: only a busy or slower downlink delays.
      const atMs = Math.max(this.#now, to.downFreeMs - bytes / from.host.upBytesPerMs);
      this.#queue.push(atMs, () => {
        if (this.#isUp(to) && to.life === life && to.links.has(from.host.name)) deliver(to);
      });
    });
  }

  /** The source goes once the others have, together, everything. */
  #leaveWhenOut(live: Live): void {
    if (!this.#sourceLeavesWhenOut || live.host.isSource === true) return;
    const together = new Bitmap(this.#map.leafCount);
    for (const other of this.#live.values()) {
      if (other.host.isSource === true || !this.#isUp(other)) continue;
      if (other.host.lies === true || other.host.isSilent === true) continue;
      other.scheduler.held.forEach((leaf) => together.add(leaf));
    }
    if (together.count < this.#map.leafCount) return;
    for (const other of [...this.#live.values()])
      if (other.host.isSource === true) this.#die(other);
  }
}

export function count(into: Map<string, number>, key: string, by: number): void {
  into.set(key, (into.get(key) ?? 0) + by);
}

export const MIB = 1 << 20;
export const PIECE = PIECE_SIZE_BYTES;

/** A binary heap by time; equal times in order of arrival. */
class TimeQueue {
  readonly #heap: { atMs: number; order: number; run: () => void }[] = [];
  #order = 0;

  push(atMs: number, run: () => void): void {
    const heap = this.#heap;
    heap.push({ atMs, order: this.#order++, run });
    let at = heap.length - 1;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (!this.#before(at, parent)) break;
      this.#swap(at, parent);
      at = parent;
    }
  }

  pop(): { atMs: number; run: () => void } | undefined {
    const heap = this.#heap;
    const top = heap[0];
    const last = heap.pop();
    if (top === undefined || last === undefined || heap.length === 0) return top;
    heap[0] = last;
    for (let at = 0; ;) {
      let least = at;
      for (const child of [2 * at + 1, 2 * at + 2]) {
        if (child < heap.length && this.#before(child, least)) least = child;
      }
      if (least === at) return top;
      this.#swap(at, least);
      at = least;
    }
  }

  #before(a: number, b: number): boolean {
    const x = this.#heap[a]!;
    const y = this.#heap[b]!;
    return x.atMs < y.atMs || (x.atMs === y.atMs && x.order < y.order);
  }

  #swap(a: number, b: number): void {
    const kept = this.#heap[a]!;
    this.#heap[a] = this.#heap[b]!;
    this.#heap[b] = kept;
  }
}
