import { BOUNDS } from '../domain/bounds.js';
import type { Manifest } from '../domain/bundle.js';
import { XError } from '../domain/errors.js';
import type { Catalog } from '../ports/catalog.js';
import type { Clock } from '../ports/clock.js';
import { formatTime } from '../trust/time.js';

/** Under which the catalog keeps the newest verified signing time. */
export const HIGHEST_SIGNING_TIME = 'highest-signing-time';

/** The later of the system clock and the newest verified signing time; a clock behind that is said. */
export function trustedNow({ catalog, clock }: { catalog: Catalog; clock: Pick<Clock, 'now'> }): {
  now: Date;
  warnings: string[];
} {
  const now = clock.now();
  const highest = new Date(catalog.getValue(HIGHEST_SIGNING_TIME) ?? 0);
  if (now >= highest) return { now, warnings: [] };
  const warning =
    `this machine’s clock says ${formatTime(now)}, but a bundle was signed at ` +
    `${formatTime(highest)}; that time is used`;
  return { now: highest, warnings: [warning] };
}

export function noteSigningTime(catalog: Catalog, signedAt: string): void {
  if (signedAt > (catalog.getValue(HIGHEST_SIGNING_TIME) ?? '')) {
    catalog.setValue(HIGHEST_SIGNING_TIME, signedAt);
  }
}

/** What there is to say of a bundle that was signed later than it is now. */
export function aheadOf(now: Date, { bundle, signedAt }: Manifest): string[] {
  const signed = new Date(signedAt);
  if (signed.getTime() - now.getTime() <= BOUNDS.signingAheadMs) return [];
  return [
    `bundle "${bundle}" was signed at ${formatTime(signed)}, and here it is ${formatTime(now)}: this machine’s clock is behind, or its source’s ahead; from now on no time before that one is believed here`,
  ];
}

/** An expiry by another time than the clock's is not to be understood without a word on that. */
export async function withClock<T>(warnings: readonly string[], checking: Promise<T>): Promise<T> {
  try {
    return await checking;
  } catch (error) {
    const [said] = warnings;
    if (!(error instanceof XError) || error.code !== 'EXPIRED' || said === undefined) throw error;
    throw new XError(error.code, `${error.message} (${said})`, { hint: error.hint, cause: error });
  }
}
