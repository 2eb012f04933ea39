import type { Clock } from '../ports/clock.js';
import type { Report } from '../ports/progress.js';

/** Adds up what the pulls of a process hold, and reports it. */
export class PullProgress {
  readonly #clock: Clock;
  readonly #report: Report;
  readonly #startedMs: number;
  readonly #totals = new Map<string, number>();
  #heldBytes = 0;
  #fromMaster = 0;
  #fromSiblings = 0;

  constructor(clock: Clock, report: Report) {
    this.#clock = clock;
    this.#report = report;
    this.#startedMs = clock.monotonicMs();
  }

  /** A bundle joins, or comes in a newer version. */
  add(bundleId: string, totalBytes: number, heldBytes: number): void {
    this.#totals.set(bundleId, totalBytes);
    this.#heldBytes = Math.max(this.#heldBytes, heldBytes);
  }

  /** Bytes that were verified and stored just now. */
  held(event: { bytes: number; fromMaster: number; fromSiblings: number }): void {
    this.#heldBytes += event.bytes;
    this.#fromMaster += event.fromMaster;
    this.#fromSiblings += event.fromSiblings;
    const total = this.#totalBytes();
    const bytesPerSecond = Math.round(
      (this.#fromMaster + this.#fromSiblings) / Math.max(this.totals().seconds, 0.001),
    );
    this.#report({
      event: 'progress',
      bytes: Math.min(this.#heldBytes, total),
      total,
      fromMaster: this.#fromMaster,
      fromSiblings: this.#fromSiblings,
      bytesPerSecond,
      etaSeconds:
        bytesPerSecond > 0
          ? Math.ceil(Math.max(total - this.#heldBytes, 0) / bytesPerSecond)
          : undefined,
    });
  }

  totals(): { bytes: number; fromMaster: number; fromSiblings: number; seconds: number } {
    return {
      bytes: this.#totalBytes(),
      fromMaster: this.#fromMaster,
      fromSiblings: this.#fromSiblings,
      seconds: (this.#clock.monotonicMs() - this.#startedMs) / 1000,
    };
  }

  #totalBytes(): number {
    return [...this.#totals.values()].reduce((sum, bytes) => sum + bytes, 0);
  }
}
