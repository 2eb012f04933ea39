import type Database from 'better-sqlite3';
import { BOUNDS } from '../domain/bounds.js';
import { isDigest, type Sha256 } from '../domain/digest.js';
import { XError } from '../domain/errors.js';
import { packLeaves } from '../domain/piece.js';
import type { EcosystemName } from '../domain/plan.js';
import type { Marked } from '../ports/marked-files.js';
import type { StoredBlob } from '../ports/store.js';
import { key } from './blob-rows.js';
import type { HashedBody } from './body-hasher.js';
import type { CatalogDatabase } from './database.js';

/** A marked file, and what it was when it was marked. */
export interface MarkedRow extends StoredBlob {
  path: string;
  stamp: string;
}

interface RawMarked {
  path: string;
  stamp: string;
  length: number;
  sha256: Buffer;
  sha512: Buffer | null;
  root: Buffer;
}

/** Of one digest so many paths are tried. */
const PATHS_OF_ONE = 16;
const PAGE_ROWS = 1_000;
const COLUMNS = 'path, stamp, length, sha256, sha512, root';

/** The catalog's rows of marked files. */
export class MarkedRows {
  readonly #db: CatalogDatabase;
  readonly #byPath: Database.Statement<[string], RawMarked>;
  readonly #bySha256: Database.Statement<[Buffer], RawMarked>;
  readonly #bySha512: Database.Statement<[Buffer], RawMarked>;
  readonly #leaves: Database.Statement<[Buffer], { leaves: Buffer | null }>;
  readonly #insert: Database.Statement;
  readonly #delete: Database.Statement<[string, string]>;
  readonly #page: Database.Statement<[string], RawMarked>;
  readonly #totals: Database.Statement<[], Marked>;

  constructor(db: CatalogDatabase) {
    const { sql } = db;
    this.#db = db;
    const where = (column: string): string =>
      `SELECT ${COLUMNS} FROM marked WHERE ${column} = ? LIMIT ${String(PATHS_OF_ONE)}`;
    this.#byPath = sql.prepare(where('path'));
    this.#bySha256 = sql.prepare(where('sha256'));
    this.#bySha512 = sql.prepare(where('sha512'));
    this.#leaves = sql.prepare('SELECT leaves FROM marked WHERE sha256 = ? LIMIT 1');
    this.#insert = sql.prepare(
      `INSERT INTO marked (path, ecosystem, stamp, length, sha256, sha512, root, leaves)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?)
       ON CONFLICT (path) DO UPDATE SET ecosystem = excluded.ecosystem, stamp = excluded.stamp,
         length = excluded.length, sha256 = excluded.sha256, sha512 = excluded.sha512,
         root = excluded.root, leaves = excluded.leaves`,
    );
    this.#delete = sql.prepare('DELETE FROM marked WHERE path = ? AND stamp = ?');
    this.#page = sql.prepare(
      `SELECT ${COLUMNS} FROM marked WHERE path > ? ORDER BY path LIMIT ${String(PAGE_ROWS)}`,
    );
    this.#totals = sql.prepare(
      'SELECT count(*) AS files, coalesce(sum(length), 0) AS bytes FROM marked',
    );
  }

  get(path: string): MarkedRow | undefined {
    const raw = this.#db.read(() => this.#byPath.get(path));
    return raw && rowOf(raw);
  }

  bySha256(sha256: Sha256): MarkedRow[] {
    if (!isDigest('sha256', sha256)) return [];
    return this.#db.read(() => this.#bySha256.all(key(sha256))).map(rowOf);
  }

  bySha512(sha512: string): MarkedRow[] {
    if (!isDigest('sha512', sha512)) return [];
    return this.#db.read(() => this.#bySha512.all(key(sha512))).map(rowOf);
  }

  /** Of one row of the blob: the tree follows from the bytes. A blob of one piece is its own root. */
  packedLeaves({ sha256, lengthBytes, pieceRoot }: StoredBlob): Uint8Array {
    if (lengthBytes === 0) return new Uint8Array(0);
    return this.#db.read(() => this.#leaves.get(key(sha256)))?.leaves ?? key(pieceRoot);
  }

  /** @throws XError LIMIT_EXCEEDED. */
  save(path: string, ecosystem: EcosystemName, stamp: string, body: HashedBody): Promise<void> {
    return this.#db.write(() => {
      if (this.#byPath.get(path) === undefined && this.totals().files >= BOUNDS.markedFiles) {
        throw new XError('LIMIT_EXCEEDED', `more than ${BOUNDS.markedFiles} files are marked`, {
          hint: 'Forget some folders first: x scan --forget FOLDER.',
        });
      }
      this.#insert.run(
        path,
        ecosystem,
        stamp,
        body.lengthBytes,
        key(body.sha256),
        body.sha512 === undefined ? null : key(body.sha512),
        key(body.pieceRoot),
        body.leaves.length > 1 ? packLeaves(body.leaves) : null,
      );
    });
  }

  /** Only as it was: who marked it anew meanwhile has read it since. */
  async delete(rows: readonly Pick<MarkedRow, 'path' | 'stamp'>[]): Promise<void> {
    if (rows.length === 0) return;
    await this.#db.write(() => {
      for (const { path, stamp } of rows) this.#delete.run(path, stamp);
    });
  }

  /** In the order of their paths. */
  *all(): Generator<MarkedRow> {
    let last = '';
    for (;;) {
      const from = last;
      const page = this.#db.read(() => this.#page.all(from));
      for (const raw of page) yield rowOf(raw);
      const end = page.at(-1);
      if (end === undefined) return;
      last = end.path;
    }
  }

  totals(): Marked {
    return this.#db.read(() => this.#totals.get()) ?? { files: 0, bytes: 0 };
  }
}

function rowOf({ path, stamp, length, sha256, sha512, root }: RawMarked): MarkedRow {
  return {
    path,
    stamp,
    sha256: sha256.toString('hex'),
    sha512: sha512?.toString('hex'),
    lengthBytes: length,
    pieceRoot: root.toString('hex'),
  };
}
