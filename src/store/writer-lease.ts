import { randomUUID } from 'node:crypto';
import { closeSync, existsSync, mkdirSync, openSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { systemCodeOf } from '../domain/errors.js';
import type { Sha256 } from '../domain/digest.js';

const LOCK = '.lock';
const PLACING = '.placing';
const ATTEMPTS = 5;

/** A lock that the operating system drops with the process that holds it, however that ends. */
export interface FileLock {
  release(): void;
}

/**
 * Takes an exclusive lock on a file, or answers undefined where somebody alive has it. It is
 * SQLite's own lock on an empty database: Node has no flock, and a process id in a file can be
 * another's by now. Nothing but SQLite may open the file, or the lock is lost.
 */
export function tryLock(path: string, create: boolean): FileLock | undefined {
  if (!create && !existsSync(path)) return undefined;
  const lock = new Database(path, { timeout: 0 });
  try {
    lock.pragma('journal_mode = MEMORY');
    lock.exec('BEGIN EXCLUSIVE');
    return { release: () => lock.close() };
  } catch (error) {
    lock.close();
    if (systemCodeOf(error)?.startsWith('SQLITE_BUSY') === true) return undefined;
    throw error;
  }
}

/** One writing store: its name, its temporary files, and the lock that says it lives. */
export class WriterLease {
  readonly #lockPath: string;
  readonly #lock: FileLock;
  #files = 0;

  private constructor(
    readonly id: string,
    readonly folder: string,
    lockPath: string,
    lock: FileLock,
  ) {
    this.#lockPath = lockPath;
    this.#lock = lock;
  }

  static take(writers: string): WriterLease {
    for (let attempt = 0; attempt < ATTEMPTS; attempt += 1) {
      const id = randomUUID();
      const lockPath = join(writers, id + LOCK);
      const lock = tryLock(lockPath, true);
      // A sweep in another process may have locked and removed the file before this one had it.
      if (lock !== undefined && existsSync(lockPath)) {
        mkdirSync(join(writers, id));
        return new WriterLease(id, join(writers, id), lockPath, lock);
      }
      lock?.release();
    }
    throw new Error(`no writer's lock could be taken in ${writers}`);
  }

  newFile(): string {
    this.#files += 1;
    return join(this.folder, String(this.#files));
  }

  /** Notes that a file is about to take its final name before the catalog knows it. */
  beginPlacing(sha256: Sha256): void {
    closeSync(openSync(join(this.folder, sha256 + PLACING), 'w'));
  }

  endPlacing(sha256: Sha256): void {
    rmSync(join(this.folder, sha256 + PLACING), { force: true });
  }

  /** Leaves nothing behind, but for a placing that could not be settled: the next sweep finds it. */
  release(): void {
    if (readdirSync(this.folder).some((file) => file.endsWith(PLACING))) {
      this.#lock.release();
      return;
    }
    rmSync(this.folder, { recursive: true, force: true });
    rmSync(this.#lockPath, { force: true });
    this.#lock.release();
  }
}

/** Whether a living process but this one holds a lease. */
export function otherWriters(writers: string, own: string): boolean {
  return readdirSync(writers)
    .filter((name) => name.endsWith(LOCK) && name !== own + LOCK)
    .some((name) => {
      const lock = tryLock(join(writers, name), false);
      lock?.release();
      return lock === undefined && existsSync(join(writers, name));
    });
}

/**
 * Clears up after writers that died. Their temporary files go; `settle` is told each one's id and the
 * blobs it was placing, and where it fails they are told again the next time.
 */
export function sweepDeadWriters(
  writers: string,
  settle: (id: string, placing: Sha256[]) => void,
): void {
  for (const name of readdirSync(writers)) {
    if (!name.endsWith(LOCK)) continue;
    const lockPath = join(writers, name);
    const lock = tryLock(lockPath, false);
    if (lock === undefined) continue;
    try {
      const id = name.slice(0, -LOCK.length);
      const folder = join(writers, id);
      const files = existsSync(folder) ? readdirSync(folder) : [];
      const placing = files.filter((file) => file.endsWith(PLACING));
      // First: on a full disk they are what the catalog needs the room of.
      for (const file of files) {
        if (!file.endsWith(PLACING)) rmSync(join(folder, file), { recursive: true, force: true });
      }
      settle(
        id,
        placing.map((file) => file.slice(0, -PLACING.length)),
      );
      rmSync(folder, { recursive: true, force: true });
      rmSync(lockPath, { force: true });
    } finally {
      lock.release();
    }
  }
}
