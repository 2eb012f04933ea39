import type Database from 'better-sqlite3';
import { BOUNDS } from '../domain/bounds.js';
import { disagreements, isDigest, type Digests, type Sha256 } from '../domain/digest.js';
import type { PublicArtifact, PublicRegister } from '../ports/public-artifacts.js';
import type { ReadableBlobs, StoredBlob } from '../ports/store.js';
import { key } from './blob-rows.js';
import type { CatalogDatabase } from './database.js';

interface Row {
  sha256: Buffer;
  sha512: Buffer | null;
}

type Change = { gained: readonly Digests[]; lost: readonly Digests[] };
type Listener = (change: Change) => void;

const PAGE_ROWS = 1_000;
/** What changes within so long is told together. */
const GATHER_MS = 50;

/**
 * Which digests are public: those of packages that a bundle names and does not call private, and those
 * that were noted here. What is private is looked for in neither place, so that nothing tells it from
 * what is not held. Bytes come from the store, or else from marked files.
 */
export class SqlitePublicArtifacts implements PublicRegister {
  readonly #db: CatalogDatabase;
  readonly #places: readonly ReadableBlobs[];
  readonly #sql: ReturnType<typeof prepare>;
  readonly #listeners = new Set<Listener>();
  readonly #changed = new Set<Sha256>();
  #gathering: NodeJS.Timeout | undefined;
  #noted: number | undefined;

  /** @param places where bytes are read, the first that has them. */
  constructor(db: CatalogDatabase, places: readonly ReadableBlobs[]) {
    this.#db = db;
    this.#places = places;
    this.#sql = prepare(db.sql);
  }

  find(digests: Digests): PublicArtifact | undefined {
    const row = this.#rowOf(digests);
    if (row === undefined) return undefined;
    const named = { sha256: row.sha256.toString('hex'), sha512: row.sha512?.toString('hex') };
    for (const blobs of this.#places) {
      const blob = blobs.stat(named.sha256);
      if (blob === undefined) continue;
      const all = { sha256: blob.sha256, sha512: blob.sha512 ?? named.sha512 };
      return disagreements(digests, all).length > 0 ? undefined : { digests: all, blob, blobs };
    }
    return undefined;
  }

  *all(): Generator<PublicArtifact> {
    const { notedAfter, namedAfter, noted } = this.#sql;
    for (const row of this.#pages(notedAfter)) yield* this.#held(row);
    for (const row of this.#pages(namedAfter)) {
      if (this.#db.read(() => noted.get(row.sha256)) === undefined) yield* this.#held(row);
    }
  }

  watch(listener: Listener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  async note({ sha256, sha512 }: Pick<StoredBlob, 'sha256' | 'sha512'>): Promise<void> {
    const digest = key(sha256);
    const known = this.#db.read(() => this.#sql.noted.get(digest));
    if (known !== undefined && (known.sha512 !== null || sha512 === undefined)) return;
    if (known === undefined && !this.#hasRoom()) return;
    await this.#db.write(() =>
      this.#sql.note.run(digest, sha512 === undefined ? null : key(sha512)),
    );
    if (known === undefined) this.#noted = this.#count() + 1;
    this.changed(sha256);
  }

  /** A blob came or went, or a mark did. */
  changed(sha256: Sha256): void {
    if (this.#listeners.size === 0) return;
    this.#changed.add(sha256);
    this.#gathering ??= setTimeout(() => this.#tell(), GATHER_MS).unref();
  }

  close(): void {
    clearTimeout(this.#gathering);
    this.#listeners.clear();
  }

  #tell(): void {
    this.#gathering = undefined;
    const gained: Digests[] = [];
    const lost: Digests[] = [];
    for (const sha256 of this.#changed) {
      const row = this.#rowOf({ sha256 });
      if (row === undefined) continue;
      const held = this.find({ sha256 });
      if (held !== undefined) gained.push(held.digests);
      else lost.push({ sha256, sha512: row.sha512?.toString('hex') });
    }
    this.#changed.clear();
    if (gained.length + lost.length === 0) return;
    for (const listener of this.#listeners) listener({ gained, lost });
  }

  #rowOf({ sha256, sha512 }: Digests): Row | undefined {
    const { noted, named, notedBySha512, namedBySha512 } = this.#sql;
    if (sha256 !== undefined) {
      if (!isDigest('sha256', sha256)) return undefined;
      const digest = key(sha256);
      return this.#db.read(() => noted.get(digest) ?? named.get(digest));
    }
    if (sha512 === undefined || !isDigest('sha512', sha512)) return undefined;
    const digest = key(sha512);
    return this.#db.read(() => notedBySha512.get(digest) ?? namedBySha512.get(digest));
  }

  *#held({ sha256 }: Row): Generator<PublicArtifact> {
    const artifact = this.find({ sha256: sha256.toString('hex') });
    if (artifact !== undefined) yield artifact;
  }

  *#pages(page: Database.Statement<[Buffer], Row>): Generator<Row> {
    let last: Buffer = Buffer.alloc(0);
    for (;;) {
      const from = last;
      const rows = this.#db.read(() => page.all(from));
      // Of bundles that name the same file one row is enough.
      for (const row of rows) {
        if (Buffer.compare(row.sha256, last) !== 0) yield row;
        last = row.sha256;
      }
      if (rows.length < PAGE_ROWS) return;
    }
  }

  #hasRoom(): boolean {
    if (this.#count() < BOUNDS.publicDigests) return true;
    this.#db.writeNow(() => this.#sql.forgetGone.run());
    this.#noted = undefined;
    return this.#count() < BOUNDS.publicDigests;
  }

  #count(): number {
    return (this.#noted ??= this.#db.read(() => this.#sql.count.get()) ?? 0);
  }
}

/** A private entry is in none of the indexes of public ones: looking for it is looking for nothing. */
const NAMED = `SELECT sha256, sha512 FROM entries WHERE private = 0 AND kind = 'package'`;

function prepare(sql: Database.Database) {
  return {
    noted: sql.prepare<[Buffer], Row>('SELECT * FROM public_digests WHERE sha256 = ?'),
    notedBySha512: sql.prepare<[Buffer], Row>('SELECT * FROM public_digests WHERE sha512 = ?'),
    named: sql.prepare<[Buffer], Row>(`${NAMED} AND sha256 = ? ORDER BY sha512 DESC LIMIT 1`),
    namedBySha512: sql.prepare<[Buffer], Row>(`${NAMED} AND sha512 = ? LIMIT 1`),
    notedAfter: sql.prepare<[Buffer], Row>(
      `SELECT * FROM public_digests WHERE sha256 > ? ORDER BY sha256 LIMIT ${PAGE_ROWS}`,
    ),
    namedAfter: sql.prepare<[Buffer], Row>(
      `${NAMED} AND sha256 > ? ORDER BY sha256 LIMIT ${PAGE_ROWS}`,
    ),
    note: sql.prepare<[Buffer, Buffer | null]>(
      `INSERT INTO public_digests (sha256, sha512) VALUES (?, ?)
       ON CONFLICT (sha256) DO UPDATE SET sha512 = coalesce(excluded.sha512, sha512)`,
    ),
    count: sql.prepare<[], number>('SELECT count(*) FROM public_digests').pluck(),
    forgetGone: sql.prepare(
      `DELETE FROM public_digests
       WHERE sha256 NOT IN (SELECT sha256 FROM blobs) AND sha256 NOT IN (SELECT sha256 FROM marked)`,
    ),
  };
}
