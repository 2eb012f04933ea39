import assert from 'node:assert/strict';
import { BOUNDS } from '../domain/bounds.js';
import type { Did } from '../domain/bundle.js';
import { NODE_KINDS, type NodeKind } from '../domain/network-node.js';
import {
  ECOSYSTEM_NAMES,
  type EcosystemName,
  type JsonObject,
  type JsonValue,
} from '../domain/plan.js';
import { canonicalText } from '../trust/canonical.js';
import { isDid } from '../trust/did.js';
import type { Identity } from '../trust/identity.js';
import { readSignedLine, writeSignedLine } from '../trust/signed-line.js';

/** What a node tells everybody. */
export type AnnouncementBody =
  /** Where it is, and what it is. */
  | {
      type: 'node';
      /** Multiaddrs, the most reachable first. */
      addresses: readonly string[];
      kind: NodeKind;
      /** Of its quota, in whole bytes. */
      freeBytes: number;
      /** 0 idle to 1 full, in hundredths. */
      load: number;
    }
  /** It is still there. */
  | { type: 'heartbeat'; freeBytes: number; load: number }
  /** It leaves now. */
  | { type: 'leaving' }
  /** It saw a version on a public index: a hint to look there, and nothing else. */
  | { type: 'version'; ecosystem: EcosystemName; name: string; version: string }
  /** It saw that a public index has taken a version back: a hint as well. */
  | { type: 'withdrawal'; ecosystem: EcosystemName; name: string; version: string };

export type Announcement = AnnouncementBody & {
  network: string;
  author: Did;
  /**
   * Milliseconds since 1970 when it was signed, or one more than the author's last: it rises with
   * each message, and is the time as well.
   */
  sequence: number;
};

const TYPES = ['node', 'heartbeat', 'leaving', 'version', 'withdrawal'] as const;

/** What the signature is over begins with this, so that it serves as no other kind of signature. */
const SIGNED_PREFIX = 'x-announcement 1\n';
/** A network's name: what a person types. */
const NETWORK = /^[a-z0-9][a-z0-9.-]{0,62}$/;
const MULTIADDR = /^(\/[\x21-\x2e\x30-\x7e]+)+$/;

export function isNetworkName(text: string): boolean {
  return NETWORK.test(text);
}

/** A line of canonical JSON, a line with the author's signature in hex: one spelling each. */
export function encodeAnnouncement(
  body: AnnouncementBody,
  { network, sequence }: Pick<Announcement, 'network' | 'sequence'>,
  author: Identity,
): Uint8Array {
  const line = canonicalText(fieldsOf({ ...body, network, sequence, author: author.did }));
  const bytes = writeSignedLine(SIGNED_PREFIX, line, author);
  assert.ok(claimedAnnouncement(bytes) !== undefined, 'only what others would take is announced');
  return bytes;
}

/** Whether others would take it. */
export function isAnnounceable(body: AnnouncementBody): boolean {
  return parseBody(fieldsOf(body)) !== undefined;
}

export interface ClaimedAnnouncement {
  announcement: Announcement;
  /** Whether its author signed it: the dear part, for last. */
  isSigned(): boolean;
}

/** What a message says; undefined where it is too long, malformed, or spelled in another way. */
export function claimedAnnouncement(bytes: Uint8Array): ClaimedAnnouncement | undefined {
  const claim = readSignedLine(SIGNED_PREFIX, bytes, BOUNDS.announcementBytes);
  const announcement = claim && announcementOf(claim.fields, claim.line);
  if (claim === undefined || announcement === undefined) return undefined;
  return { announcement, isSigned: () => claim.isSignedBy(announcement.author) };
}

/** As canonical JSON writes it, which knows whole numbers alone: the load in hundredths. */
function fieldsOf(
  announcement: AnnouncementBody & Partial<Pick<Announcement, 'network' | 'author' | 'sequence'>>,
): JsonObject {
  const fields: Record<string, unknown> = { ...announcement };
  if ('load' in announcement) fields['load'] = Math.round(announcement.load * 100);
  return fields as JsonObject;
}

function announcementOf(fields: JsonObject, line: string): Announcement | undefined {
  const { network, author, sequence } = fields;
  const isSound =
    typeof network === 'string' &&
    isNetworkName(network) &&
    typeof author === 'string' &&
    isDid(author) &&
    isCount(sequence);
  if (!isSound) return undefined;
  const body = parseBody(fields);
  if (body === undefined) return undefined;
  const announcement = { ...body, network, author, sequence };
  // One spelling each: nothing unknown is in it, nothing stands twice.
  return canonicalText(fieldsOf(announcement)) === line ? announcement : undefined;
}

function parseBody(fields: JsonObject): AnnouncementBody | undefined {
  const { addresses, kind, freeBytes, load, ecosystem, name, version } = fields;
  const type = TYPES.find((one) => one === fields['type']);
  switch (type) {
    case 'node': {
      const nodeKind = NODE_KINDS.find((one) => one === kind);
      if (!areAddresses(addresses) || nodeKind === undefined) return undefined;
      if (!isCount(freeBytes) || !isPercent(load)) return undefined;
      return { type, addresses, kind: nodeKind, freeBytes, load: load / 100 };
    }
    case 'heartbeat':
      return isCount(freeBytes) && isPercent(load)
        ? { type, freeBytes, load: load / 100 }
        : undefined;
    case 'leaving':
      return { type };
    case 'version':
    case 'withdrawal': {
      const world = ECOSYSTEM_NAMES.find((one) => one === ecosystem);
      const isSound =
        isName(name, BOUNDS.announcedNameChars) && isName(version, BOUNDS.announcedVersionChars);
      if (world === undefined || !isSound) return undefined;
      return { type, ecosystem: world, name: String(name), version: String(version) };
    }
    case undefined:
      return undefined;
  }
}

function isCount(value: JsonValue | undefined): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0;
}

function isPercent(value: JsonValue | undefined): value is number {
  return isCount(value) && value <= 100;
}

function isName(value: JsonValue | undefined, characters: number): boolean {
  // No space and no control character: it is shown, and looked up in an index.
  return typeof value === 'string' && value.length <= characters && /^[\x21-\x7e]+$/.test(value);
}

function areAddresses(value: JsonValue | undefined): value is string[] {
  if (!Array.isArray(value) || value.length > BOUNDS.announcedAddresses) return false;
  return value.every(
    (one) =>
      typeof one === 'string' && one.length <= BOUNDS.announcedAddressChars && MULTIADDR.test(one),
  );
}
