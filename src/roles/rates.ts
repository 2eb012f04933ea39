import type { Settings } from '../config/settings.js';
import { BOUNDS } from '../domain/bounds.js';
import { XError } from '../domain/errors.js';
import type { BytesPerSecond, RateSchedule, RateWindow } from '../domain/rate-schedule.js';
import { systemClock } from '../platform/clock.js';
import { ScheduleLimit } from '../platform/schedule-limit.js';
import type { RateLimit } from '../ports/rate-limit.js';
import { parseSize } from './sizes.js';

/** What leaves for other nodes, and what comes from outside; undefined: as fast as the line is. */
export interface Limits {
  up: RateLimit | undefined;
  down: RateLimit | undefined;
}

/** @throws XError USAGE. */
export function limitsOf({ up, down }: Pick<Settings, 'up' | 'down'>): Limits {
  const limit = (flag: string, given: readonly string[]): RateLimit | undefined =>
    given.length === 0 ? undefined : new ScheduleLimit(parseRates(flag, given), systemClock);
  return { up: limit('--up', up), down: limit('--down', down) };
}

/**
 * Rates as people write them: `2MB/s`, `22:00-06:00=20MB/s`, `unlimited`; one without hours at most, and
 * of those with hours the first that holds.
 * @throws XError USAGE.
 */
export function parseRates(flag: string, given: readonly string[]): RateSchedule {
  let otherwise: BytesPerSecond;
  let isSaid = false;
  const windows: RateWindow[] = [];
  const texts = given.flatMap((one) => one.split(',')).filter((one) => one.trim() !== '');
  // A variable that is empty is no wish for a line without a limit.
  if (texts.length === 0) throw wrong(flag, given.join(), 'says no rate');
  for (const text of texts) {
    const [hours, rate] = text.includes('=') ? splitAt(text, '=') : [undefined, text];
    if (hours !== undefined) {
      windows.push({ ...hoursOf(flag, hours), rate: rateOf(flag, rate) });
      continue;
    }
    if (isSaid) throw wrong(flag, text, 'is a second rate without hours');
    isSaid = true;
    otherwise = rateOf(flag, rate);
  }
  if (windows.length > BOUNDS.rateWindows)
    throw wrong(flag, `${windows.length} rates`, `are more than ${BOUNDS.rateWindows}`);
  return { otherwise, windows };
}

function rateOf(flag: string, text: string): BytesPerSecond {
  if (text.trim() === 'unlimited') return undefined;
  const size = text.trim().replace(/\/s$/i, '');
  let bytes: number;
  try {
    bytes = parseSize(size);
  } catch {
    throw wrong(flag, text, 'is not a rate');
  }
  if (bytes >= BOUNDS.slowestRateBytes) return bytes;
  throw wrong(
    flag,
    text,
    `is less than ${BOUNDS.slowestRateBytes / 1_000}kB/s, which helps nobody`,
  );
}

function hoursOf(flag: string, text: string): { fromMinute: number; untilMinute: number } {
  const match = /^\s*(\d\d?):(\d\d)\s*-\s*(\d\d?):(\d\d)\s*$/.exec(text);
  const [fromHour, from, untilHour, until] = (match ?? []).slice(1).map(Number);
  const fromMinute = minuteOf(fromHour, from);
  const untilMinute = minuteOf(untilHour, until);
  if (fromMinute === undefined || untilMinute === undefined || fromMinute === untilMinute)
    throw wrong(flag, text, 'is no part of a day');
  return { fromMinute, untilMinute };
}

/** 24:00 is where a day ends. */
function minuteOf(hour = 99, minute = 99): number | undefined {
  return hour < 24 && minute < 60
    ? hour * 60 + minute
    : hour === 24 && minute === 0
      ? 1440
      : undefined;
}

function splitAt(text: string, mark: string): [string, string] {
  const at = text.indexOf(mark);
  return [text.slice(0, at), text.slice(at + 1)];
}

function wrong(flag: string, text: string, what: string): XError {
  return new XError('USAGE', `${flag}: "${text.slice(0, 80)}" ${what}`, {
    hint: 'Write it like 2MB/s, or 22:00-06:00=20MB/s for some hours (unlimited for no limit).',
  });
}
