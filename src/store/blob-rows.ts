import type Database from 'better-sqlite3';
import { BOUNDS } from '../domain/bounds.js';
import { isDigest, type Sha256 } from '../domain/digest.js';
import { packLeaves, PIECE_SIZE_BYTES, unpackLeaves } from '../domain/piece.js';
import type { StoredBlob } from '../ports/store.js';
import type { HashedBody } from './body-hasher.js';
import type { CatalogDatabase } from './database.js';
import type { FileStamp } from './file-stamp.js';

/** Where a small blob lies. */
export interface PackPlace {
  pack: number;
  offset: number;
}

/** A whole blob and where it lies: `place` undefined means a file of its own. */
export interface BlobRow extends StoredBlob {
  place: PackPlace | undefined;
}

interface RawBlob {
  sha256: Buffer;
  sha512: Buffer;
  length: number;
  root: Buffer;
  pack: number | null;
  offset: number | null;
}

/** Pages of `unreferenced`: a cursor kept open would keep others from writing. */
const PAGE_ROWS = 1_000;

/** The catalog's rows of whole blobs, their trees and packs. Writes belong inside a transaction. */
export class BlobRows {
  /** Told of every blob that comes or goes, within the transaction that may still fail. */
  onChanged: ((sha256: Sha256) => void) | undefined;
  readonly #db: CatalogDatabase;
  readonly #bySha256: Database.Statement<[Buffer], RawBlob>;
  readonly #bySha512: Database.Statement<[Buffer], RawBlob>;
  readonly #insert: Database.Statement;
  readonly #delete: Database.Statement;
  readonly #mended: Database.Statement<[Buffer]>;
  readonly #tree: Database.Statement<[Buffer], { leaves: Buffer }>;
  readonly #saveTree: Database.Statement;
  readonly #deleteTree: Database.Statement;
  readonly #unreferenced: Database.Statement<[Buffer], RawBlob>;
  readonly #packed = new Map<Sha256, Uint8Array>();
  #packedBytes = 0;
  readonly #totals: Database.Statement<[], { blobs: number; bytes: number }>;
  readonly #digests: Database.Statement<[Buffer], Buffer>;

  constructor(db: CatalogDatabase) {
    const { sql } = db;
    this.#db = db;
    this.#bySha256 = sql.prepare('SELECT * FROM blobs WHERE sha256 = ?');
    this.#bySha512 = sql.prepare('SELECT * FROM blobs WHERE sha512 = ? LIMIT 1');
    this.#insert = sql.prepare(
      `INSERT INTO blobs (sha256, sha512, length, root, pack, offset, stamp)
         VALUES (?, ?, ?, ?, ?, ?, ?)
       ON CONFLICT (sha256) DO UPDATE
         SET sha512 = max(sha512, excluded.sha512), pack = excluded.pack, offset = excluded.offset, stamp = excluded.stamp`,
    );
    this.#mended = sql.prepare('DELETE FROM damaged WHERE sha256 = ?');
    this.#delete = sql.prepare('DELETE FROM blobs WHERE sha256 = ?');
    this.#tree = sql.prepare('SELECT leaves FROM trees WHERE sha256 = ?');
    this.#saveTree = sql.prepare(
      `INSERT INTO trees (sha256, leaves) VALUES (?, ?)
       ON CONFLICT (sha256) DO UPDATE SET leaves = excluded.leaves`,
    );
    this.#deleteTree = sql.prepare('DELETE FROM trees WHERE sha256 = ?');
    this.#unreferenced = sql.prepare(
      `SELECT * FROM blobs WHERE sha256 > ?
         AND NOT EXISTS (SELECT 1 FROM entries WHERE entries.sha256 = blobs.sha256)
       ORDER BY sha256 LIMIT ${String(PAGE_ROWS)}`,
    );
    this.#digests = sql
      .prepare<[Buffer], Buffer>(
        `SELECT sha256 FROM blobs WHERE sha256 > ? ORDER BY sha256 LIMIT ${String(PAGE_ROWS)}`,
      )
      .pluck();
    this.#totals = sql.prepare(
      'SELECT count(*) AS blobs, coalesce(sum(length), 0) AS bytes FROM blobs',
    );
  }

  get(sha256: Sha256): BlobRow | undefined {
    if (!isDigest('sha256', sha256)) return undefined;
    const raw = this.#db.read(() => this.#bySha256.get(key(sha256)));
    return raw && blobOf(raw);
  }

  /** As `get` for many, in one transaction: each on its own costs two locks of the file. */
  getAll(sha256s: readonly Sha256[]): (BlobRow | undefined)[] {
    return this.#db.readTogether(() => sha256s.map((sha256) => this.get(sha256)));
  }

  getBySha512(sha512: string): BlobRow | undefined {
    if (!isDigest('sha512', sha512)) return undefined;
    const raw = this.#db.read(() => this.#bySha512.get(key(sha512)));
    return raw && blobOf(raw);
  }

  /** @param stamp of the file of its own; a pack has one for all. */
  insert(body: HashedBody, place: PackPlace | undefined, stamp: FileStamp | undefined): void {
    this.#insert.run(
      key(body.sha256),
      // Empty where nobody asked for it.
      key(body.sha512 ?? ''),
      body.lengthBytes,
      key(body.pieceRoot),
      place?.pack ?? null,
      place?.offset ?? null,
      stamp ?? null,
    );
    this.#mended.run(key(body.sha256));
    if (body.leaves.length > 1) this.saveTree(body.sha256, body.leaves);
    this.onChanged?.(body.sha256);
  }

  delete(sha256: Sha256): void {
    this.#delete.run(key(sha256));
    this.#mended.run(key(sha256));
    this.#deleteTree.run(key(sha256));
    this.onChanged?.(sha256);
  }

  /** The leaves of a whole blob; a blob of one piece is its own root. */
  leavesOf(blob: StoredBlob): Uint8Array[] | undefined {
    if (blob.lengthBytes === 0) return [];
    return this.tree(blob.sha256) ?? [key(blob.pieceRoot)];
  }

  /** The same as one run of 32-byte values, kept in memory for a while. Only of whole blobs: theirs is final. */
  packedLeavesOf(blob: StoredBlob): Uint8Array | undefined {
    if (blob.lengthBytes <= PIECE_SIZE_BYTES) return key(blob.pieceRoot);
    const known = this.#packed.get(blob.sha256);
    if (known !== undefined) return known;
    const leaves = this.#db.read(() => this.#tree.get(key(blob.sha256)))?.leaves;
    if (leaves === undefined) return undefined;
    this.#packed.set(blob.sha256, leaves);
    this.#packedBytes += leaves.length;
    for (const [oldest, { length }] of this.#packed) {
      if (this.#packedBytes <= BOUNDS.cachedTreeBytes || oldest === blob.sha256) break;
      this.#packed.delete(oldest);
      this.#packedBytes -= length;
    }
    return leaves;
  }

  tree(sha256: Sha256): Uint8Array[] | undefined {
    if (!isDigest('sha256', sha256)) return undefined;
    const row = this.#db.read(() => this.#tree.get(key(sha256)));
    return row && unpackLeaves(row.leaves);
  }

  saveTree(sha256: Sha256, leaves: readonly Uint8Array[]): void {
    this.#saveTree.run(key(sha256), packLeaves(leaves));
  }

  deleteTree(sha256: Sha256): void {
    this.#deleteTree.run(key(sha256));
  }

  *digests(): Generator<Sha256> {
    let last: Buffer = Buffer.alloc(0);
    for (;;) {
      const from = last;
      const page = this.#db.read(() => this.#digests.all(from));
      for (const digest of page) yield digest.toString('hex');
      const end = page.at(-1);
      if (end === undefined) return;
      last = end;
    }
  }

  *unreferenced(): Generator<StoredBlob> {
    let last: Buffer = Buffer.alloc(0);
    for (;;) {
      const from = last;
      const page = this.#db.read(() => this.#unreferenced.all(from));
      for (const raw of page) yield storedBlob(blobOf(raw));
      const end = page.at(-1);
      if (end === undefined) return;
      last = end.sha256;
    }
  }

  totals(): { blobs: number; bytes: number } {
    return this.#db.read(() => this.#totals.get()) ?? { blobs: 0, bytes: 0 };
  }
}

/** The bytes of a digest, as columns have them. Hex that ends early would be cut short: check it first. */
export function key(hex: string): Buffer {
  return Buffer.from(hex, 'hex');
}

/** What callers of the port see of a row. */
export function storedBlob({ sha256, sha512, lengthBytes, pieceRoot }: StoredBlob): StoredBlob {
  return { sha256, sha512, lengthBytes, pieceRoot };
}

export function samePlace(a: PackPlace | undefined, b: PackPlace | undefined): boolean {
  return a?.pack === b?.pack && a?.offset === b?.offset;
}

function blobOf(raw: RawBlob): BlobRow {
  return {
    sha256: raw.sha256.toString('hex'),
    sha512: raw.sha512.length === 0 ? undefined : raw.sha512.toString('hex'),
    lengthBytes: raw.length,
    pieceRoot: raw.root.toString('hex'),
    place:
      raw.pack === null || raw.offset === null ? undefined : { pack: raw.pack, offset: raw.offset },
  };
}
