import { blocksAtPages } from '../domain/page-memory.js';
import { lengthOf, partsOf, PIECE_SIZE_BYTES, type PieceBytes } from '../domain/piece.js';

/** Whole pieces fill one; shorter ones lie in one side by side, as they came. */
const BLOCK_BYTES = PIECE_SIZE_BYTES;

interface Block {
  whole: Uint8Array;
  /** Where the next piece goes. */
  endBytes: number;
  pieces: number;
}

interface Piece {
  block: Block;
  users: number;
}

/**
 * Memory for verified pieces, used again and again. A piece lives for about a second, until it is on
 * disk and was given to those who lacked it: too long for the collector's young space, so that V8
 * would mark the whole heap for every few tens of megabytes that pass. Who keeps a piece holds it, and
 * releases it once; a piece that nobody released is the collector's, and its block is not used again.
 * All blocks are of one length: where each had its piece's, those of other lengths lay idle. As many as
 * may be free begin at a page and are shared with other threads, so that a whole piece can be written
 * past the page cache and hashed aside; what is needed beyond them is memory as any other, used where none
 * of those is free, and first to go.
 */
export class PieceMemory {
  readonly #maxFreeBytes: number;
  /** Blocks at pages that nothing lies in. */
  readonly #free: Uint8Array[] = [];
  /** Those that were not used yet. */
  #fresh: Uint8Array[] | undefined;
  /** Other blocks that nothing lies in. */
  readonly #others: Uint8Array[] = [];
  readonly #pieces = new WeakMap<Uint8Array, Piece>();
  /** The block that is being filled. */
  #open: Block | undefined;

  /** @param maxFreeBytes How much stays for the next pieces. */
  constructor(maxFreeBytes: number) {
    this.#maxFreeBytes = maxFreeBytes;
  }

  get freeBytes(): number {
    return (this.#free.length + this.#others.length) * BLOCK_BYTES;
  }

  /** A copy in one part, held by the caller. */
  copy(bytes: PieceBytes): Uint8Array {
    const length = lengthOf(bytes);
    const copy = length > BLOCK_BYTES ? Buffer.allocUnsafeSlow(length) : this.#take(length);
    let at = 0;
    for (const part of partsOf(bytes)) {
      copy.set(part, at);
      at += part.length;
    }
    return copy;
  }

  /** One more who keeps it. Bytes that are not from here are let pass. */
  hold(bytes: PieceBytes): void {
    const piece = this.#pieceOf(bytes);
    if (piece !== undefined) piece.users += 1;
  }

  /** Not to be looked at by the caller any more. */
  release(bytes: PieceBytes): void {
    const piece = this.#pieceOf(bytes);
    if (piece === undefined) return;
    piece.users -= 1;
    if (piece.users > 0) return;
    this.#pieces.delete(bytes as Uint8Array);
    const { block } = piece;
    block.pieces -= 1;
    if (block.pieces > 0) return;
    if (block === this.#open) this.#open = undefined;
    this.#giveBack(block.whole);
  }

  /** Gives back what waits for the next pieces. */
  clear(): void {
    this.#free.length = 0;
    this.#others.length = 0;
    this.#fresh = undefined;
    this.#open = undefined;
  }

  #take(length: number): Uint8Array {
    if (this.#open === undefined || this.#open.endBytes + length > BLOCK_BYTES) {
      const whole = this.#free.pop() ?? this.#newBlock();
      this.#open = { whole, endBytes: 0, pieces: 0 };
    }
    const block = this.#open;
    // A view of its own each time: one that was released twice finds nothing.
    const bytes = block.whole.subarray(block.endBytes, block.endBytes + length);
    block.endBytes += length;
    block.pieces += 1;
    this.#pieces.set(bytes, { block, users: 1 });
    return bytes;
  }

  #newBlock(): Uint8Array {
    this.#fresh ??= freshBlocks(Math.floor(this.#maxFreeBytes / BLOCK_BYTES));
    return this.#fresh.pop() ?? this.#others.pop() ?? Buffer.allocUnsafeSlow(BLOCK_BYTES);
  }

  #giveBack(whole: Uint8Array): void {
    const isAtPage = whole.buffer instanceof SharedArrayBuffer;
    (isAtPage ? this.#free : this.#others).push(whole);
    while (this.freeBytes > this.#maxFreeBytes)
      (this.#others.length > 0 ? this.#others : this.#free).pop();
  }

  #pieceOf(bytes: PieceBytes): Piece | undefined {
    return bytes instanceof Uint8Array ? this.#pieces.get(bytes) : undefined;
  }
}

/** The first one last, as they are taken. None where the system has no room for them. */
function freshBlocks(count: number): Uint8Array[] {
  try {
    return blocksAtPages(count, BLOCK_BYTES, { shared: true }).reverse();
  } catch (thrown) {
    if (thrown instanceof RangeError) return [];
    throw thrown;
  }
}
