import { BOUNDS } from '../domain/bounds.js';
import { XError } from '../domain/errors.js';
import {
  joined,
  leafHash,
  lengthOf,
  PIECE_SIZE_BYTES,
  treeRoot,
  type PieceBytes,
} from '../domain/piece.js';
import type { Digests } from '../domain/digest.js';
import type { PartialBlob, Store } from '../ports/store.js';
import { Bitmap, type LeafMap, type LeafSpan } from '../transfer/index.js';
import type { LeafBytes } from './answers.js';
import { PieceMemory } from './piece-memory.js';
import { RecentPieces } from './recent-pieces.js';

type SpanState =
  | { kind: 'absent' }
  /** Its tree is known and checked. */
  | { kind: 'partial'; leaves: Uint8Array[]; blob: PartialBlob | undefined }
  | { kind: 'whole' }
  /** Its bytes are those of its tree, and not of its name. */
  | { kind: 'refused' };

/** One for all: there are as many as artifacts. */
const WHOLE: SpanState = { kind: 'whole' };
const ABSENT: SpanState = { kind: 'absent' };

/** What became of pieces that were to be written. */
export interface Written {
  stored: number[];
  whole: LeafSpan[];
  full: LeafSpan[];
  failed: { span: LeafSpan; leaves: number[]; error: unknown }[];
}

/** How many blobs are looked up before the event loop gets a turn. */
const LOOKUPS_AT_ONCE = 2_000;

/** A manifest's leaves in the store: what is held, read and written by leaf number. */
export class BlobAccess {
  readonly #map: LeafMap;
  readonly #store: Store;
  readonly #states: SpanState[];
  readonly #completing = new Set<LeafSpan>();
  /** What pieces lie in while they are kept in memory. */
  readonly memory = new PieceMemory(BOUNDS.freePieceBytes);
  readonly #recent = new RecentPieces(BOUNDS.recentPieceBytes, this.memory);
  #watched = false;

  constructor(map: LeafMap, store: Store) {
    this.#map = map;
    this.#states = map.spans.map(() => ABSENT);
    this.#store = store;
  }

  /** Looks everything up once; the leaves that are on disk. */
  async load(): Promise<Bitmap> {
    const held = new Bitmap(this.#map.leafCount);
    let looked = 0;
    for (const span of this.#map.spans) {
      if (++looked % LOOKUPS_AT_ONCE === 0) await new Promise((done) => setImmediate(done));
      await this.#loadSpan(span, held);
    }
    return held;
  }

  async #loadSpan(span: LeafSpan, held: Bitmap): Promise<void> {
    if (this.#store.stat(span.sha256) !== undefined) {
      this.#states[span.index] = WHOLE;
      held.addRange(span.firstLeaf, span.leafCount);
      return;
    }
    if (span.leafCount === 0) {
      await this.#store.putBytes(new Uint8Array(), digestsOf(span));
      this.#states[span.index] = WHOLE;
      return;
    }
    const leaves = span.leafCount > 1 ? this.#store.leaves(span.sha256) : undefined;
    if (leaves === undefined || !this.knowTree(span, leaves)) return;
    const blob = this.#partial(span);
    for (let i = 0; i < span.leafCount; i++) if (blob.holds(i)) held.add(span.firstLeaf + i);
    if (blob.heldCount() < span.leafCount) return;
    for (const leaf of await this.complete(span)) held.delete(leaf);
  }

  /** Whether there are siblings, who will soon ask for what was written last: else it is not kept in memory. */
  watch(isWatched: boolean): void {
    this.#watched = isWatched;
    if (!isWatched) this.#recent.clear();
  }

  get isWatched(): boolean {
    return this.#watched;
  }

  /** Drops what is kept in memory. */
  rest(): void {
    this.#recent.clear();
    this.memory.clear();
  }

  isWhole(span: LeafSpan): boolean {
    return this.#states[span.index]?.kind === 'whole';
  }

  /** The leaves of an artifact that was whole and is not in the store any more. */
  lookAgain(span: LeafSpan): number[] {
    if (!this.isWhole(span) || this.#store.stat(span.sha256) !== undefined) return [];
    return this.#notHeld(span);
  }

  /** Whether pieces of it can be verified. */
  hasTree(span: LeafSpan): boolean {
    return span.leafCount === 1 || this.#states[span.index]?.kind === 'partial';
  }

  /** Takes an artifact's leaf hashes where they are those that were signed. */
  knowTree(span: LeafSpan, leaves: Uint8Array[]): boolean {
    if (leaves.length !== span.leafCount) return false;
    if (Buffer.from(treeRoot(leaves)).toString('hex') !== span.pieceRoot) return false;
    this.#states[span.index] = { kind: 'partial', leaves, blob: undefined };
    return true;
  }

  /**
   * These bytes in `memory`, where they are that leaf; false where they are not, and undefined where
   * its tree is not known.
   */
  verified(leaf: number, bytes: PieceBytes): Uint8Array | false | undefined {
    const span = this.#map.spanOf(leaf);
    const expected = this.#expectedHash(span, leaf - span.firstLeaf);
    if (expected === undefined) return undefined;
    if (lengthOf(bytes) !== this.#map.lengthBytes(leaf)) return false;
    const copy = this.memory.copy(bytes);
    if (Buffer.compare(leafHash(copy), expected) === 0) return copy;
    this.memory.release(copy);
    return false;
  }

  #expectedHash(span: LeafSpan, index: number): Uint8Array | undefined {
    if (span.leafCount === 1) return Buffer.from(span.pieceRoot, 'hex');
    const state = this.#states[span.index];
    return state?.kind === 'partial' ? state.leaves[index] : undefined;
  }

  /**
   * Writes verified leaves. Resolves when all that can be written are on disk: those, the artifacts
   * that are whole now, those that have every piece and can be completed, and what failed, with what
   * the store threw.
   */
  async write(pieces: readonly LeafBytes[]): Promise<Written> {
    const written: Written = { stored: [], whole: [], full: [], failed: [] };
    await Promise.all(
      this.#runs(pieces).map(async ({ span, run }) => {
        const leaves = run.map(({ leaf }) => leaf);
        try {
          await this.#writeRun(span, run, written);
          written.stored.push(...leaves);
          if (this.#watched) for (const { leaf, bytes } of run) this.#recent.add(leaf, bytes);
        } catch (error) {
          written.failed.push({ span, leaves, error });
        }
      }),
    );
    return written;
  }

  async #writeRun(span: LeafSpan, run: LeafBytes[], { whole, full }: Written): Promise<void> {
    const first = run[0];
    if (first === undefined || this.isWhole(span)) return;
    if (span.leafCount === 1) {
      await this.#store.putBytes(joined(first.bytes), digestsOf(span), span.pieceRoot);
      this.#states[span.index] = WHOLE;
      whole.push(span);
      return;
    }
    const blob = this.#partial(span);
    await blob.write(
      first.leaf - span.firstLeaf,
      run.map(({ bytes }) => bytes),
    );
    // Runs of one artifact may end at once: only one of them completes it.
    if (blob.heldCount() < span.leafCount || this.#completing.has(span)) return;
    this.#completing.add(span);
    full.push(span);
  }

  /**
   * Completes an artifact whose pieces are all there. Returns those that have rotted since they were
   * written: then it is not whole.
   * @throws what the store throws: XError DISK_FULL, DIGEST_MISMATCH, IO_FAILED.
   */
  async complete(span: LeafSpan): Promise<number[]> {
    this.#completing.add(span);
    try {
      await this.#store.complete(span.sha256, digestsOf(span));
      this.#states[span.index] = WHOLE;
      return [];
    } catch (error) {
      if (error instanceof XError && error.code === 'STORE_DAMAGED') return this.#notHeld(span);
      throw error;
    } finally {
      this.#completing.delete(span);
    }
  }

  /** An artifact whose bytes are not what its other digests say: nothing of it is given away. */
  refuse(span: LeafSpan): void {
    this.#states[span.index] = { kind: 'refused' };
    for (let i = 0; i < span.leafCount; i++) this.#recent.delete(span.firstLeaf + i);
  }

  /**
   * Reads held leaves, those that are on their way to the disk from memory; each is held for the
   * caller, who releases it. `damaged` are those that cannot be given: their artifact rotted, and the
   * store has dropped it.
   */
  async read(
    leaves: readonly number[],
    inMemory: (leaf: number) => PieceBytes | undefined,
  ): Promise<{ pieces: LeafBytes[]; damaged: number[] }> {
    const pieces: LeafBytes[] = [];
    const damaged: number[] = [];
    const wanted: LeafBytes[] = [];
    for (const leaf of leaves) {
      const recent = inMemory(leaf) ?? this.#recent.get(leaf);
      if (recent !== undefined) {
        this.memory.hold(recent);
        pieces.push({ leaf, bytes: recent });
      } else wanted.push({ leaf, bytes: new Uint8Array() });
    }
    const small: LeafSpan[] = [];
    for (const { span, run } of this.#runs(wanted)) {
      if (this.#states[span.index]?.kind === 'refused') continue;
      if (span.leafCount === 1) {
        small.push(span);
        continue;
      }
      const first = (run[0]?.leaf ?? 0) - span.firstLeaf;
      try {
        const read = await this.#readRun(span, first, run.length);
        read.forEach((bytes, i) => pieces.push({ leaf: span.firstLeaf + first + i, bytes }));
      } catch (error) {
        // Whatever the reason, what cannot be read is not held.
        if (!(error instanceof XError)) throw error;
        damaged.push(...this.#notHeld(span));
      }
    }
    await this.#readSmall(small, pieces, damaged);
    return { pieces, damaged };
  }

  async #readSmall(spans: LeafSpan[], pieces: LeafBytes[], damaged: number[]): Promise<void> {
    if (spans.length === 0) return;
    const read = await this.#store.readSmall(spans.map(({ sha256 }) => sha256));
    spans.forEach((span, at) => {
      const bytes = read[at];
      if (bytes === undefined) damaged.push(...this.#notHeld(span));
      else pieces.push({ leaf: span.firstLeaf, bytes });
    });
  }

  async #readRun(span: LeafSpan, first: number, count: number): Promise<Uint8Array[]> {
    const pieces: Uint8Array[] = [];
    const state = this.#states[span.index];
    if (state?.kind === 'partial') {
      const blob = this.#partial(span);
      for (let i = first; i < first + count; i++) pieces.push(await blob.read(i));
      return pieces;
    }
    const start = first * PIECE_SIZE_BYTES;
    const end = Math.min(span.lengthBytes, (first + count) * PIECE_SIZE_BYTES);
    // From the start of a piece on the store hands out whole pieces.
    for await (const piece of this.#store.open(span.sha256, { start, end })) pieces.push(piece);
    return pieces;
  }

  /** What is not held of an artifact in which something rotted. A whole one is dropped as a whole. */
  #notHeld(span: LeafSpan): number[] {
    const state = this.#states[span.index];
    const blob = state?.kind === 'partial' ? state.blob : undefined;
    if (blob === undefined) this.#states[span.index] = ABSENT;
    const leaves: number[] = [];
    for (let i = 0; i < span.leafCount; i++) {
      if (blob?.holds(i) === true) continue;
      leaves.push(span.firstLeaf + i);
      this.#recent.delete(span.firstLeaf + i);
    }
    return leaves;
  }

  #partial(span: LeafSpan): PartialBlob {
    const state = this.#states[span.index];
    if (state?.kind !== 'partial') throw new Error(`no tree of ${span.path} is known`);
    const { sha256, lengthBytes } = span;
    state.blob ??= this.#store.partial(sha256, lengthBytes, state.leaves, digestsOf(span));
    return state.blob;
  }

  /** Consecutive leaves of one artifact. */
  #runs(pieces: readonly LeafBytes[]): { span: LeafSpan; run: LeafBytes[] }[] {
    const runs: { span: LeafSpan; run: LeafBytes[] }[] = [];
    for (const piece of [...pieces].sort((a, b) => a.leaf - b.leaf)) {
      const span = this.#map.spanOf(piece.leaf);
      const last = runs.at(-1);
      if (last?.span === span && last.run.at(-1)?.leaf === piece.leaf - 1) last.run.push(piece);
      else runs.push({ span, run: [piece] });
    }
    return runs;
  }
}

function digestsOf({ sha256, sha512 }: LeafSpan): Digests {
  return sha512 === undefined ? { sha256 } : { sha256, sha512 };
}
