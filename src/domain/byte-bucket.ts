import type { BytesPerSecond } from './rate-schedule.js';

/** What may pass at once after a pause, in ms of the rate. */
const BURST_MS = 500;

/**
 * A token bucket of bytes whose rate may change. What passes is taken at once, and may leave a debt: who
 * took it waits until that is paid, and whoever comes later behind it. No clock: time is passed in.
 */
export class ByteBucket {
  #bytes = 0;
  #atMs: number;

  /** @param now milliseconds of a clock that never goes back. */
  constructor(now: number) {
    this.#atMs = now;
  }

  /** So many pass. @returns after how many ms they are paid for. */
  take(bytes: number, rate: BytesPerSecond, now: number): number {
    const passedMs = Math.max(0, now - this.#atMs);
    this.#atMs = Math.max(this.#atMs, now);
    if (rate === undefined) {
      this.#bytes = 0;
      return 0;
    }
    const perMs = rate / 1_000;
    this.#bytes = Math.min(BURST_MS * perMs, this.#bytes + passedMs * perMs) - bytes;
    return Math.max(0, -this.#bytes / perMs);
  }
}
