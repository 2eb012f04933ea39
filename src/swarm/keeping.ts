import { BOUNDS } from '../domain/bounds.js';
import type { XError } from '../domain/errors.js';
import { lengthOf, type PieceBytes } from '../domain/piece.js';
import type { Clock } from '../ports/clock.js';
import type { LeafSpan } from '../transfer/index.js';
import type { LeafBytes } from './answers.js';
import type { BlobAccess } from './blob-access.js';
import { storeFailure } from './store-failure.js';

/** What the one who keeps pieces is told. */
export interface KeepingEvents {
  /** Can be given to others from now on: in memory until it is on disk. */
  onOffered(leaves: number[]): void;
  /** On disk, and how many bytes of it came from masters and from others. */
  onStored(bytes: { fromMaster: number; fromSiblings: number }): void;
  onWhole(spans: LeafSpan[]): void;
  /** Pieces that rotted before their artifact was whole. */
  onDamaged(leaves: number[]): void;
  onFailure(failure: XError): void;
  /** What failed is tried again. */
  onRetry(): void;
}

interface Kept extends LeafBytes {
  lengthBytes: number;
  fromMaster: boolean;
  isOffered: boolean;
}

/** Groups that are being written at once: one more can gather while the disk flushes. */
const GROUPS_AT_ONCE = 2;

/**
 * Verified pieces on their way to the disk. They are written in groups, since each costs a flush, and
 * offered before that: a piece that waits for the disk is a piece that no sibling can fetch. What is
 * in memory is bounded: beyond BOUNDS.offeredBytes a piece is offered only when it is on disk, and
 * what is not offered counts as being stored, of which the scheduler lets come only so much. A disk
 * that is full is tried again after a pause.
 */
export class Keeping {
  readonly #blobs: BlobAccess;
  readonly #clock: Clock;
  readonly #stopped: AbortSignal;
  readonly #events: KeepingEvents;
  readonly #kept = new Map<number, Kept>();
  #offeredBytes = 0;
  #waiting: Kept[] = [];
  #waitingBytes = 0;
  #unoffered: Kept[] = [];
  #groups = 0;
  #timer: NodeJS.Timeout | undefined;
  /** Writes and completions under way. */
  readonly #work = new Set<Promise<void>>();

  constructor(blobs: BlobAccess, clock: Clock, stopped: AbortSignal, events: KeepingEvents) {
    this.#blobs = blobs;
    this.#clock = clock;
    this.#stopped = stopped;
    this.#events = events;
  }

  get(leaf: number): PieceBytes | undefined {
    return this.#kept.get(leaf)?.bytes;
  }

  /** Takes verified pieces, and releases their memory. @param hurry Whether somebody waits for them, or nothing more will come. */
  add(pieces: readonly LeafBytes[], fromMaster: boolean, hurry: boolean): void {
    for (const { leaf, bytes } of pieces) {
      if (this.#kept.has(leaf)) {
        this.#blobs.memory.release(bytes);
        continue;
      }
      const lengthBytes = lengthOf(bytes);
      const kept = { leaf, bytes, lengthBytes, fromMaster, isOffered: false };
      this.#kept.set(leaf, kept);
      this.#unoffered.push(kept);
      this.#waiting.push(kept);
      this.#waitingBytes += lengthBytes;
    }
    this.#offer();
    this.#writeSoon(hurry);
  }

  /** Resolves when everything that can be written is, and nothing is under way. */
  async end(): Promise<void> {
    clearTimeout(this.#timer);
    this.#write();
    while (this.#work.size > 0) await Promise.all(this.#work);
  }

  #offer(): void {
    // To a source alone it says that it came, so that more is sent: nobody would have the rest early.
    const most = this.#blobs.isWatched ? BOUNDS.offeredBytes : BOUNDS.offeredAloneBytes;
    const leaves: number[] = [];
    let count = 0;
    for (const kept of this.#unoffered) {
      if (this.#offeredBytes >= most) break;
      count += 1;
      if (!this.#kept.has(kept.leaf)) continue;
      kept.isOffered = true;
      this.#offeredBytes += kept.lengthBytes;
      leaves.push(kept.leaf);
    }
    this.#unoffered.splice(0, count);
    if (leaves.length > 0) this.#events.onOffered(leaves);
  }

  #writeSoon(hurry: boolean): void {
    if (hurry || this.#waitingBytes >= BOUNDS.keptGroupBytes) this.#write();
    else this.#timer ??= setTimeout(() => this.#write(), BOUNDS.keptGroupMs);
  }

  #write(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    // The next group goes when one of these is done.
    if (this.#groups >= GROUPS_AT_ONCE || this.#waiting.length === 0) return;
    const group = this.#waiting;
    this.#waiting = [];
    this.#waitingBytes = 0;
    this.#groups += 1;
    this.#track(
      this.#writeGroup(group).finally(() => {
        this.#groups -= 1;
        if (this.#waiting.length > 0) this.#writeSoon(this.#stopped.aborted);
      }),
    );
  }

  async #writeGroup(group: readonly Kept[]): Promise<void> {
    const { stored, whole, full, failed } = await this.#blobs.write(group);
    const bytes = { fromMaster: 0, fromSiblings: 0 };
    const late: number[] = [];
    for (const leaf of stored) {
      const kept = this.#release(leaf);
      if (kept === undefined) continue;
      bytes[kept.fromMaster ? 'fromMaster' : 'fromSiblings'] += kept.lengthBytes;
      if (!kept.isOffered) late.push(leaf);
    }
    if (stored.length > 0) this.#events.onStored(bytes);
    if (late.length > 0) this.#events.onOffered(late);
    if (whole.length > 0) this.#events.onWhole(whole);
    for (const span of full) this.#track(this.#complete(span));
    this.#offer();
    for (const { leaves, error, span } of failed) this.#fail(span, leaves, error);
  }

  /** Turns an artifact of which every piece is on disk into a whole one. */
  async #complete(span: LeafSpan): Promise<void> {
    try {
      const damaged = await this.#blobs.complete(span);
      if (damaged.length > 0) this.#events.onDamaged(damaged);
      else this.#events.onWhole([span]);
    } catch (error) {
      const { failure, mayPass } = storeFailure(error);
      this.#events.onFailure(failure);
      if (!mayPass) this.#blobs.refuse(span);
      else if (await this.#pause()) await this.#complete(span);
    }
  }

  #fail(span: LeafSpan, leaves: readonly number[], error: unknown): void {
    const { failure, mayPass } = storeFailure(error);
    this.#events.onFailure(failure);
    if (!mayPass) {
      // The bytes are what was signed, and so is a name that they do not have: nothing mends that.
      this.#blobs.refuse(span);
      for (const leaf of leaves) this.#release(leaf);
      return;
    }
    const again = leaves.flatMap((leaf) => this.#kept.get(leaf) ?? []);
    this.#track(
      this.#pause().then((goesOn) => {
        if (!goesOn) return;
        this.#waiting.unshift(...again);
        for (const { lengthBytes } of again) this.#waitingBytes += lengthBytes;
        this.#writeSoon(true);
      }),
    );
  }

  /** Whether to go on after it. */
  async #pause(): Promise<boolean> {
    // Where the share is stopped meanwhile there is nothing to try again.
    await this.#clock.sleep(BOUNDS.storeRetryMs, this.#stopped).catch(() => undefined);
    if (this.#stopped.aborted) return false;
    this.#events.onRetry();
    return true;
  }

  #release(leaf: number): Kept | undefined {
    const kept = this.#kept.get(leaf);
    if (kept === undefined) return undefined;
    this.#kept.delete(leaf);
    if (kept.isOffered) this.#offeredBytes -= kept.lengthBytes;
    this.#blobs.memory.release(kept.bytes);
    return kept;
  }

  #track(work: Promise<void>): void {
    this.#work.add(work);
    void work.finally(() => this.#work.delete(work));
  }
}
