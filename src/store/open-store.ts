import { readdirSync } from 'node:fs';
import { setTimeout as wait } from 'node:timers/promises';
import { BOUNDS } from '../domain/bounds.js';
import { isDigest } from '../domain/digest.js';
import { XError } from '../domain/errors.js';
import type { Catalog } from '../ports/catalog.js';
import type { Clock } from '../ports/clock.js';
import type { ExportLog } from '../ports/export-log.js';
import type { NodeBook } from '../ports/node-book.js';
import type { MarkedFiles } from '../ports/marked-files.js';
import type { PublicRegister } from '../ports/public-artifacts.js';
import type { Store } from '../ports/store.js';
import type { ToldBook } from '../ports/told-book.js';
import { BlobRows } from './blob-rows.js';
import { DamagedRows } from './damaged-rows.js';
import { CatalogDatabase } from './database.js';
import { asStoreError } from './disk-errors.js';
import { DiskMarkedFiles, type LostMark } from './disk-marked-files.js';
import { DiskStore } from './disk-store.js';
import { FileDigester } from './file-digester.js';
import { Layout } from './layout.js';
import { OpenFiles } from './open-files.js';
import { PartialRows } from './partial-rows.js';
import { SqliteCatalog } from './sqlite-catalog.js';
import { SqliteExportLog } from './sqlite-export-log.js';
import { SqliteNodeBook } from './sqlite-node-book.js';
import { SqlitePublicArtifacts } from './sqlite-public-artifacts.js';
import { SqliteToldBook } from './sqlite-told-book.js';
import type { DirectFiles } from '../ports/direct-files.js';
import { lazyLease, removeFile, type Damage, type StoreContext } from './context.js';
import { settlePlacing } from './placing.js';
import { sweepDeadWriters } from './writer-lease.js';

export interface StoreOptions {
  /** The data folder; made where it is missing. */
  folder: string;
  clock?: Clock | undefined;
  /** For reading long blobs from the disk itself where they are gone through once. */
  direct?: DirectFiles | undefined;
  /** Told of every blob or piece that was held and turned out damaged; it is dropped by then. */
  onDamage?: ((damage: Damage) => void) | undefined;
  /** Told of every marked file that is not what it was; it is forgotten by then. */
  onLostMark?: ((lost: LostMark) => void) | undefined;
}

export interface OpenStore {
  store: Store;
  catalog: Catalog;
  exportLog: ExportLog;
  nodeBook: NodeBook;
  toldBook: ToldBook;
  marked: MarkedFiles;
  publicArtifacts: PublicRegister;
  /** Whether the disk had no room for opening it but to read. */
  isReadOnly: boolean;
  close(): Promise<void>;
}

const systemTime: Clock = {
  now: () => new Date(),
  monotonicMs: () => performance.now(),
  sleep: async (ms, signal) => {
    await wait(ms, undefined, signal === undefined ? {} : { signal });
  },
};

/**
 * Opens the store and the catalog of a data folder, and clears up after processes that died in it.
 * Several processes may have the same folder open.
 * @throws XError DISK_FULL, IO_FAILED, STORE_DAMAGED (the catalog itself), DATA_FOLDER_BUSY,
 *   RUNTIME_UNSUITED (a newer x made it).
 */
export async function openStore(options: StoreOptions): Promise<OpenStore> {
  const layout = new Layout(options.folder);
  const clock = options.clock ?? systemTime;
  try {
    layout.create();
  } catch (error) {
    throw asStoreError(error, options.folder);
  }
  const db = new CatalogDatabase(layout, clock);
  try {
    return await openOver(db, layout, { ...options, clock });
  } catch (error) {
    await db.close();
    throw asStoreError(error, options.folder);
  }
}

async function openOver(
  db: CatalogDatabase,
  layout: Layout,
  options: StoreOptions & { clock: Clock },
): Promise<OpenStore> {
  const rows = new BlobRows(db);
  const lease = lazyLease(layout);
  const context: StoreContext = {
    layout,
    db,
    rows,
    partials: new PartialRows(db, rows),
    damaged: new DamagedRows(db),
    files: new OpenFiles(BOUNDS.openFiles),
    digester: new FileDigester(),
    direct: options.direct,
    lease: lease.get,
    now: () => options.clock.now(),
    onDamage: options.onDamage ?? (() => undefined),
  };
  // Store and catalog share the connection: the last one to close takes it along.
  let users = 2;
  const leave = async (): Promise<void> => {
    users -= 1;
    if (users === 0) await db.close();
  };
  const letGo = async (): Promise<void> => {
    await context.files.close();
    await context.digester.close();
    lease.release();
  };
  const store = new DiskStore(
    context,
    once(async () => {
      await letGo();
      await leave();
    }),
  );
  const catalog = new SqliteCatalog(db, once(leave));
  const exportLog = new SqliteExportLog(db);
  const nodeBook = new SqliteNodeBook(db);
  const toldBook = new SqliteToldBook(db);
  const marked = new DiskMarkedFiles(db, (lost) => {
    publicArtifacts.changed(lost.sha256);
    options.onLostMark?.(lost);
  });
  const publicArtifacts = new SqlitePublicArtifacts(db, [store, marked]);
  rows.onChanged = (sha256) => publicArtifacts.changed(sha256);
  if (!db.isReadOnly) {
    try {
      sweep(context);
      await store.sweep();
    } catch (error) {
      // What is held can be read all the same; the next one to open clears up.
      if (!isFullDisk(error, options.folder)) {
        await letGo();
        throw error;
      }
    }
  }
  return {
    store,
    catalog,
    exportLog,
    nodeBook,
    toldBook,
    marked,
    publicArtifacts,
    isReadOnly: db.isReadOnly,
    close: async () => {
      publicArtifacts.close();
      catalog.close();
      await store.close();
    },
  };
}

function isFullDisk(error: unknown, folder: string): boolean {
  const known = asStoreError(error, folder);
  return known instanceof XError && known.code === 'DISK_FULL';
}

function sweep(context: StoreContext): void {
  const { db, layout } = context;
  const freePacks = db.sql.prepare('UPDATE packs SET writer = NULL WHERE writer = ?');
  const freeDownloads = db.sql.prepare('UPDATE downloads SET writer = NULL WHERE writer = ?');
  let dead = 0;
  sweepDeadWriters(layout.writers, (id, placing) => {
    dead += 1;
    for (const sha256 of placing) settlePlacing(context, sha256);
    db.writeNow(() => {
      freePacks.run(id);
      freeDownloads.run(id);
    });
  });
  if (dead > 0) dropUnmarkedPartials(context);
}

/**
 * Files that a killed process made for a first piece and had not marked yet. One that a living
 * process is about to mark may go too: it notices, and writes again.
 */
function dropUnmarkedPartials({ db, layout, partials }: StoreContext): void {
  db.writeNow(() => {
    for (const name of readdirSync(layout.partials)) {
      if (!isDigest('sha256', name) || partials.get(name) !== undefined) continue;
      removeFile(layout.partial(name));
    }
  });
}

function once(work: () => Promise<void>): () => Promise<void> {
  let done: Promise<void> | undefined;
  return () => (done ??= work());
}
