import { BOUNDS } from '../domain/bounds.js';
import type { Did } from '../domain/bundle.js';
import { sha256, type Sha256 } from '../domain/digest.js';
import { XError } from '../domain/errors.js';
import type { Membership, Refusal } from '../domain/membership.js';
import type { Random } from '../ports/random.js';
import { addDays, formatTime } from './time.js';

const TOKEN_BYTES = 16;
const ID_CHARS = 12;
const SERIAL_BYTES = 8;

/** What lets machines in: whoever has its token, up to a number of them, until it expires. */
export interface Invite {
  /** The first digits of the token's digest; the token itself is kept nowhere. */
  id: string;
  tokenSha256: Sha256;
  /** How many machines it lets in. */
  uses: number;
  bundles: string[];
  /** How long those are members that it lets in. */
  memberDays: number;
  createdAt: string;
  notAfter: string;
  /** The machines that it is bound to. */
  boundTo: Did[];
  /** Its place in the order of what happened, whatever the clock said. */
  order: number;
  isRevoked: boolean;
}

/** A membership that was given out. */
export interface Member extends Omit<Membership, 'source'> {
  /** The id of the invitation that let it in. */
  invite: string;
  joinedAt: string;
  /** Where its end stands in the order of what happened. */
  revokedOrder: number | undefined;
}

/** What a source remembers of invitations and members. A value: each change answers a new one. */
export interface InviteBook {
  /** How many things happened. */
  order: number;
  invites: readonly Invite[];
  members: readonly Member[];
}

export const EMPTY_BOOK: InviteBook = { order: 0, invites: [], members: [] };

export interface InviteWish {
  uses: number;
  days: number;
  memberDays: number;
  bundles: readonly string[];
}

interface Moment {
  now: Date;
  random: Random;
}

/** A new invitation. The token is for whoever is invited: only its digest is in the book. @throws XError LIMIT_EXCEEDED. */
export function addInvite(
  before: InviteBook,
  wish: InviteWish,
  { now, random }: Moment,
): { book: InviteBook; invite: Invite; token: string } {
  const book = withRoom(before, now);
  if (book.invites.length >= BOUNDS.invites) {
    throw new XError('LIMIT_EXCEEDED', `there are ${book.invites.length} invitations already`, {
      hint: 'Take back those that are not needed: `x invite --list`, `x invite --revoke ID`.',
    });
  }
  const token = Buffer.from(random.bytes(TOKEN_BYTES)).toString('base64url');
  const tokenSha256 = sha256(token);
  const invite: Invite = {
    id: tokenSha256.slice(0, ID_CHARS),
    tokenSha256,
    uses: wish.uses,
    bundles: [...wish.bundles],
    memberDays: wish.memberDays,
    createdAt: formatTime(now),
    notAfter: formatTime(addDays(now, wish.days)),
    boundTo: [],
    order: book.order + 1,
    isRevoked: false,
  };
  return {
    book: { ...book, order: invite.order, invites: [...book.invites, invite] },
    invite,
    token,
  };
}

/**
 * Lets a machine in that has a token. Asked again by a machine that it let in, the answer is the same
 * membership; one that was revoked is let in by invitations alone that were made after that.
 */
export function redeem(
  before: InviteBook,
  { token, peer }: { token: string; peer: Did },
  { now, random }: Moment,
): { book: InviteBook; member: Member } | { refusal: Refusal } {
  const tokenSha256 = sha256(token);
  const book = withRoom(before, now);
  const invite = book.invites.find((one) => one.tokenSha256 === tokenSha256);
  if (invite === undefined) return { refusal: 'token-unknown' };
  if (invite.isRevoked) return { refusal: 'token-revoked' };
  const own = book.members.filter(({ member }) => member === peer);
  if (own.some(({ revokedOrder }) => (revokedOrder ?? 0) > invite.order)) {
    return { refusal: 'revoked' };
  }
  const time = formatTime(now);
  const held = own.find((one) => one.invite === invite.id && one.notAfter > time);
  if (held !== undefined) return { book, member: held };
  if (invite.notAfter <= time) return { refusal: 'token-expired' };
  const isBound = invite.boundTo.includes(peer);
  if (!isBound && invite.boundTo.length >= invite.uses) return { refusal: 'token-used' };
  if (book.members.length >= BOUNDS.members) return { refusal: 'full' };
  const member: Member = {
    member: peer,
    bundles: invite.bundles,
    notAfter: formatTime(addDays(now, invite.memberDays)),
    serial: Buffer.from(random.bytes(SERIAL_BYTES)).toString('hex'),
    invite: invite.id,
    joinedAt: time,
    revokedOrder: undefined,
  };
  const bound = { ...invite, boundTo: isBound ? invite.boundTo : [...invite.boundTo, peer] };
  return {
    book: {
      order: book.order + 1,
      invites: book.invites.map((one) => (one === invite ? bound : one)),
      members: [...book.members, member],
    },
    member,
  };
}

export interface Revocation {
  book: InviteBook;
  members: Member[];
  invites: Invite[];
  /** Invitations that let the revoked in, and go on letting others in. */
  stillOpen: Invite[];
}

/**
 * Ends the memberships of a machine (its DID), one membership (its serial), or an invitation (its id),
 * with the members that it let in or without. What is revoked already is left as it is.
 * @throws XError USAGE where nothing has that name, LIMIT_EXCEEDED.
 */
export function revoke(
  before: InviteBook,
  what: string,
  { now, withMembers }: { now: Date; withMembers: boolean },
): Revocation {
  const book = pruned(before, now);
  const order = book.order + 1;
  const invite = book.invites.find(({ id }) => id === what);
  const isMeant = (one: Member): boolean =>
    invite === undefined
      ? one.member === what || one.serial === what
      : withMembers && one.invite === what;
  const members = book.members.filter((one) => one.revokedOrder === undefined && isMeant(one));
  if (invite === undefined && !book.members.some(isMeant)) {
    throw new XError('USAGE', `no member and no invitation here is ${what}`, {
      hint: '`x invite --list` shows members by their DID and invitations by their id.',
    });
  }
  const revokedBefore = book.members.filter((one) => one.revokedOrder !== undefined).length;
  if (revokedBefore + members.length > BOUNDS.revokedMemberships) {
    throw new XError('LIMIT_EXCEEDED', `more than ${BOUNDS.revokedMemberships} are revoked`, {
      hint: 'Wait until some have expired, or start a source under a new key.',
    });
  }
  const revoked = new Set(members);
  const isOver = (one: Invite): boolean => one.isRevoked || one.notAfter <= formatTime(now);
  const from = new Set(members.map((one) => one.invite));
  return {
    book: {
      order,
      invites: book.invites.map((one) => (one === invite ? { ...one, isRevoked: true } : one)),
      members: book.members.map((one) =>
        revoked.has(one) ? { ...one, revokedOrder: order } : one,
      ),
    },
    members,
    invites: invite === undefined ? [] : [invite],
    stillOpen: book.invites.filter(
      (one) => one !== invite && from.has(one.id) && !isOver(one) && one.boundTo.length < one.uses,
    ),
  };
}

/**
 * Serials of memberships that were ended and have not expired: what metadata that is signed now says.
 * @param published What the metadata before said. What the book does not know stays: a book that was
 *   lost, or came back from an old copy, lets nobody in again.
 */
export function revokedSerials(
  { members }: InviteBook,
  now: Date,
  published: Iterable<string> = [],
): string[] {
  const time = formatTime(now);
  const known = new Map(members.map((member) => [member.serial, member]));
  const kept = [...published].filter((serial) => {
    const member = known.get(serial);
    return member === undefined || member.notAfter > time;
  });
  const ended = members
    .filter(({ revokedOrder, notAfter }) => revokedOrder !== undefined && notAfter > time)
    .map(({ serial }) => serial);
  return [...new Set([...ended, ...kept])].slice(0, BOUNDS.revokedMemberships);
}

/** What is over is remembered for so long, to say so to who comes late. */
const REMEMBERED_DAYS = 30;

/**
 * Without what has no meaning any more: invitations that are long over and whose members are gone,
 * members whose time is over and whose end keeps nobody out.
 */
function pruned(book: InviteBook, now: Date, rememberedDays = REMEMBERED_DAYS): InviteBook {
  const time = formatTime(now);
  const early = formatTime(addDays(now, -rememberedDays));
  const live = book.invites.filter(({ notAfter, isRevoked }) => !isRevoked && notAfter > time);
  const keepsOut = ({ revokedOrder = 0 }: Member): boolean =>
    live.some(({ order }) => order < revokedOrder);
  const members = book.members.filter((one) => one.notAfter > early || keepsOut(one));
  const named = new Set(members.map(({ invite }) => invite));
  const isKnown = (one: Invite): boolean =>
    named.has(one.id) || one.notAfter > early || live.includes(one);
  const invites = book.invites.filter(isKnown);
  const isSame = members.length === book.members.length && invites.length === book.invites.length;
  return isSame ? book : { ...book, invites, members };
}

/** The book with room for one more of each kind, where forgetting what is over makes it. */
function withRoom(book: InviteBook, now: Date): InviteBook {
  const isFull = book.invites.length >= BOUNDS.invites || book.members.length >= BOUNDS.members;
  return pruned(book, now, isFull ? 0 : REMEMBERED_DAYS);
}
