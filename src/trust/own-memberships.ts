import { BOUNDS } from '../domain/bounds.js';
import { ALL_BUNDLES, type Membership } from '../domain/membership.js';
import { readMembership } from './membership.js';
import { formatTime } from './time.js';

/** A membership of this machine, with the bytes that show it. */
export interface OwnMembership {
  membership: Membership;
  bytes: Uint8Array;
}

/** What of a machine's file are memberships: each two lines, whatever else stands there passed over. */
export function parseOwnMemberships(text: string): OwnMembership[] {
  const lines = text.split('\n');
  const own: OwnMembership[] = [];
  for (let at = 0; at + 1 < lines.length && own.length < BOUNDS.memberships; at += 2) {
    const bytes = Buffer.from(`${lines[at]}\n${lines[at + 1]}\n`);
    const membership = readMembership(bytes);
    if (membership !== undefined) own.push({ membership, bytes });
  }
  return own;
}

export function formatOwnMemberships(own: readonly OwnMembership[]): string {
  return own.map(({ bytes }) => Buffer.from(bytes).toString('utf8')).join('');
}

/** With one more, the newest first; without what it makes needless, what is over, and what is too many. */
export function withMembership(
  before: readonly OwnMembership[],
  added: OwnMembership,
  now: Date,
): OwnMembership[] {
  const time = formatTime(now);
  const { source, member, bundles } = added.membership;
  const isAll = bundles.includes(ALL_BUNDLES);
  const kept = before.filter(({ membership: one }) => {
    const isCovered =
      one.source === source &&
      one.member === member &&
      (isAll || one.bundles.every((name) => bundles.includes(name)));
    return !isCovered && one.notAfter > time;
  });
  return [added, ...kept].slice(0, BOUNDS.memberships);
}
