import type { Clock } from '../ports/clock.js';
import type { Report } from '../ports/progress.js';

interface Pull {
  totalBytes: number;
  heldBytes: number;
  fromMaster: number;
  fromSiblings: number;
  /** What came for older versions of it. */
  before: { fromMaster: number; fromSiblings: number };
}

const NOTHING = { fromMaster: 0, fromSiblings: 0 };

/** The speed is that of the last while, so that it and the time left tell of now. */
const SPEED_WINDOW_MS = 5_000;
const SAMPLE_MS = 250;

/** Adds up what the pulls of a process hold, and reports it. */
export class PullProgress {
  readonly #clock: Clock;
  readonly #report: Report;
  readonly #startedMs: number;
  readonly #pulls = new Map<string, Pull>();
  /** What had been received by when; the oldest first. */
  readonly #samples: { atMs: number; bytes: number }[] = [];

  constructor(clock: Clock, report: Report) {
    this.#clock = clock;
    this.#report = report;
    this.#startedMs = clock.monotonicMs();
  }

  /** A bundle joins, or comes in a newer version. What arrived for an older one still counts. */
  add(bundleId: string, totalBytes: number, heldBytes: number): void {
    const { fromMaster, fromSiblings } = this.#pulls.get(bundleId) ?? NOTHING;
    const before = { fromMaster, fromSiblings };
    this.#pulls.set(bundleId, { totalBytes, heldBytes, ...before, before });
    this.#tell();
  }

  /** What one pull holds and has received, all told. */
  held(bundleId: string, now: { bytes: number; fromMaster: number; fromSiblings: number }): void {
    const pull = this.#pulls.get(bundleId);
    if (!pull) return;
    pull.heldBytes = now.bytes;
    pull.fromMaster = pull.before.fromMaster + now.fromMaster;
    pull.fromSiblings = pull.before.fromSiblings + now.fromSiblings;
    this.#tell();
  }

  #tell(): void {
    const { bytes, total, fromMaster, fromSiblings } = this.totals();
    const bytesPerSecond = this.#bytesPerSecond(fromMaster + fromSiblings);
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

  #bytesPerSecond(received: number): number {
    const now = this.#clock.monotonicMs();
    const samples = this.#samples;
    if (now - (samples.at(-1)?.atMs ?? -Infinity) >= SAMPLE_MS)
      samples.push({ atMs: now, bytes: received });
    while (samples.length > 1 && now - (samples[1]?.atMs ?? now) >= SPEED_WINDOW_MS)
      samples.shift();
    const { atMs = now, bytes = received } = samples[0] ?? {};
    return now === atMs ? 0 : Math.round(((received - bytes) * 1000) / (now - atMs));
  }

  totals(): {
    bytes: number;
    total: number;
    fromMaster: number;
    fromSiblings: number;
    seconds: number;
  } {
    const sum = (field: Exclude<keyof Pull, 'before'>): number =>
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
