import { BOUNDS } from '../domain/bounds.js';

/** Whole fractions of a piece. Two of them are in memory for each body: one read, one being sent. */
const LEAST_PART_BYTES = 4 << 10;
const MOST_PART_BYTES = 64 << 10;

/**
 * Keeps what bodies hold in memory within bounds, however many clients read them and however slowly.
 * A few are read far ahead, which is quick; of many each has one part in memory at a time, and the more
 * they are the shorter the parts.
 */
export class BodyRoom {
  #bodies = 0;
  #reads = 0;
  readonly #waiting: (() => void)[] = [];

  /** Counts a body until its answer is over. */
  enter(over: AbortSignal): void {
    if (over.aborted) return;
    this.#bodies += 1;
    over.addEventListener('abort', () => (this.#bodies -= 1), { once: true });
  }

  get isCrowded(): boolean {
    return this.#bodies > BOUNDS.gatewayBodiesAtEase;
  }

  /** Up to where a body is read that goes from `start` to `end`: no part lies in two pieces. */
  endOfPart(start: number, end: number): number {
    if (!this.isCrowded) return end;
    const share = 2 ** Math.floor(Math.log2(BOUNDS.gatewayBodyPartsBytes / this.#bodies));
    const partBytes = Math.min(MOST_PART_BYTES, Math.max(LEAST_PART_BYTES, share));
    return Math.min(end, (Math.floor(start / partBytes) + 1) * partBytes);
  }

  /** Reads a part when it is its turn: a read takes the memory of a piece, and does not wait for the client. */
  async read<T>(work: () => Promise<T>): Promise<T> {
    // Bounded by the connections: each waits for one read.
    if (this.#reads >= BOUNDS.gatewayReadsAtOnce) {
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    } else this.#reads += 1;
    try {
      return await work();
    } finally {
      const next = this.#waiting.shift();
      // Whoever waits takes this one's place.
      if (next === undefined) this.#reads -= 1;
      else next();
    }
  }
}
