import {
  closeSync,
  fsyncSync,
  mkdirSync,
  openSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { open } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { BOUNDS } from '../domain/bounds.js';
import type { Did } from '../domain/bundle.js';
import { systemCodeOf, XError } from '../domain/errors.js';
import type { Membership } from '../domain/membership.js';
import { syncFolderNow } from '../store/durable-file.js';
import { formatInviteBook, parseInviteBook } from '../trust/invite-book.js';
import { EMPTY_BOOK, type InviteBook } from '../trust/invites.js';
import { readMembership } from '../trust/membership.js';
import {
  formatOwnMemberships,
  parseOwnMemberships,
  withMembership,
  type OwnMembership,
} from '../trust/own-memberships.js';
import { formatTime } from '../trust/time.js';
import { requirePrivate } from './private-files.js';

/**
 * The source's book of invitations and members, on disk. Who changes it holds the data folder's lock.
 */
export class BookFile {
  readonly #path: string;
  #book: InviteBook;

  private constructor(path: string, book: InviteBook) {
    this.#path = path;
    this.#book = book;
  }

  /** @throws XError STORE_DAMAGED, KEY_EXPOSED. */
  static async open(folder: string): Promise<BookFile> {
    const path = join(folder, 'keys', 'invites');
    const text = await readPrivate(path, BOUNDS.inviteBookBytes);
    return new BookFile(path, text === undefined ? EMPTY_BOOK : parseInviteBook(text, path));
  }

  get book(): InviteBook {
    return this.#book;
  }

  /** On disk when it returns; in one go, so that nothing happens between the decision and its record. */
  save(book: InviteBook): void {
    if (book === this.#book) return;
    const text = formatInviteBook(book);
    // One that is longer would not be read again, and nobody would be let in or stay revoked.
    if (Buffer.byteLength(text) > BOUNDS.inviteBookBytes) {
      throw new XError('LIMIT_EXCEEDED', `${this.#path}: the list of members is full`, {
        hint: 'Invite for all bundles instead of many by name.',
      });
    }
    replacePrivate(this.#path, text);
    this.#book = book;
  }
}

/** What this machine is a member of, on disk. */
export class OwnMemberships {
  readonly #path: string;
  #own: readonly OwnMembership[];
  #shown: readonly Uint8Array[];

  private constructor(path: string, own: readonly OwnMembership[]) {
    this.#path = path;
    this.#own = own;
    this.#shown = own.map(({ bytes }) => bytes);
  }

  /** @throws XError KEY_EXPOSED. */
  static async open(folder: string): Promise<OwnMemberships> {
    const path = join(folder, 'keys', 'memberships');
    const text = await readPrivate(path, BOUNDS.memberships * BOUNDS.membershipBytes);
    return new OwnMemberships(path, text === undefined ? [] : parseOwnMemberships(text));
  }

  /** The same list until one is added. */
  get shown(): readonly Uint8Array[] {
    return this.#shown;
  }

  /** Of each source the membership that ends last. */
  latest(): Membership[] {
    const last = new Map<Did, Membership>();
    for (const { membership } of this.#own) {
      const known = last.get(membership.source);
      if (known === undefined || known.notAfter < membership.notAfter)
        last.set(membership.source, membership);
    }
    return [...last.values()];
  }

  /** When the last membership of each source ends, where that is before a time. */
  ending(before: Date): Membership[] {
    return this.latest().filter(({ notAfter }) => notAfter < formatTime(before));
  }

  /** Those of a source. */
  of(source: Did): Membership[] {
    return this.#own.map(({ membership }) => membership).filter((one) => one.source === source);
  }

  /**
   * Keeps what a source answered to a token.
   * @throws XError SIGNATURE_INVALID where it is no membership of this machine by that source.
   */
  add(bytes: Uint8Array, expected: { source: Did; member: Did }, now: Date): Membership {
    const membership = readMembership(bytes);
    const { source, member } = expected;
    if (membership === undefined || membership.source !== source || membership.member !== member) {
      throw new XError(
        'SIGNATURE_INVALID',
        `what ${source} answered is no membership for this machine`,
        {
          hint: 'Ask the source’s operator for a new invitation; if it happens again, another machine answers there.',
        },
      );
    }
    const isKnown = this.#own.some(
      (one) => one.membership.serial === membership.serial && one.membership.source === source,
    );
    if (isKnown) return membership;
    const own = withMembership(this.#own, { membership, bytes }, now);
    replacePrivate(this.#path, formatOwnMemberships(own));
    this.#own = own;
    this.#shown = own.map((one) => one.bytes);
    return membership;
  }
}

/** Undefined where there is none. */
async function readPrivate(path: string, maxBytes: number): Promise<string | undefined> {
  try {
    const file = await open(path, 'r');
    try {
      await requirePrivate(path, 'if somebody may have written to it, revoke whom you do not know');
      const { size } = await file.stat();
      if (size > maxBytes) {
        throw new XError('STORE_DAMAGED', `${path} has ${size} bytes, more than any x writes`, {
          hint: 'Restore it from a copy.',
        });
      }
      return await file.readFile('utf8');
    } finally {
      await file.close();
    }
  } catch (error) {
    if (systemCodeOf(error) === 'ENOENT') return undefined;
    throw error;
  }
}

/** In one step: at any moment the old file is there or the new one, whole. */
function replacePrivate(path: string, text: string): void {
  const temporary = `${path}.new`;
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  try {
    rmSync(temporary, { force: true });
    const file = openSync(temporary, 'wx', 0o600);
    try {
      writeFileSync(file, text);
      fsyncSync(file);
    } finally {
      closeSync(file);
    }
    renameSync(temporary, path);
    syncFolderNow(dirname(path));
  } finally {
    rmSync(temporary, { force: true });
  }
}
