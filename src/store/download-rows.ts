import type Database from 'better-sqlite3';
import type { CatalogDatabase } from './database.js';

interface RawDownload {
  durable: number;
  writer: string | null;
}

/** The catalog's rows of downloads that can be continued. */
export class DownloadRows {
  readonly #db: CatalogDatabase;
  readonly #get: Database.Statement<[string], RawDownload>;
  readonly #claim: Database.Statement<[string, string, number]>;
  readonly #save: Database.Statement<[number, number, string]>;
  readonly #release: Database.Statement<[string]>;
  readonly #delete: Database.Statement<[string]>;
  readonly #abandoned: Database.Statement<[number], { name: string }>;

  constructor(db: CatalogDatabase) {
    const { sql } = db;
    this.#db = db;
    this.#get = sql.prepare('SELECT durable, writer FROM downloads WHERE name = ?');
    this.#claim = sql.prepare(
      `INSERT INTO downloads (name, durable, writer, updated_at) VALUES (?, 0, ?, ?)
       ON CONFLICT (name) DO UPDATE SET writer = excluded.writer, updated_at = excluded.updated_at`,
    );
    this.#save = sql.prepare('UPDATE downloads SET durable = ?, updated_at = ? WHERE name = ?');
    this.#release = sql.prepare('UPDATE downloads SET writer = NULL WHERE name = ?');
    this.#delete = sql.prepare('DELETE FROM downloads WHERE name = ?');
    this.#abandoned = sql.prepare(
      'SELECT name FROM downloads WHERE writer IS NULL AND updated_at < ?',
    );
  }

  /** How many bytes are safely on disk; undefined where nothing is, or another writer is at it. */
  resumableBytes(name: string): number | undefined {
    const row = this.#db.read(() => this.#get.get(name));
    return row !== undefined && row.writer === null && row.durable > 0 ? row.durable : undefined;
  }

  /** Makes `writer` the only one to touch the download's file. False where another is at it. */
  claim(name: string, writer: string, nowMs: number): Promise<boolean> {
    return this.#db.write(() => {
      const row = this.#get.get(name);
      if (row !== undefined && row.writer !== null) return false;
      this.#claim.run(name, writer, nowMs);
      return true;
    });
  }

  async saveDurable(name: string, bytes: number, nowMs: number): Promise<void> {
    await this.#db.write(() => this.#save.run(bytes, nowMs, name));
  }

  async release(name: string): Promise<void> {
    await this.#db.write(() => this.#release.run(name));
  }

  /** Inside a transaction. */
  delete(name: string): void {
    this.#delete.run(name);
  }

  /** Runs `remove` on each download untouched since, under the write lock, and forgets it. */
  async forgetOlderThan(timeMs: number, remove: (name: string) => void): Promise<void> {
    await this.#db.write(() => {
      for (const { name } of this.#abandoned.all(timeMs)) {
        remove(name);
        this.#delete.run(name);
      }
    });
  }
}
