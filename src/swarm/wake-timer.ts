import type { Clock } from '../ports/clock.js';

/** Wakes once at the earliest of the times that it was told of since it woke last. */
export class WakeTimer {
  readonly #clock: Clock;
  readonly #wake: () => void;
  #timer: NodeJS.Timeout | undefined;
  #atMs = Infinity;

  constructor(clock: Clock, wake: () => void) {
    this.#clock = clock;
    this.#wake = wake;
  }

  /** @param atMs of the monotonic clock. */
  set(atMs: number): void {
    if (atMs >= this.#atMs) return;
    clearTimeout(this.#timer);
    this.#atMs = atMs;
    this.#timer = setTimeout(
      () => {
        this.#atMs = Infinity;
        this.#wake();
      },
      Math.max(1, Math.ceil(atMs - this.#clock.monotonicMs())),
    );
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.#atMs = -Infinity;
  }
}
