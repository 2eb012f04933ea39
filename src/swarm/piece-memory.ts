import { lengthOf, partsOf, type PieceBytes } from '../domain/piece.js';

/** The shortest block; what is shorter is left to the garbage collector. */
const LEAST_BLOCK_BYTES = 32 << 10;

interface Block {
  whole: Uint8Array;
  users: number;
}

/**
 * Memory for verified pieces, used again and again. A piece lives for about a second, until it is on
 * disk and was given to those who lacked it: too long for the collector's young space, so that V8
 * would mark the whole heap for every few tens of megabytes that pass. Who keeps a piece holds it, and
 * releases it once; a piece that nobody released is the collector's, and its block is not used again.
 */
export class PieceMemory {
  readonly #maxFreeBytes: number;
  /** Blocks that nobody uses, by length. */
  readonly #free = new Map<number, Uint8Array[]>();
  readonly #blocks = new WeakMap<Uint8Array, Block>();
  #freeBytes = 0;

  /** @param maxFreeBytes How much stays for the next pieces. */
  constructor(maxFreeBytes: number) {
    this.#maxFreeBytes = maxFreeBytes;
  }

  get freeBytes(): number {
    return this.#freeBytes;
  }

  /** A copy in one part, held by the caller. */
  copy(bytes: PieceBytes): Uint8Array {
    const length = lengthOf(bytes);
    const copy = length < LEAST_BLOCK_BYTES ? Buffer.allocUnsafe(length) : this.#take(length);
    let at = 0;
    for (const part of partsOf(bytes)) {
      copy.set(part, at);
      at += part.length;
    }
    return copy;
  }

  /** One more who keeps it. Bytes that are not from here are let pass. */
  hold(bytes: PieceBytes): void {
    const block = this.#blockOf(bytes);
    if (block !== undefined) block.users += 1;
  }

  /** Not to be looked at by the caller any more. */
  release(bytes: PieceBytes): void {
    const block = this.#blockOf(bytes);
    if (block === undefined) return;
    block.users -= 1;
    if (block.users > 0) return;
    this.#blocks.delete(bytes as Uint8Array);
    const { whole } = block;
    if (this.#freeBytes + whole.length > this.#maxFreeBytes) return;
    this.#freeBytes += whole.length;
    const free = this.#free.get(whole.length) ?? [];
    this.#free.set(whole.length, free);
    free.push(whole);
  }

  /** Gives back what waits for the next pieces. */
  clear(): void {
    this.#free.clear();
    this.#freeBytes = 0;
  }

  #take(length: number): Uint8Array {
    const blockLength = blockBytes(length);
    const known = this.#free.get(blockLength)?.pop();
    if (known !== undefined) this.#freeBytes -= blockLength;
    const whole = known ?? Buffer.allocUnsafeSlow(blockLength);
    // A view of its own each time: one that was released twice finds nothing.
    const bytes = whole.subarray(0, length);
    this.#blocks.set(bytes, { whole, users: 1 });
    return bytes;
  }

  #blockOf(bytes: PieceBytes): Block | undefined {
    return bytes instanceof Uint8Array ? this.#blocks.get(bytes) : undefined;
  }
}

/**
 * Powers of two: where artifacts have all lengths there are few kinds of blocks, and one of the right
 * kind is free.
 */
function blockBytes(length: number): number {
  let bytes = LEAST_BLOCK_BYTES;
  while (bytes < length) bytes *= 2;
  return bytes;
}
