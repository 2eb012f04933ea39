import type Database from 'better-sqlite3';
import { isDigest, type Sha256 } from '../domain/digest.js';
import { key } from './blob-rows.js';
import type { CatalogDatabase } from './database.js';

/** The digests whose copy here rotted and that no honest copy has replaced since. */
export class DamagedRows {
  readonly #db: CatalogDatabase;
  readonly #has: Database.Statement<[Buffer], { found: 1 }>;
  readonly #note: Database.Statement<[Buffer, string]>;

  constructor(db: CatalogDatabase) {
    this.#db = db;
    this.#has = db.sql.prepare('SELECT 1 AS found FROM damaged WHERE sha256 = ?');
    this.#note = db.sql.prepare('INSERT OR REPLACE INTO damaged (sha256, reason) VALUES (?, ?)');
  }

  has(sha256: Sha256): boolean {
    if (!isDigest('sha256', sha256)) return false;
    return this.#db.read(() => this.#has.get(key(sha256))) !== undefined;
  }

  /** Belongs inside a transaction. It goes when the blob is entered again (see BlobRows.insert). */
  note(sha256: Sha256, reason: string): void {
    this.#note.run(key(sha256), reason);
  }
}
