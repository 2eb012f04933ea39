import { BOUNDS } from '../domain/bounds.js';
import type { Did } from '../domain/bundle.js';
import { claimedAnnouncement, type Announcement } from './announcements.js';
import { TokenBucket } from './token-bucket.js';

/**
 * What becomes of a message, in the words of gossipsub's validation: `accept` passes it on, `ignore`
 * drops it, `reject` drops it and counts against the neighbour that sent it.
 */
export type GossipVerdict =
  | { verdict: 'accept'; announcement: Announcement }
  | { verdict: 'ignore'; reason: 'flood' | 'author-flood' | 'replay' | 'old' | 'ahead' | 'busy' }
  | { verdict: 'reject'; reason: 'malformed' | 'other-network' | 'forged' };

interface Author {
  sequence: number;
  bucket: TokenBucket;
}

/**
 * Decides about each message of gossip before it goes on. The cheap questions come first, a signature
 * is checked last and so many times in a second at most, and nothing is kept of a message that is not
 * signed. An author is forgotten when its last message is too old to be taken again: nothing is accepted
 * twice, and so many signatures a second, for as long as a message is young, bound how many are known.
 */
export class GossipGate {
  readonly #network: string;
  readonly #self: Did;
  /** The one heard last stands last. */
  readonly #authors = new Map<Did, Author>();
  readonly #neighbours = new Map<Did, TokenBucket>();
  readonly #signatures: TokenBucket;

  constructor(network: string, self: Did, now: number) {
    this.#network = network;
    this.#self = self;
    const perSecond = BOUNDS.gossipSignaturesPerSecond;
    this.#signatures = new TokenBucket(perSecond, perSecond, now);
  }

  get authors(): number {
    return this.#authors.size;
  }

  /**
   * @param from the neighbour that passed it on.
   * @param now milliseconds since 1970.
   */
  check(bytes: Uint8Array, from: Did, now: number): GossipVerdict {
    if (!this.#bucketOf(from, now).take(now)) return { verdict: 'ignore', reason: 'flood' };
    const claimed = claimedAnnouncement(bytes);
    if (claimed === undefined) return { verdict: 'reject', reason: 'malformed' };
    const { author, network, sequence } = claimed.announcement;
    if (network !== this.#network) return { verdict: 'reject', reason: 'other-network' };
    if (sequence > now + BOUNDS.announcementAheadMs) return { verdict: 'ignore', reason: 'ahead' };
    if (sequence < now - BOUNDS.announcementAgeMs) return { verdict: 'ignore', reason: 'old' };
    const known = this.#authors.get(author);
    if (author === this.#self || sequence <= (known?.sequence ?? -1))
      return { verdict: 'ignore', reason: 'replay' };
    // Taken only once it is known to be the author's: nobody silences another by forging its messages.
    if (known?.bucket.has(now) === false) return { verdict: 'ignore', reason: 'author-flood' };
    this.#forgetOld(now);
    const isFull = known === undefined && this.#authors.size >= BOUNDS.gossipAuthors;
    if (isFull || !this.#signatures.take(now)) return { verdict: 'ignore', reason: 'busy' };
    if (!claimed.isSigned()) return { verdict: 'reject', reason: 'forged' };
    this.#remember(author, sequence, known?.bucket, now);
    return { verdict: 'accept', announcement: claimed.announcement };
  }

  #remember(author: Did, sequence: number, known: TokenBucket | undefined, now: number): void {
    const bucket = known ?? new TokenBucket(BOUNDS.authorBurst, 1_000 / BOUNDS.authorPauseMs, now);
    bucket.take(now);
    this.#authors.delete(author);
    this.#authors.set(author, { sequence, bucket });
  }

  /** A step at each message is enough: more than one is never added in between. */
  #forgetOld(now: number): void {
    let steps = 0;
    for (const [did, { sequence }] of this.#authors) {
      if (++steps > 4) return;
      if (sequence < now - BOUNDS.announcementAgeMs) this.#authors.delete(did);
    }
  }

  #bucketOf(neighbour: Did, now: number): TokenBucket {
    let bucket = this.#neighbours.get(neighbour);
    if (bucket === undefined) {
      bucket = new TokenBucket(BOUNDS.gossipBurst, BOUNDS.gossipPerSecond, now);
      this.#neighbours.set(neighbour, bucket);
      if (this.#neighbours.size > BOUNDS.gossipNeighbours) {
        const [oldest] = this.#neighbours.keys();
        if (oldest !== undefined) this.#neighbours.delete(oldest);
      }
    }
    return bucket;
  }
}
