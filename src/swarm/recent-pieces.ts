/**
 * The pieces that were written last, verified, in memory: they are what siblings ask for next, and
 * reading them back would wait behind the flushes of what is being written.
 */
export class RecentPieces {
  readonly #limitBytes: number;
  readonly #pieces = new Map<number, Uint8Array>();
  #bytes = 0;

  constructor(limitBytes: number) {
    this.#limitBytes = limitBytes;
  }

  get(leaf: number): Uint8Array | undefined {
    return this.#pieces.get(leaf);
  }

  add(leaf: number, bytes: Uint8Array): void {
    this.delete(leaf);
    this.#pieces.set(leaf, bytes);
    this.#bytes += bytes.length;
    for (const [oldest] of this.#pieces) {
      if (this.#bytes <= this.#limitBytes) return;
      this.delete(oldest);
    }
  }

  delete(leaf: number): void {
    this.#bytes -= this.#pieces.get(leaf)?.length ?? 0;
    this.#pieces.delete(leaf);
  }

  clear(): void {
    this.#pieces.clear();
    this.#bytes = 0;
  }
}
