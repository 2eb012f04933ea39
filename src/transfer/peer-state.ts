import { Bitmap, scan } from './bitmap.js';
import type { Peer } from './events.js';
import type { LeafMap } from './leaf-map.js';
import type { Upload } from './upload-window.js';

/** A request of ours that a peer has not answered. */
export interface OpenAsk {
  id: number;
  /** Undefined: the peer chooses. */
  leaves: number[] | undefined;
  bytes: number;
  sentMs: number;
  /** An answer would still be welcome, but nothing waits for it. */
  isWrittenOff: boolean;
}

/** A peer's request that we have not answered. */
export interface QueuedRequest {
  id: number;
  leaves: readonly number[] | undefined;
  maxBytes: number;
  receivedMs: number;
  /** Not looked at again before this. */
  retryMs: number;
}

/** All that is known of one peer of a share. */
export class PeerState {
  readonly held: Bitmap;
  wanted: Bitmap | undefined;
  /** How many leaves of what it wants it lacks. */
  lacking = 0;
  /** What it lacked of what it wants when it joined. */
  lackedBytes = 0;

  // asking it
  readonly asks = new Map<number, OpenAsk>();
  /** Any bytes. */
  lastHeardMs: number;
  /** Verified pieces, or from a source an answer. */
  lastAnsweredMs: number;
  timeouts = 0;
  /** Of what was asked for by number, what has not come. */
  askedBytes = 0;
  /** How fast it answers; 0 where it has not. */
  bytesPerMs = 0;
  #answeredMs = 0;
  /** It had nothing for us when last looked at, and nothing has changed since. */
  exhausted = false;

  // answering it
  readonly queue: QueuedRequest[] = [];
  /** Answers being sent, by id. */
  readonly sending = new Map<number, Upload>();
  /** Which answer a leaf is in that the peer has not told of. */
  readonly underWay = new Map<number, Upload>();
  /** Answers that the network has not taken. */
  unsent = 0;
  /** Its turn: the peer that has got least for its weight is next. */
  turn = 0;
  /** What it alone was given and others lack, and have not got from it. */
  unspreadBytes = 0;
  /** What we sent it: it has that, or soon will. */
  readonly given: Bitmap;
  givenBytes = 0;
  lastGivenMs: number;
  lastAskedMs: number;
  /** When it last told of a piece that did not come from here. */
  lastGainMs: number;
  siblings = 0;
  /** Whether it would have leaves in order: it pulls from nobody else. */
  inOrder = false;
  /** Since when a request of its waits for the sake of spreading, and how long others did before. */
  waitingSinceMs: number | undefined;
  waitedMs = 0;

  constructor(
    readonly id: Peer,
    readonly isSource: boolean,
    held: Bitmap,
    wanted: Bitmap | undefined,
    map: LeafMap,
    readonly joinedMs: number,
  ) {
    this.held = held;
    this.given = new Bitmap(held.length);
    this.want(wanted, map);
    this.lastHeardMs = joinedMs;
    this.lastAnsweredMs = joinedMs;
    this.lastGivenMs = joinedMs;
    this.lastAskedMs = joinedMs;
    this.lastGainMs = joinedMs;
  }

  /** Sets what it wants in all; undefined means everything. */
  want(wanted: Bitmap | undefined, map: LeafMap): void {
    this.wanted = wanted;
    this.lacking = 0;
    this.lackedBytes = this.givenBytes;
    scan(
      this.held.length,
      0,
      (word) => this.lackedWord(word),
      (leaf) => {
        this.lacking++;
        this.lackedBytes += map.lengthBytes(leaf);
        return true;
      },
    );
  }

  /** So many verified bytes came as the answer to a request that was sent then. */
  paid(bytes: number, sentMs: number, now: number): void {
    const tookMs = Math.max(1, now - Math.max(sentMs, this.#answeredMs));
    const measured = bytes / tookMs;
    this.bytesPerMs = this.bytesPerMs === 0 ? measured : this.bytesPerMs * 0.7 + measured * 0.3;
    this.#answeredMs = now;
  }

  /** Whether it has this leaf or was sent it. */
  covers(leaf: number): boolean {
    return this.held.has(leaf) || this.given.has(leaf);
  }

  /** What it wants and does not have, as a word of 32 leaves. */
  lackedWord(word: number): number {
    return (this.wanted?.words[word] ?? -1) & ~(this.held.words[word] ?? 0);
  }

  wants(leaf: number): boolean {
    return this.wanted === undefined || this.wanted.has(leaf);
  }

  /** Whether the leaf is new to it. */
  gain(leaf: number): boolean {
    if (!this.held.add(leaf)) return false;
    if (this.wants(leaf)) this.lacking--;
    return true;
  }

  lose(leaf: number): boolean {
    this.given.delete(leaf);
    if (!this.held.delete(leaf)) return false;
    if (this.wants(leaf)) this.lacking++;
    return true;
  }
}
