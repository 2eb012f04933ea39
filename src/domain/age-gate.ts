import { XError } from './errors.js';

const UNITS_MS: Readonly<Record<string, number>> = {
  h: 3_600_000,
  d: 24 * 3_600_000,
  w: 7 * 24 * 3_600_000,
};

const DAY = /^[0-9]{4}-[0-9]{2}-[0-9]{2}$/;
const TIME =
  /^([0-9]{4}-[0-9]{2}-[0-9]{2})T[0-9]{2}:[0-9]{2}(?::[0-9]{2}(?:\.[0-9]+)?)?(?:Z|[+-][0-9]{2}:[0-9]{2})$/;

/**
 * The instant after which nothing may have been published: `7d`, `2w`, `36h` before now, the end of a
 * day (`2026-01-31`, UTC), or a time (`2026-01-31T12:00:00Z`).
 * @throws XError USAGE.
 */
export function parseNotNewerThan(text: string, now: Date): Date {
  const age = /^([0-9]{1,5})([hdw])$/.exec(text);
  if (age) return new Date(now.getTime() - Number(age[1]) * (UNITS_MS[age[2] ?? ''] ?? 0));
  const day = DAY.test(text) ? text : TIME.exec(text)?.[1];
  const time = new Date(DAY.test(text) ? `${text}T23:59:59.999Z` : text);
  if (day !== undefined && isCalendarDay(day) && !Number.isNaN(time.getTime())) return time;
  throw new XError('USAGE', `--not-newer-than ${text}: neither an age nor a date`, {
    hint: 'Write an age (7d, 2w, 36h), a day (2026-01-31) or a time (2026-01-31T12:00:00Z).',
  });
}

/** A 31st of February would be taken as a day in March. */
function isCalendarDay(day: string): boolean {
  const midnight = new Date(`${day}T00:00:00Z`);
  return !Number.isNaN(midnight.getTime()) && midnight.toISOString().startsWith(day);
}
