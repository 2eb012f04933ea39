import { closeSync, fdatasyncSync, openSync, readFileSync, statSync } from 'node:fs';
import { open, type FileHandle } from 'node:fs/promises';
import Database from 'better-sqlite3';
import { BOUNDS } from '../domain/bounds.js';
import { systemCodeOf, XError } from '../domain/errors.js';
import type { Clock } from '../ports/clock.js';
import { asStoreError } from './disk-errors.js';
import type { Layout } from './layout.js';
import { migrate } from './migrations.js';

/** How long SQLite itself waits for another process: the event loop stands still meanwhile. */
const ATTEMPT_MS = 50;
/** How many writes share one transaction, and so one flush. */
const GROUP_WRITES = 4_096;

interface QueuedWrite {
  work: () => unknown;
  resolve: (value: never) => void;
  reject: (reason: unknown) => void;
}

/**
 * The catalog's SQLite connection. A commit is on disk before it is reported, so that what was
 * reported as held, and the versions that guard against rollback, survive a power cut and not only a
 * kill. SQLite itself would flush its log inside the commit (`synchronous` FULL), and the event loop
 * would stand still meanwhile: instead it is left to order its writes (NORMAL), and `write` flushes
 * the log afterwards, in the background. What that costs is shared: `write` gathers everything that
 * waits into one transaction.
 */
export class CatalogDatabase {
  readonly sql: Database.Database;
  /** Whether nothing can be written: there was no room to open the catalog as it lies on the disk. */
  readonly isReadOnly: boolean;
  readonly #folder: string;
  readonly #clock: Pick<Clock, 'monotonicMs' | 'sleep'>;
  readonly #hasLog: boolean;
  readonly #logPath: string;
  /** SQLite's log, for flushing it; there from the first write to the end. */
  #log: FileHandle | undefined;
  #queue: QueuedWrite[] = [];
  #draining: Promise<void> | undefined;

  constructor(layout: Layout, clock: Pick<Clock, 'monotonicMs' | 'sleep'>) {
    this.#folder = layout.folder;
    this.#logPath = `${layout.catalog}-wal`;
    this.#clock = clock;
    const opened = this.#open(layout);
    this.sql = opened.sql;
    this.#hasLog = opened.hasLog;
    this.isReadOnly = opened.isReadOnly;
  }

  #open(layout: Layout): { sql: Database.Database; hasLog: boolean; isReadOnly: boolean } {
    let sql: Database.Database | undefined;
    try {
      const file = new Database(layout.catalog, { timeout: ATTEMPT_MS });
      sql = file;
      const mode = this.#insist(() => file.pragma('journal_mode = WAL', { simple: true }));
      file.pragma('synchronous = FULL');
      file.pragma('foreign_keys = ON');
      file.pragma('cache_size = -8000');
      this.#insist(() => migrate(file, layout.catalog));
      // Where the file system allows no log there is none to flush.
      const hasLog = mode === 'wal';
      if (hasLog) file.pragma('synchronous = NORMAL');
      return { sql: file, hasLog, isReadOnly: false };
    } catch (error) {
      sql?.close();
      const copy = hasNoRoom(error) ? copyInMemory(layout.catalog) : undefined;
      if (copy === undefined) throw asStoreError(error, layout.folder);
      return { sql: copy, hasLog: false, isReadOnly: true };
    }
  }

  /** A read; tried again while another process recovers or truncates the log. */
  read<T>(work: () => T): T {
    return this.#insist(work);
  }

  /** Several reads of the same state, which take the file's locks once. */
  readTogether<T>(work: () => T): T {
    return this.#insist(() => this.sql.transaction(work)());
  }

  /** One transaction at once. Blocks while another process writes, at most BOUNDS.catalogBusyMs. */
  writeNow<T>(work: () => T): T {
    const result = this.#insist(() => this.sql.transaction(work).immediate());
    if (this.#hasLog) this.#flushLogNow();
    return result;
  }

  /**
   * Runs `work` in a transaction that it may share with others, and resolves when that is on disk.
   * `work` is synchronous and may run more than once.
   */
  write<T>(work: () => T): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      this.#queue.push({ work, resolve, reject });
      this.#draining ??= this.#drain();
    });
  }

  async close(): Promise<void> {
    await this.#draining;
    await this.#log?.close();
    this.sql.close();
  }

  async #drain(): Promise<void> {
    // One turn of the loop lets everything that is ready join the first group.
    await new Promise(setImmediate);
    while (this.#queue.length > 0) {
      const group = this.#queue.splice(0, GROUP_WRITES);
      await this.#commit(group);
    }
    this.#draining = undefined;
  }

  async #commit(group: readonly QueuedWrite[]): Promise<void> {
    let results: unknown[];
    try {
      results = await this.#whenFree(() =>
        this.sql.transaction(() => group.map(({ work }) => work())).immediate(),
      );
    } catch (error) {
      if (group.length > 1) {
        for (const one of group) await this.#commit([one]);
      } else group[0]?.reject(asStoreError(error, this.#folder));
      return;
    }
    try {
      if (this.#hasLog) await this.#flushLog();
      group.forEach(({ resolve }, at) => {
        resolve(results[at] as never);
      });
    } catch (error) {
      for (const { reject } of group) reject(asStoreError(error, this.#folder));
    }
  }

  async #flushLog(): Promise<void> {
    this.#log ??= await open(this.#logPath, 'r+');
    await this.#log.datasync();
  }

  #flushLogNow(): void {
    const log = openSync(this.#logPath, 'r+');
    try {
      fdatasyncSync(log);
    } finally {
      closeSync(log);
    }
  }

  /** Waits between attempts without blocking the event loop. */
  async #whenFree<T>(work: () => T): Promise<T> {
    const deadlineMs = this.#clock.monotonicMs() + BOUNDS.catalogBusyMs;
    for (;;) {
      try {
        return work();
      } catch (error) {
        if (!isBusy(error)) throw error;
        if (this.#clock.monotonicMs() >= deadlineMs) throw this.#locked(error);
        await this.#clock.sleep(ATTEMPT_MS / 5);
      }
    }
  }

  #insist<T>(work: () => T): T {
    const deadlineMs = this.#clock.monotonicMs() + BOUNDS.catalogBusyMs;
    for (;;) {
      try {
        return work();
      } catch (error) {
        if (!isBusy(error)) throw asStoreError(error, this.#folder);
        if (this.#clock.monotonicMs() >= deadlineMs) throw this.#locked(error);
      }
    }
  }

  #locked(cause: unknown): XError {
    const seconds = String(BOUNDS.catalogBusyMs / 1000);
    return new XError(
      'DATA_FOLDER_BUSY',
      `another process has kept the catalog in ${this.#folder} locked for ${seconds} s`,
      { hint: 'Try again when it is done.', cause },
    );
  }
}

/** Where SQLite's log lies beside a catalog that was closed, it needs 32 KiB to open it again. */
function hasNoRoom(thrown: unknown): boolean {
  const cause = thrown instanceof XError ? thrown.cause : thrown;
  return /^SQLITE_(?:FULL|IOERR_SHM\w*)$/.test(systemCodeOf(cause) ?? '');
}

/**
 * The catalog as it is, in memory, so that what is held is served from a disk without a free byte.
 * Undefined where that is not all of it: a process died over its log, or another x wrote it.
 */
function copyInMemory(catalog: string): Database.Database | undefined {
  const log = statSync(`${catalog}-wal`, { throwIfNoEntry: false });
  if (log !== undefined && log.size > 0) return undefined;
  const bytes = readFileSync(catalog);
  if (bytes.length < 100) return undefined;
  // Bytes 18 and 19 say that a log lies beside the file (https://sqlite.org/fileformat.html, 1.3.3).
  bytes.fill(1, 18, 20);
  const sql = new Database(bytes);
  try {
    migrate(sql, catalog);
    // What is written here would be lost: it is refused.
    sql.pragma('query_only = ON');
    return sql;
  } catch {
    // The first failure says why there is no catalog.
    sql.close();
    return undefined;
  }
}

function isBusy(thrown: unknown): boolean {
  return systemCodeOf(thrown)?.startsWith('SQLITE_BUSY') === true;
}
