import { createPublicKey, verify } from 'node:crypto';
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
import { isDid, publicKeyOfDid } from './did.js';
import type { Identity } from './identity.js';
import { formatTime, parseTime } from './time.js';

const TYPE = 'x-membership';
const FORMAT = 1;

/** What the signature is over begins with this, so that it serves as no other kind of signature. */
const SIGNED_PREFIX = 'x-membership 1\n';

/** DER of an Ed25519 public key up to its 32 bytes (RFC 8410 section 4). */
const SPKI_PREFIX = Buffer.from('302a300506032b6570032100', 'hex');
/** A newline, the signature in hex, a newline. */
const TAIL = /^\n([0-9a-f]{128})\n$/;
const TAIL_BYTES = 130;
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
  const signature = source.sign(signedBytes(line));
  return Buffer.from(`${line}\n${Buffer.from(signature).toString('hex')}\n`);
}

/**
 * Reads what somebody shows as a membership: undefined where it is too long, malformed, written
 * otherwise than `encodeMembership` writes, or not signed by the source that it names.
 */
export function readMembership(bytes: Uint8Array): Membership | undefined {
  const claim = claimedMembership(bytes);
  if (claim === undefined) return undefined;
  const key = createPublicKey({
    key: Buffer.concat([SPKI_PREFIX, publicKeyOfDid(claim.membership.source)]),
    format: 'der',
    type: 'spki',
  });
  const isSigned = verify(null, signedBytes(claim.line), key, claim.signature);
  return isSigned ? claim.membership : undefined;
}

/** What it says, its signature not looked at: cheap, and worth nothing yet. */
export function claimedMembership(
  bytes: Uint8Array,
): { membership: Membership; line: string; signature: Buffer } | undefined {
  if (bytes.length > BOUNDS.membershipBytes || bytes.length <= TAIL_BYTES) return undefined;
  const text = Buffer.from(bytes).toString('utf8');
  const line = text.slice(0, -TAIL_BYTES);
  const signature = TAIL.exec(text.slice(-TAIL_BYTES))?.[1];
  const membership = signature === undefined ? undefined : parseLine(line);
  if (membership === undefined || signature === undefined) return undefined;
  return { membership, line, signature: Buffer.from(signature, 'hex') };
}

function parseLine(line: string): Membership | undefined {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    return undefined;
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined;
  const { type, format, member, source, bundles, notAfter, serial } = value as JsonObject;
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
  bundle: { name: string; source: Did };
  /** Undefined: the bundle is open. */
  rule: MembersRule | undefined;
  /** Whom the signed metadata lists as masters: they serve it, so they may have it. */
  masters: readonly Did[];
  now: Date;
}

/** Why a peer does not get a bundle; undefined where it does. Of several reasons the one that says most. */
export function refusalOf(question: MembershipQuestion): Refusal | undefined {
  const { peer, bundle, rule, masters } = question;
  if (rule === undefined || peer === bundle.source || masters.includes(peer)) return undefined;
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

function signedBytes(line: string): Uint8Array {
  return Buffer.from(SIGNED_PREFIX + line);
}
