import { XError } from '../domain/errors.js';
import { addDays, daysBetween, formatTime } from './time.js';

/** `fresh`: not expired. `grace`: expired, within the signed grace. `stale`: past both. */
export type Freshness = 'fresh' | 'grace' | 'stale';

const ORDER: readonly Freshness[] = ['fresh', 'grace', 'stale'];

export function freshnessOf(expires: Date, graceDays: number, now: Date): Freshness {
  if (now < expires) return 'fresh';
  return now < addDays(expires, graceDays) ? 'grace' : 'stale';
}

/** Collects how fresh the roles of one bundle are; the worst one speaks for all. */
export class FreshnessLog {
  readonly #bundle: string;
  readonly #now: Date;
  readonly #staleAllowed: () => boolean;
  #state: Freshness = 'fresh';
  #worst: { file: string; expires: Date; graceDays: number } | undefined;

  /** @param staleAllowed asked for each stale role: whether it may pass with a warning. */
  constructor(bundle: string, now: Date, staleAllowed: () => boolean) {
    this.#bundle = bundle;
    this.#now = now;
    this.#staleAllowed = staleAllowed;
  }

  /** @throws XError EXPIRED for a stale role that may not pass. */
  note(file: string, expires: Date, graceDays: number): void {
    const state = freshnessOf(expires, graceDays, this.#now);
    if (state === 'stale' && !this.#staleAllowed()) {
      throw new XError(
        'EXPIRED',
        `bundle "${this.#bundle}": ${file} expired on ${formatTime(expires)}, ` +
          `${daysBetween(expires, this.#now)} days ago, and its grace of ${graceDays} days is over`,
        {
          hint: 'Fetch newer metadata from the source, check this machine’s clock, or take it as it is with --accept-stale.',
        },
      );
    }
    const isWorse = ORDER.indexOf(state) > ORDER.indexOf(this.#state);
    if (isWorse || (state === this.#state && this.#worst && expires < this.#worst.expires)) {
      this.#state = state;
      this.#worst = { file, expires, graceDays };
    }
  }

  get state(): Freshness {
    return this.#state;
  }

  warnings(): string[] {
    if (this.#worst === undefined) return [];
    const { file, expires, graceDays } = this.#worst;
    const age = `bundle "${this.#bundle}": ${file} expired ${daysBetween(expires, this.#now)} days ago`;
    return [
      this.#state === 'grace'
        ? `${age}; its grace lasts until ${formatTime(addDays(expires, graceDays))}`
        : `${age}, and its grace of ${graceDays} days is over`,
    ];
  }
}
