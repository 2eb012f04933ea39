import type { Clock } from '../ports/clock.js';
import type { Report } from '../ports/progress.js';

interface Pull {
  totalBytes: number;
  heldBytes: number;
  fromMaster: number;
  fromSiblings: number;
}

/** Adds up what the pulls of a process hold, and reports it. */
export class PullProgress {
  readonly #clock: Clock;
  readonly #report: Report;
  readonly #startedMs: number;
  readonly #pulls = new Map<string, Pull>();

  constructor(clock: Clock, report: Report) {
    this.#clock = clock;
    this.#report = report;
    this.#startedMs = clock.monotonicMs();
  }

  /** A bundle joins, or comes in a newer version. What arrived for an older one still counts. */
  add(bundleId: string, totalBytes: number, heldBytes: number): void {
    const before = this.#pulls.get(bundleId);
    this.#pulls.set(bundleId, {
      totalBytes,
      heldBytes,
      fromMaster: before?.fromMaster ?? 0,
      fromSiblings: before?.fromSiblings ?? 0,
    });
    this.#tell();
  }

  /** What one pull holds and has received, all told. */
  held(bundleId: string, now: { bytes: number; fromMaster: number; fromSiblings: number }): void {
    const pull = this.#pulls.get(bundleId);
    if (!pull) return;
    pull.heldBytes = now.bytes;
    pull.fromMaster = now.fromMaster;
    pull.fromSiblings = now.fromSiblings;
    this.#tell();
  }

  #tell(): void {
    const { bytes, total, fromMaster, fromSiblings, seconds } = this.totals();
    const bytesPerSecond = Math.round((fromMaster + fromSiblings) / Math.max(seconds, 0.001));
    const etaSeconds =
      bytesPerSecond > 0 ? Math.ceil(Math.max(total - bytes, 0) / bytesPerSecond) : undefined;
    this.#report({
      event: 'progress',
      bytes,
      total,
      fromMaster,
      fromSiblings,
      bytesPerSecond,
      etaSeconds,
    });
  }

  totals(): {
    bytes: number;
    total: number;
    fromMaster: number;
    fromSiblings: number;
    seconds: number;
  } {
    const sum = (field: keyof Pull): number =>
      [...this.#pulls.values()].reduce((all, pull) => all + pull[field], 0);
    return {
      bytes: sum('heldBytes'),
      total: sum('totalBytes'),
      fromMaster: sum('fromMaster'),
      fromSiblings: sum('fromSiblings'),
      seconds: (this.#clock.monotonicMs() - this.#startedMs) / 1000,
    };
  }
}
