import { XError } from '../../../domain/errors.js';
import type { AptSource } from './sources-list.js';

/** How snapshot services name a moment in their addresses: `20260131T235959Z`. */
const SNAPSHOT_ID = /(?<=[/=])[0-9]{8}T[0-9]{6}Z(?=\/|$)/;
const PLACEHOLDER = /@SNAPSHOTID@/i;

/**
 * A snapshot's id from what a user writes: a day (its last second), a moment in ISO 8601, or an id.
 * @throws XError USAGE.
 */
export function snapshotId(text: string): string {
  const parts =
    /^([0-9]{4})-?([0-9]{2})-?([0-9]{2})(?:T([0-9]{2}):?([0-9]{2}):?([0-9]{2})Z?)?$/.exec(
      text.trim(),
    );
  const [, year = '', month = '', day = '', hour = '23', minute = '59', second = '59'] =
    parts ?? [];
  const iso = `${year}-${month}-${day}T${hour}:${minute}:${second}Z`;
  // Not a date that there is: 2026-02-30 would roll over.
  if (!parts || Number.isNaN(Date.parse(iso)) || toIso(iso) !== iso) {
    throw new XError('USAGE', `--debian-snapshot ${text}: not a date`, {
      hint: 'Write 2026-01-31, or a moment: 20260131T120000Z.',
    });
  }
  return `${year}${month}${day}T${hour}${minute}${second}Z`;
}

function toIso(iso: string): string {
  return new Date(iso).toISOString().replace('.000', '');
}

/**
 * A source as of a moment. A snapshot is as old as it is, so its Valid-Until is not looked at.
 * @throws XError USAGE where the source's address is no snapshot service's.
 */
export function snapshotOf(source: AptSource, id: string): AptSource {
  const uri = source.uri.replace(PLACEHOLDER, id).replace(SNAPSHOT_ID, id);
  if (!uri.includes(id)) {
    throw new XError(
      'USAGE',
      `${source.where}: ${source.suite} is not read from a snapshot service, so --debian-snapshot does not apply`,
      {
        hint: 'Name one with --debian-mirror; its address has the moment in it (…/20260131T000000Z/) or @SNAPSHOTID@ in its place.',
      },
    );
  }
  return { ...source, uri, checkValidUntil: source.checkValidUntil ?? false };
}
