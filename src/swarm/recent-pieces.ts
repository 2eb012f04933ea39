import { lengthOf, type PieceBytes } from '../domain/piece.js';

/**
 * The pieces that were written last, verified, in memory: they are what siblings ask for next, and
 * reading them back would wait behind the flushes of what is being written.
 */
export class RecentPieces {
  readonly #limitBytes: number;
  readonly #pieces = new Map<number, PieceBytes>();
  #bytes = 0;

  constructor(limitBytes: number) {
    this.#limitBytes = limitBytes;
  }

  get(leaf: number): PieceBytes | undefined {
    return this.#pieces.get(leaf);
  }

  add(leaf: number, bytes: PieceBytes): void {
    this.delete(leaf);
    this.#pieces.set(leaf, bytes);
    this.#bytes += lengthOf(bytes);
    for (const [oldest] of this.#pieces) {
      if (this.#bytes <= this.#limitBytes) return;
      this.delete(oldest);
    }
  }

  delete(leaf: number): void {
    this.#bytes -= lengthOf(this.#pieces.get(leaf) ?? []);
    this.#pieces.delete(leaf);
  }

  clear(): void {
    this.#pieces.clear();
    this.#bytes = 0;
  }
}
