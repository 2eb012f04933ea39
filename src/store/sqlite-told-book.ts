import type Database from 'better-sqlite3';
import { NODE_KINDS } from '../domain/network-node.js';
import type { TellersWord, ToldPlace } from '../domain/told-place.js';
import type { ToldBook } from '../ports/told-book.js';
import type { CatalogDatabase } from './database.js';

interface WordRow {
  number: number;
  network: string;
  did: string;
  kind: string;
  /** JSON. */
  addresses: string;
}

interface PlaceRow extends Omit<ToldPlace, 'place'> {
  place: Buffer;
  word: number;
}

/** What was told to the public swarm, in the catalog: a row a place, and one for each word. */
export class SqliteToldBook implements ToldBook {
  readonly #db: CatalogDatabase;
  readonly #sql: ReturnType<typeof prepare>;

  constructor(db: CatalogDatabase) {
    this.#db = db;
    this.#sql = prepare(db.sql);
  }

  told(network: string): (ToldPlace & { word: TellersWord })[] {
    const { words, places } = this.#sql;
    return this.#db.readTogether(() =>
      words.all(network).flatMap((row) => {
        const word = wordOf(row);
        if (word === undefined) return [];
        return places.all(row.number).map(({ recordedAtMs, providedAtMs, copies, ...one }) => {
          const place = one.place.toString('base64url');
          return { place, recordedAtMs, providedAtMs, copies, word };
        });
      }),
    );
  }

  async save({ word, told, forgotten }: Parameters<ToldBook['save']>[0]): Promise<void> {
    const { putWord, numberOf, put, drop } = this.#sql;
    const { network, did, kind } = word;
    const row = { network, did, kind, addresses: JSON.stringify(word.addresses) };
    await this.#db.write(() => {
      if (told.length > 0) putWord.run(row);
      const number = numberOf.get(row);
      for (const one of told) put.run({ ...one, place: bytesOf(one.place), word: number });
      for (const place of forgotten) drop.run(bytesOf(place));
    });
  }

  async tidy({ sinceMs, nowMs }: Parameters<ToldBook['tidy']>[0], most: number): Promise<void> {
    const { comeBack, dropOld, trim, dropWords } = this.#sql;
    await this.#db.write(() => {
      comeBack.run({ nowMs });
      dropOld.run(sinceMs);
      trim.run(most);
      dropWords.run();
    });
  }
}

function bytesOf(place: string): Buffer {
  return Buffer.from(place, 'base64url');
}

function wordOf({ network, did, kind: text, addresses: json }: WordRow): TellersWord | undefined {
  const kind = NODE_KINDS.find((one) => one === text);
  let addresses: unknown;
  try {
    addresses = JSON.parse(json);
  } catch {
    // It is told again.
    return undefined;
  }
  if (kind === undefined || !Array.isArray(addresses)) return undefined;
  return { network, did, kind, addresses: addresses.filter((one) => typeof one === 'string') };
}

function prepare(sql: Database.Database) {
  return {
    words: sql.prepare<[string], WordRow>('SELECT * FROM told_words WHERE network = ?'),
    putWord: sql.prepare<[Omit<WordRow, 'number'>]>(
      `INSERT OR IGNORE INTO told_words (network, did, kind, addresses)
       VALUES (@network, @did, @kind, @addresses)`,
    ),
    numberOf: sql
      .prepare<[Omit<WordRow, 'number'>], number>(
        `SELECT number FROM told_words
         WHERE network = @network AND did = @did AND kind = @kind AND addresses = @addresses`,
      )
      .pluck(),
    places: sql.prepare<[number], PlaceRow>(
      `SELECT place, recorded_at AS recordedAtMs, provided_at AS providedAtMs, copies
       FROM told_places WHERE word = ?`,
    ),
    put: sql.prepare(
      `INSERT OR REPLACE INTO told_places (place, word, recorded_at, provided_at, copies)
       VALUES (@place, @word, @recordedAtMs, @providedAtMs, @copies)`,
    ),
    drop: sql.prepare<[Buffer]>('DELETE FROM told_places WHERE place = ?'),
    comeBack: sql.prepare<[{ nowMs: number }]>(
      `UPDATE told_places SET recorded_at = min(recorded_at, @nowMs), provided_at = min(provided_at, @nowMs)
       WHERE max(recorded_at, provided_at) > @nowMs`,
    ),
    dropOld: sql.prepare<[number]>(
      'DELETE FROM told_places WHERE max(recorded_at, provided_at) < ?',
    ),
    trim: sql.prepare<[number]>(
      `DELETE FROM told_places WHERE place IN
         (SELECT place FROM told_places ORDER BY max(recorded_at, provided_at) DESC, place LIMIT -1 OFFSET ?)`,
    ),
    dropWords: sql.prepare(
      'DELETE FROM told_words WHERE number NOT IN (SELECT word FROM told_places)',
    ),
  };
}
