import type Database from 'better-sqlite3';
import { BOUNDS } from '../domain/bounds.js';
import type { EcosystemName } from '../domain/plan.js';
import type { Wish } from '../ports/insight.js';
import type { CatalogDatabase } from './database.js';

interface WishRow extends Omit<Wish, 'ecosystem'> {
  ecosystem: string;
}

/** What was asked for in vain. */
export class WishRows {
  readonly #db: CatalogDatabase;
  readonly #add: Database.Statement<[string, string, string, string]>;
  readonly #trim: Database.Statement<[number]>;
  readonly #all: Database.Statement<[], WishRow>;
  readonly #clear: Database.Statement<[]>;

  constructor(db: CatalogDatabase) {
    this.#db = db;
    this.#add = db.sql.prepare(
      `INSERT INTO wishes (ecosystem, name, times, first_at, last_at) VALUES (?, ?, 1, ?, ?)
       ON CONFLICT (ecosystem, name) DO UPDATE SET times = times + 1, last_at = excluded.last_at`,
    );
    this.#trim = db.sql.prepare(
      `DELETE FROM wishes WHERE (ecosystem, name) IN
         (SELECT ecosystem, name FROM wishes ORDER BY last_at DESC, name LIMIT -1 OFFSET ?)`,
    );
    this.#all = db.sql.prepare(
      `SELECT ecosystem, name, times, first_at AS firstAt, last_at AS lastAt FROM wishes
       ORDER BY times DESC, last_at DESC, ecosystem, name`,
    );
    this.#clear = db.sql.prepare('DELETE FROM wishes');
  }

  async add({
    ecosystem,
    name,
    at,
  }: {
    ecosystem: EcosystemName;
    name: string;
    at: string;
  }): Promise<void> {
    if (name.length > BOUNDS.wishCharacters) return;
    await this.#db.write(() => {
      this.#add.run(ecosystem, name, at, at);
      this.#trim.run(BOUNDS.wishes);
    });
  }

  all(): Wish[] {
    const rows = this.#db.read(() => this.#all.all());
    return rows.map((row) => ({ ...row, ecosystem: row.ecosystem as EcosystemName }));
  }

  clear(): void {
    this.#db.writeNow(() => this.#clear.run());
  }
}
