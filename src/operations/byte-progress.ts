import type { Clock } from '../ports/clock.js';
import type { Report } from '../ports/progress.js';

/** Tells how far a copy is. */
export class ByteProgress {
  readonly #report: Report;
  readonly #clock: Pick<Clock, 'monotonicMs'>;
  #total: number;
  readonly #startMs: number;
  #bytes = 0;

  constructor(report: Report, clock: Pick<Clock, 'monotonicMs'>, total: number) {
    this.#report = report;
    this.#clock = clock;
    this.#total = total;
    this.#startMs = clock.monotonicMs();
  }

  /** All is done, whatever it was thought to take. */
  done(): void {
    if (this.#total === this.#bytes) return;
    this.#total = this.#bytes;
    this.add(0);
  }

  /** @param count negative where bytes have to be done again. */
  add(count: number): void {
    this.#bytes += count;
    const seconds = Math.max((this.#clock.monotonicMs() - this.#startMs) / 1000, 0.001);
    const bytesPerSecond = Math.max(0, Math.round(this.#bytes / seconds));
    const left = Math.max(0, this.#total - this.#bytes);
    this.#report({
      event: 'progress',
      bytes: this.#bytes,
      total: this.#total,
      fromMaster: 0,
      fromSiblings: 0,
      bytesPerSecond,
      etaSeconds: bytesPerSecond === 0 ? undefined : Math.ceil(left / bytesPerSecond),
    });
  }
}
