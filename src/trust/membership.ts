import { BOUNDS } from '../domain/bounds.js';
import { isBundleName, type Did } from '../domain/bundle.js';
import {
  ALL_BUNDLES,
  type Membership,
  type MembersRule,
  type Refusal,
} from '../domain/membership.js';
import type { JsonObject } from '../domain/plan.js';
import { canonicalText } from './canonical.js';
import { isDid } from './did.js';
import type { Identity } from './identity.js';
import { readSignedLine, writeSignedLine } from './signed-line.js';
import { formatTime, parseTime } from './time.js';

const TYPE = 'x-membership';
const FORMAT = 1;

/** What the signature is over begins with this, so that it serves as no other kind of signature. */
const SIGNED_PREFIX = 'x-membership 1\n';

const SERIAL = /^[0-9a-f]{16}$/;

/**
 * A membership as it is kept and shown: a line of canonical JSON, a line with the source's signature
 * in hex. The same bytes for the same membership and key.
 */
export function encodeMembership(
  { member, bundles, notAfter, serial }: Omit<Membership, 'source'>,
  source: Identity,
): Uint8Array {
  const fields = { type: TYPE, format: FORMAT, member, source: source.did };
  const line = canonicalText({ ...fields, bundles: [...bundles], notAfter, serial });
  return writeSignedLine(SIGNED_PREFIX, line, source);
}

/**
 * Reads what somebody shows as a membership: undefined where it is too long, malformed, written
 * otherwise than `encodeMembership` writes, or not signed by the source that it names.
 */
export function readMembership(bytes: Uint8Array): Membership | undefined {
  const claim = claimedMembership(bytes);
  return claim?.isSigned() === true ? claim.membership : undefined;
}

/** What it says, its signature not looked at: cheap, and worth nothing yet. */
export function claimedMembership(
  bytes: Uint8Array,
): { membership: Membership; isSigned(): boolean } | undefined {
  const claim = readSignedLine(SIGNED_PREFIX, bytes, BOUNDS.membershipBytes);
  const membership = claim && membershipOf(claim.fields, claim.line);
  if (claim === undefined || membership === undefined) return undefined;
  return { membership, isSigned: () => claim.isSignedBy(membership.source) };
}

function membershipOf(fields: JsonObject, line: string): Membership | undefined {
  const { type, format, member, source, bundles, notAfter, serial } = fields;
  const isSound =
    type === TYPE &&
    format === FORMAT &&
    typeof member === 'string' &&
    isDid(member) &&
    typeof source === 'string' &&
    isDid(source) &&
    areBundles(bundles) &&
    parseTime(notAfter) !== undefined &&
    typeof serial === 'string' &&
    SERIAL.test(serial);
  if (!isSound) return undefined;
  const membership = { member, source, bundles, notAfter: String(notAfter), serial };
  // One spelling each: nothing unknown is in it, nothing stands twice.
  return canonicalText({ type, format, ...membership }) === line ? membership : undefined;
}

/** Whether a list says which bundles: names, or all. */
export function areBundles(value: unknown): value is string[] {
  if (!Array.isArray(value) || value.length === 0) return false;
  if (value.length === 1 && value[0] === ALL_BUNDLES) return true;
  if (value.length > BOUNDS.membershipBundles) return false;
  return value.every((name) => typeof name === 'string' && isBundleName(name));
}

export interface MembershipQuestion {
  /** Who asks; the connection has proved it. */
  peer: Did;
  memberships: readonly Membership[];
  /** Whether it asks from nearby. */
  isNear: boolean;
  bundle: { name: string; source: Did };
  /** Undefined: the bundle is open. */
  rule: MembersRule | undefined;
  /** Whom the signed metadata lists as masters: they serve it, so they may have it. */
  masters: readonly Did[];
  now: Date;
}

/**
 * Why a peer does not get a bundle; undefined where it does. Of several reasons the one that says most.
 * What is open is for who is near; members may be anywhere.
 */
export function refusalOf(question: MembershipQuestion): Refusal | undefined {
  const { peer, bundle, rule, masters, isNear } = question;
  if (rule === undefined) return isNear ? undefined : 'not-a-member';
  if (peer === bundle.source || masters.includes(peer)) return undefined;
  const now = formatTime(question.now);
  let refusal: Refusal = 'not-a-member';
  for (const { member, source, bundles, notAfter, serial } of question.memberships) {
    if (member !== peer || source !== bundle.source) continue;
    const isForIt = bundles.includes(bundle.name) || bundles.includes(ALL_BUNDLES);
    if (rule.revoked.has(serial)) refusal = 'revoked';
    else if (notAfter <= now) refusal = refusal === 'revoked' ? refusal : 'expired';
    else if (isForIt) return undefined;
    else if (refusal === 'not-a-member') refusal = 'other-bundle';
  }
  return refusal;
}
