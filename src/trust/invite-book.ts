import { BOUNDS } from '../domain/bounds.js';
import { isDigest } from '../domain/digest.js';
import { messageOf, XError } from '../domain/errors.js';
import type { JsonObject } from '../domain/plan.js';
import { isDid } from './did.js';
import type { Invite, InviteBook, Member } from './invites.js';
import { areBundles } from './membership.js';
import { parseTime } from './time.js';

const TYPE = 'x-invite-book';
const FORMAT = 1;

type Checks<T> = { [key in keyof T]-?: (value: unknown) => boolean };

const isTime = (value: unknown): boolean => parseTime(value) !== undefined;
const isCount = (value: unknown): boolean => Number.isSafeInteger(value) && Number(value) >= 0;
const isText = (pattern: RegExp) => (value: unknown) =>
  typeof value === 'string' && pattern.test(value);
const isMember = (value: unknown): boolean => typeof value === 'string' && isDid(value);

const INVITE: Checks<Invite> = {
  id: isText(/^[0-9a-f]{12}$/),
  tokenSha256: (value) => typeof value === 'string' && isDigest('sha256', value),
  uses: isCount,
  bundles: areBundles,
  memberDays: isCount,
  createdAt: isTime,
  notAfter: isTime,
  boundTo: (value) => isList(value, BOUNDS.inviteUses, isMember),
  order: isCount,
  isRevoked: (value) => typeof value === 'boolean',
};

const MEMBER: Checks<Member> = {
  member: isMember,
  bundles: areBundles,
  notAfter: isTime,
  serial: isText(/^[0-9a-f]{16}$/),
  invite: isText(/^[0-9a-f]{12}$/),
  joinedAt: isTime,
  revokedOrder: (value) => value === undefined || isCount(value),
};

/** The book's file. */
export function formatInviteBook({ order, invites, members }: InviteBook): string {
  return `${JSON.stringify({ type: TYPE, format: FORMAT, order, invites, members })}\n`;
}

/** @throws XError STORE_DAMAGED: a book that cannot be read lets nobody in, and forgets no revocation. */
export function parseInviteBook(text: string, where: string): InviteBook {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw damaged(where, messageOf(cause).slice(0, 80), cause);
  }
  const { type, format, order, invites, members } = isObject(value) ? value : {};
  if (type !== TYPE || format !== FORMAT) throw damaged(where, 'it is of another kind or format');
  const isSound =
    isCount(order) &&
    isList(invites, BOUNDS.invites + BOUNDS.members, (one) => holds(INVITE, one)) &&
    isList(members, BOUNDS.members, (one) => holds(MEMBER, one));
  if (!isSound) throw damaged(where, 'it says what cannot be');
  return { order, invites, members } as unknown as InviteBook;
}

function holds<T>(checks: Checks<T>, value: unknown): boolean {
  if (!isObject(value)) return false;
  return Object.entries<(value: unknown) => boolean>(checks).every(([name, isSound]) =>
    isSound(value[name]),
  );
}

function isList(value: unknown, most: number, isSound: (value: unknown) => boolean): boolean {
  return Array.isArray(value) && value.length <= most && value.every(isSound);
}

function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function damaged(where: string, what: string, cause?: unknown): XError {
  return new XError('STORE_DAMAGED', `${where} holds no list of members: ${what}`, {
    hint: 'Restore it from a copy: it says who was let in and who was revoked.',
    cause,
  });
}
