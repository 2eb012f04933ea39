import type { Multiaddr } from '@multiformats/multiaddr';
import { BOUNDS } from '../domain/bounds.js';
import type { Random } from '../ports/random.js';

const FIRST_PAUSE_MS = 250;
const LONGEST_PAUSE_MS = 15_000;
/** The higher peer id leaves the dialling of a pair to the lower this long. */
const OTHER_DIALS_MS = 2_000;
/** Who cannot be reached this often is forgotten until it is heard of again. */
const ATTEMPTS = 6;
const ATTEMPTS_IF_NEVER_MET = 3;
/** A link that lasts less was none: a full house, the wrong door. */
const SHORT_LINK_MS = 5_000;
const ADDRESSES_PER_DIAL = 4;

/** Who named a sibling: multicast from an address, a peer, or the memory of earlier lives. */
export type Via = `link ${string}` | `peer ${string}` | 'memory';

interface Acquaintance {
  peer: string;
  via: Via;
  /** The one that answered last stands first. */
  addresses: Map<string, Multiaddr>;
  /** A handshake proved it once. */
  isMet: boolean;
  attempts: number;
  notBeforeMs: number;
  isDialling: boolean;
  linkedMs: number | undefined;
}

/**
 * The siblings that this process has heard of, and whom to dial next. Everything in it is hearsay: so
 * nobody who names siblings takes more than a share of the places, and nobody's are dialled before
 * those of the others had their turn. Pure: no clock, no I/O.
 */
export class Acquaintances {
  readonly #self: string;
  readonly #random: Random;
  readonly #known = new Map<string, Acquaintance>();
  /** When one of theirs was dialled last; bounded by `#known`. */
  readonly #turnMs = new Map<string, number>();

  constructor(self: string, random: Random) {
    this.#self = self;
    this.#random = random;
  }

  get size(): number {
    return this.#known.size;
  }

  has(peer: string): boolean {
    return this.#known.has(peer);
  }

  /** Hears of a sibling, for the first time or again. Whether that one is new here. */
  meet(peer: string, addresses: readonly Multiaddr[], via: Via, now: number): boolean {
    if (peer === this.#self || addresses.length === 0) return false;
    const known = this.#known.get(peer);
    if (known !== undefined) {
      addAddresses(known.addresses, addresses);
      return false;
    }
    if (!this.#makeRoom(via)) return false;
    const all = new Map<string, Multiaddr>();
    addAddresses(all, addresses);
    this.#known.set(peer, {
      peer,
      via,
      addresses: all,
      isMet: false,
      attempts: 0,
      notBeforeMs: this.#self > peer ? now + OTHER_DIALS_MS : now,
      isDialling: false,
      linkedMs: undefined,
    });
    return true;
  }

  /** Whom to dial now, and at which addresses; it counts as being dialled from here on. */
  next(now: number): { peer: string; addresses: Multiaddr[] } | undefined {
    const due = [...this.#known.values()].filter(
      ({ isDialling, linkedMs, notBeforeMs }) =>
        !isDialling && linkedMs === undefined && notBeforeMs <= now,
    );
    if (due.length === 0) return undefined;
    const turnOf = ({ via }: Acquaintance): number => this.#turnMs.get(groupOf(via)) ?? -Infinity;
    const firstTurn = Math.min(...due.map(turnOf));
    const ofOne = due.filter((one) => turnOf(one) === firstTurn);
    const met = ofOne.filter(({ isMet }) => isMet);
    const from = met.length > 0 ? met : ofOne;
    const chosen = from[this.#random.integer(from.length)];
    if (chosen === undefined) return undefined;
    this.#turnMs.set(groupOf(chosen.via), now);
    chosen.isDialling = true;
    const [first, ...others] = chosen.addresses.values();
    const addresses = [...(first === undefined ? [] : [first]), ...this.#shuffled(others)];
    return { peer: chosen.peer, addresses: addresses.slice(0, ADDRESSES_PER_DIAL) };
  }

  /** When `next` may have somebody; Infinity where nobody waits. */
  nextMs(): number {
    let nextMs = Infinity;
    for (const { isDialling, linkedMs, notBeforeMs } of this.#known.values())
      if (!isDialling && linkedMs === undefined) nextMs = Math.min(nextMs, notBeforeMs);
    return nextMs;
  }

  /** @param at The address that answered, where this side dialled. */
  linked(peer: string, now: number, at?: Multiaddr): void {
    const known = this.#known.get(peer);
    if (known === undefined) return;
    known.isDialling = false;
    known.isMet = true;
    known.linkedMs = now;
    if (at === undefined) return;
    known.addresses.delete(at.toString());
    known.addresses = new Map([[at.toString(), at], ...known.addresses]);
  }

  unlinked(peer: string, now: number): void {
    const known = this.#known.get(peer);
    if (known?.linkedMs === undefined) return;
    const wasShort = now - known.linkedMs < SHORT_LINK_MS;
    known.linkedMs = undefined;
    if (!wasShort) known.attempts = 0;
    this.#rest(known, now);
  }

  failed(peer: string, now: number): void {
    const known = this.#known.get(peer);
    if (known === undefined) return;
    known.isDialling = false;
    this.#rest(known, now);
  }

  forget(peer: string): void {
    this.#known.delete(peer);
    const groups = new Set([...this.#known.values()].map(({ via }) => groupOf(via)));
    for (const group of this.#turnMs.keys()) if (!groups.has(group)) this.#turnMs.delete(group);
  }

  /** Twice as long each time, with half of it at random, so that many do not come at once. */
  #rest(known: Acquaintance, now: number): void {
    known.attempts += 1;
    if (known.attempts >= (known.isMet ? ATTEMPTS : ATTEMPTS_IF_NEVER_MET)) {
      this.forget(known.peer);
      return;
    }
    const pauseMs = Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** known.attempts);
    known.notBeforeMs = now + pauseMs / 2 + this.#random.integer(pauseMs / 2);
  }

  /** Whether one more fits; who names too many gives up one of his own. */
  #makeRoom(via: Via): boolean {
    const ofVia = this.#unmet((other) => other === via);
    const most = via.startsWith('link ') ? BOUNDS.announcedFromOne : BOUNDS.introduced;
    if (ofVia.length >= most) return this.#give(ofVia);
    if (this.#known.size < BOUNDS.acquaintances) return true;
    const counts = new Map<string, number>();
    for (const { via: other } of this.#unmet(() => true))
      counts.set(groupOf(other), (counts.get(groupOf(other)) ?? 0) + 1);
    const [largest] = [...counts].sort(([, a], [, b]) => b - a)[0] ?? [];
    if (largest === undefined)
      return this.#give([...this.#known.values()].filter((one) => one.linkedMs === undefined));
    return this.#give(this.#unmet((other) => groupOf(other) === largest));
  }

  /** Oldest first. */
  #unmet(isFrom: (via: Via) => boolean): Acquaintance[] {
    return [...this.#known.values()].filter(({ isMet, via }) => !isMet && isFrom(via));
  }

  #give(those: readonly Acquaintance[]): boolean {
    const idle = those.filter(({ isDialling }) => !isDialling);
    const given = idle[this.#random.integer(Math.max(1, idle.length))];
    if (given === undefined) return false;
    this.forget(given.peer);
    return true;
  }

  #shuffled(addresses: readonly Multiaddr[]): Multiaddr[] {
    const left = [...addresses];
    const shuffled: Multiaddr[] = [];
    while (left.length > 0) shuffled.push(...left.splice(this.#random.integer(left.length), 1));
    return shuffled;
  }
}

/** All of multicast is one group: whoever is on the link can send from any address of it. */
function groupOf(via: Via): string {
  return via.startsWith('link ') ? 'link' : via;
}

/** The newest push out the oldest but the first, which answered last. */
function addAddresses(known: Map<string, Multiaddr>, addresses: readonly Multiaddr[]): void {
  for (const address of addresses.slice(0, BOUNDS.siblingAddresses)) {
    if (known.has(address.toString())) continue;
    known.set(address.toString(), address);
    if (known.size <= BOUNDS.siblingAddresses) continue;
    const [, second] = known.keys();
    if (second !== undefined) known.delete(second);
  }
}
