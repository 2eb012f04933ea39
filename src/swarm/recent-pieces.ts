import { lengthOf, type PieceBytes } from '../domain/piece.js';
import type { PieceMemory } from './piece-memory.js';

/**
 * The pieces that were written last, verified, in memory: they are what siblings ask for next, and
 * reading them back would wait behind the flushes of what is being written.
 */
export class RecentPieces {
  readonly #limitBytes: number;
  readonly #memory: PieceMemory;
  readonly #pieces = new Map<number, PieceBytes>();
  #bytes = 0;

  constructor(limitBytes: number, memory: PieceMemory) {
    this.#limitBytes = limitBytes;
    this.#memory = memory;
  }

  get(leaf: number): PieceBytes | undefined {
    return this.#pieces.get(leaf);
  }

  add(leaf: number, bytes: PieceBytes): void {
    this.#memory.hold(bytes);
    this.delete(leaf);
    this.#pieces.set(leaf, bytes);
    this.#bytes += lengthOf(bytes);
    for (const [oldest] of this.#pieces) {
      if (this.#bytes <= this.#limitBytes) return;
      this.delete(oldest);
    }
  }

  delete(leaf: number): void {
    const bytes = this.#pieces.get(leaf);
    if (bytes === undefined) return;
    this.#bytes -= lengthOf(bytes);
    this.#pieces.delete(leaf);
    this.#memory.release(bytes);
  }

  clear(): void {
    for (const leaf of [...this.#pieces.keys()]) this.delete(leaf);
  }
}
