/** So many at once, and then so many in a second. No clock: time is passed in. */
export class TokenBucket {
  readonly #burst: number;
  readonly #perMs: number;
  #tokens: number;
  #atMs: number;

  constructor(burst: number, perSecond: number, now: number) {
    this.#burst = burst;
    this.#perMs = perSecond / 1_000;
    this.#tokens = burst;
    this.#atMs = now;
  }

  /** Whether there is one. */
  has(now: number): boolean {
    const passedMs = Math.max(0, now - this.#atMs);
    this.#tokens = Math.min(this.#burst, this.#tokens + passedMs * this.#perMs);
    this.#atMs = Math.max(this.#atMs, now);
    return this.#tokens >= 1;
  }

  /** Whether there was one; it is taken. */
  take(now: number): boolean {
    if (!this.has(now)) return false;
    this.#tokens -= 1;
    return true;
  }
}
