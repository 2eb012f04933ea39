import type Database from 'better-sqlite3';
import { BOUNDS } from '../domain/bounds.js';
import type { BundleEntry, Did, Manifest, PieceEntry } from '../domain/bundle.js';
import { isDigest, type Sha256 } from '../domain/digest.js';
import { XError } from '../domain/errors.js';
import type { EcosystemName } from '../domain/plan.js';
import type {
  BundleRecord,
  BundleRole,
  Catalog,
  CatalogEntry,
  MetadataFiles,
} from '../ports/catalog.js';
import type { PackagePage, PackageQuery, Wish } from '../ports/insight.js';
import { key } from './blob-rows.js';
import type { CatalogDatabase } from './database.js';
import {
  ENTRY_COLUMNS,
  entryOf,
  entryValues,
  pieceEntryOf,
  type EntryRow,
  type PieceRow,
} from './entry-rows.js';
import { PackageSearch } from './package-search.js';
import { WishRows } from './wish-rows.js';

/** Rows a page. An SQLite cursor left open would keep the connection from writing, so walks page. */
const PAGE_ROWS = 1_000;

interface BundleRow {
  number: number;
  id: string;
  name: string;
  source: string;
  role: string;
  version: number;
  manifest_digest: string;
  signed_at: string;
  expires_at: string;
  grace_days: number;
  entries: number;
  bytes: number;
}

interface JoinedRow extends EntryRow {
  bundle_id: string;
  bundle_name: string;
}

const JOINED = `SELECT entries.*, bundles.id AS bundle_id, bundles.name AS bundle_name
  FROM entries JOIN bundles ON bundles.number = entries.bundle`;

/** Bundles, their entries and metadata, pins and small values, in SQLite. */
export class SqliteCatalog implements Catalog {
  readonly #db: CatalogDatabase;
  readonly #closed: () => Promise<void>;
  readonly #sql: Statements;
  readonly #wishes: WishRows;
  readonly #search: PackageSearch;
  /** Bundles saved and removed over this connection; others' writes are counted by SQLite. */
  #changes = 0;
  #othersChanges = { seenMs: -Infinity, count: 0 };

  constructor(db: CatalogDatabase, closed: () => Promise<void>) {
    this.#db = db;
    this.#closed = closed;
    this.#sql = prepare(db.sql);
    this.#wishes = new WishRows(db);
    this.#search = new PackageSearch(db);
  }

  saveBundle(manifest: Manifest, role: BundleRole, metadata: MetadataFiles): BundleRecord {
    this.#changes++;
    return this.#db.writeNow(() => this.#save(manifest, role, metadata));
  }

  replaceBundle(
    held: MetadataFiles,
    manifest: Manifest,
    role: BundleRole,
    metadata: MetadataFiles,
  ): BundleRecord | undefined {
    this.#changes++;
    return this.#db.writeNow(() => {
      const rows = this.#sql.metadata.all(idOf(manifest));
      const isHeld =
        rows.length === held.size && rows.every(({ file, bytes }) => isSame(bytes, held.get(file)));
      return isHeld ? this.#save(manifest, role, metadata) : undefined;
    });
  }

  bundles(): BundleRecord[] {
    return this.#db.read(() => this.#sql.bundles.all()).map(recordOf);
  }

  bundle(id: string): BundleRecord | undefined {
    const row = this.#bundleRow(id);
    return row && recordOf(row);
  }

  metadata(bundleId: string): MetadataFiles {
    const rows = this.#db.read(() => this.#sql.metadata.all(bundleId));
    return new Map(rows.map(({ file, bytes }) => [file, bytes]));
  }

  *entries(bundleId: string): Generator<BundleEntry> {
    for (const row of this.#walk(bundleId, '')) yield entryOf(row);
  }

  *pieceEntries(bundleId: string): Generator<PieceEntry> {
    const { piecesAfter } = this.#sql;
    for (const row of this.#pages(bundleId, '', piecesAfter, piecesAfter)) yield pieceEntryOf(row);
  }

  entryByPath(bundleId: string, path: string): CatalogEntry | undefined {
    const row = this.#db.read(() => this.#sql.byPath.get(bundleId, path));
    return row && catalogEntry(row);
  }

  *entriesByPrefix(bundleId: string, prefix: string): Generator<CatalogEntry> {
    for (const row of this.#walk(bundleId, prefix)) {
      if (!row.path.startsWith(prefix)) return;
      yield catalogEntry(row);
    }
  }

  conflicts(limit: number): CatalogEntry[][] {
    const rows = this.#db.read(() => this.#sql.conflicts.all(limit)).map(catalogEntry);
    return [...Map.groupBy(rows, ({ path }) => path).values()];
  }

  entriesByName(ecosystem: EcosystemName, name: string): CatalogEntry[] {
    return this.#db.read(() => this.#sql.byName.all(ecosystem, name)).map(catalogEntry);
  }

  entriesBySha256(sha256: Sha256): CatalogEntry[] {
    if (!isDigest('sha256', sha256)) return [];
    return this.#db.read(() => this.#sql.bySha256.all(key(sha256))).map(catalogEntry);
  }

  *names(ecosystem: EcosystemName): Generator<string> {
    let last = '';
    for (;;) {
      const from = last;
      const page = this.#db.read(() => this.#sql.names.all(ecosystem, from));
      for (const { name } of page) yield name;
      const end = page.at(-1);
      if (end === undefined) return;
      last = end.name;
    }
  }

  privateNames(ecosystem: EcosystemName): string[] {
    return this.#db.read(() => this.#sql.privateNames.all(ecosystem));
  }

  search(query: PackageQuery): PackagePage {
    return this.#search.search(query);
  }

  addWish(wish: { ecosystem: EcosystemName; name: string; at: string }): Promise<void> {
    return this.#wishes.add(wish);
  }

  wishes(): Wish[] {
    return this.#wishes.all();
  }

  clearWishes(): void {
    this.#wishes.clear();
  }

  removeBundle(id: string): void {
    this.#changes++;
    this.#db.writeNow(() => this.#sql.removeBundle.run(id));
  }

  generation(): string {
    // https://sqlite.org/pragma.html#pragma_data_version: another number after commits of other
    // connections. Asking takes a lock, 20 microseconds, so not every time.
    const nowMs = performance.now();
    if (nowMs - this.#othersChanges.seenMs >= BOUNDS.catalogNoticeMs) {
      const count = this.#db.read(() => this.#sql.dataVersion.get()) ?? 0;
      this.#othersChanges = { seenMs: nowMs, count };
    }
    return `${String(this.#othersChanges.count)}.${String(this.#changes)}`;
  }

  pinnedSources(): { did: Did; firstSeen: string; how: string }[] {
    return this.#db.read(() => this.#sql.pins.all());
  }

  pinSource(did: Did, how: string, at: string): void {
    this.#db.writeNow(() => this.#sql.pin.run(did, at, how));
  }

  getValue(name: string): string | undefined {
    return this.#db.read(() => this.#sql.getValue.get(name))?.value;
  }

  setValue(name: string, value: string): void {
    this.#db.writeNow(() => this.#sql.setValue.run(name, value));
  }

  check(): string[] {
    const rows = this.#db.read(
      () => this.#db.sql.pragma('quick_check(20)') as { quick_check: string }[],
    );
    return rows.map((row) => row.quick_check).filter((text) => text !== 'ok');
  }

  close(): void {
    void this.#closed();
  }

  /** Within a transaction. */
  #save(manifest: Manifest, role: BundleRole, metadata: MetadataFiles): BundleRecord {
    const row = this.#sql.saveBundle.get(rowValues(manifest, role)) as BundleRow;
    this.#sql.clearEntries.run(row.number);
    this.#sql.clearMetadata.run(row.number);
    for (const entry of manifest.entries) {
      this.#sql.insertEntry.run(...entryValues(row.number, entry));
    }
    for (const [file, content] of metadata) {
      this.#sql.insertMetadata.run(row.number, file, content);
    }
    return recordOf(row);
  }

  #bundleRow(id: string): BundleRow | undefined {
    return this.#db.read(() => this.#sql.bundle.get(id));
  }

  /** Rows from a path on, in path order, a page at a time. */
  #walk(bundleId: string, path: string): Generator<JoinedRow> {
    return this.#pages(bundleId, path, this.#sql.from, this.#sql.after);
  }

  *#pages<Row extends { path: string }>(
    bundleId: string,
    path: string,
    from: Database.Statement<[number, string], Row>,
    after: Database.Statement<[number, string], Row>,
  ): Generator<Row> {
    const bundle = this.#bundleRow(bundleId);
    if (bundle === undefined) return;
    let page = this.#db.read(() => from.all(bundle.number, path));
    for (;;) {
      yield* page;
      const end = page.at(-1);
      if (end === undefined || page.length < PAGE_ROWS) return;
      if (this.#bundleRow(bundleId)?.manifest_digest !== bundle.manifest_digest) {
        throw new XError('INCOMPLETE', `bundle ${bundleId} was replaced while it was being read`, {
          hint: 'Run the command again.',
        });
      }
      page = this.#db.read(() => after.all(bundle.number, end.path));
    }
  }
}

function isSame(bytes: Buffer, held: Uint8Array | undefined): boolean {
  return held !== undefined && bytes.equals(held);
}

function idOf({ bundle, source }: Manifest): string {
  return `${bundle}@${source}`;
}

function rowValues(manifest: Manifest, role: BundleRole): Omit<BundleRow, 'number'> {
  return {
    id: idOf(manifest),
    name: manifest.bundle,
    source: manifest.source,
    role,
    version: manifest.version,
    manifest_digest: manifest.digest,
    signed_at: manifest.signedAt,
    expires_at: manifest.expiresAt,
    grace_days: manifest.graceDays,
    entries: manifest.entries.length,
    bytes: manifest.entries.reduce((sum, entry) => sum + entry.lengthBytes, 0),
  };
}

interface Statements {
  saveBundle: Database.Statement;
  clearEntries: Database.Statement<[number]>;
  clearMetadata: Database.Statement<[number]>;
  insertEntry: Database.Statement;
  insertMetadata: Database.Statement<[number, string, Uint8Array]>;
  bundles: Database.Statement<[], BundleRow>;
  bundle: Database.Statement<[string], BundleRow>;
  metadata: Database.Statement<[string], { file: string; bytes: Buffer }>;
  byPath: Database.Statement<[string, string], JoinedRow>;
  byName: Database.Statement<[string, string], JoinedRow>;
  bySha256: Database.Statement<[Buffer], JoinedRow>;
  conflicts: Database.Statement<[number], JoinedRow>;
  from: Database.Statement<[number, string], JoinedRow>;
  after: Database.Statement<[number, string], JoinedRow>;
  piecesAfter: Database.Statement<[number, string], PieceRow>;
  names: Database.Statement<[string, string], { name: string }>;
  privateNames: Database.Statement<[string], string>;
  removeBundle: Database.Statement<[string]>;
  pins: Database.Statement<[], { did: string; firstSeen: string; how: string }>;
  pin: Database.Statement<[string, string, string]>;
  dataVersion: Database.Statement<[], number>;
  getValue: Database.Statement<[string], { value: string }>;
  setValue: Database.Statement<[string, string]>;
}

function prepare(sql: Database.Database): Statements {
  const page = `ORDER BY path LIMIT ${String(PAGE_ROWS)}`;
  return {
    saveBundle: sql.prepare(
      `INSERT INTO bundles (id, name, source, role, version, manifest_digest, signed_at,
         expires_at, grace_days, entries, bytes)
       VALUES (@id, @name, @source, @role, @version, @manifest_digest, @signed_at,
         @expires_at, @grace_days, @entries, @bytes)
       ON CONFLICT (id) DO UPDATE SET role = excluded.role, version = excluded.version,
         manifest_digest = excluded.manifest_digest, signed_at = excluded.signed_at,
         expires_at = excluded.expires_at, grace_days = excluded.grace_days,
         entries = excluded.entries, bytes = excluded.bytes
       RETURNING *`,
    ),
    clearEntries: sql.prepare('DELETE FROM entries WHERE bundle = ?'),
    clearMetadata: sql.prepare('DELETE FROM metadata WHERE bundle = ?'),
    insertEntry: sql.prepare(
      `INSERT INTO entries (${ENTRY_COLUMNS.join(', ')})
       VALUES (${ENTRY_COLUMNS.map(() => '?').join(', ')})`,
    ),
    insertMetadata: sql.prepare('INSERT INTO metadata (bundle, file, bytes) VALUES (?, ?, ?)'),
    bundles: sql.prepare('SELECT * FROM bundles ORDER BY number'),
    bundle: sql.prepare('SELECT * FROM bundles WHERE id = ?'),
    metadata: sql.prepare(
      `SELECT file, metadata.bytes FROM metadata JOIN bundles ON bundles.number = metadata.bundle
       WHERE bundles.id = ? ORDER BY file`,
    ),
    byPath: sql.prepare(`${JOINED} WHERE bundles.id = ? AND entries.path = ?`),
    byName: sql.prepare(
      `${JOINED} WHERE entries.ecosystem = ? AND entries.name = ? ORDER BY entries.bundle, path`,
    ),
    bySha256: sql.prepare(`${JOINED} WHERE entries.sha256 = ? ORDER BY entries.bundle, path`),
    // Not Debian's: apt has a repository a bundle.
    conflicts: sql.prepare(
      `WITH disputed AS (
         SELECT path FROM entries JOIN bundles ON bundles.number = entries.bundle
         WHERE kind = 'package' AND ecosystem <> 'debian' GROUP BY path
         HAVING count(DISTINCT sha256) > 1 AND count(DISTINCT source) > 1 ORDER BY path LIMIT ?)
       SELECT entries.*, bundles.id AS bundle_id, bundles.name AS bundle_name
       FROM disputed CROSS JOIN bundles
       JOIN entries ON entries.bundle = bundles.number AND entries.path = disputed.path
       ORDER BY entries.path, entries.bundle`,
    ),
    from: sql.prepare(`${JOINED} WHERE entries.bundle = ? AND path >= ? ${page}`),
    after: sql.prepare(`${JOINED} WHERE entries.bundle = ? AND path > ? ${page}`),
    piecesAfter: sql.prepare(
      `SELECT path, length, sha256, sha512, piece_root FROM entries WHERE bundle = ? AND path > ? ${page}`,
    ),
    names: sql.prepare(
      `SELECT DISTINCT name FROM entries
       WHERE ecosystem = ? AND name > ? AND kind = 'package'
       ORDER BY name LIMIT ${String(PAGE_ROWS)}`,
    ),
    privateNames: sql
      .prepare<[string], string>(
        `SELECT DISTINCT name FROM entries
         WHERE ecosystem = ? AND private = 1 AND name IS NOT NULL ORDER BY name`,
      )
      .pluck(),
    removeBundle: sql.prepare('DELETE FROM bundles WHERE id = ?'),
    pins: sql.prepare(
      'SELECT did, first_seen AS firstSeen, how FROM pins ORDER BY first_seen, did',
    ),
    pin: sql.prepare(
      'INSERT INTO pins (did, first_seen, how) VALUES (?, ?, ?) ON CONFLICT (did) DO NOTHING',
    ),
    dataVersion: sql.prepare<[], number>('PRAGMA data_version').pluck(),
    getValue: sql.prepare('SELECT value FROM settings WHERE key = ?'),
    setValue: sql.prepare(
      `INSERT INTO settings (key, value) VALUES (?, ?)
       ON CONFLICT (key) DO UPDATE SET value = excluded.value`,
    ),
  };
}

function recordOf(row: BundleRow): BundleRecord {
  return {
    id: row.id,
    name: row.name,
    source: row.source,
    role: row.role as BundleRole,
    version: row.version,
    manifestDigest: row.manifest_digest,
    signedAt: row.signed_at,
    expiresAt: row.expires_at,
    graceDays: row.grace_days,
    entries: row.entries,
    bytes: row.bytes,
  };
}

function catalogEntry(row: JoinedRow): CatalogEntry {
  return { ...entryOf(row), bundleId: row.bundle_id, bundleName: row.bundle_name };
}
