import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { messageOf, systemCodeOf, XError } from '../domain/errors.js';
import type { Clock } from '../ports/clock.js';
import { systemClock } from './clock.js';
import { isFull, outsideFolder, outsideIfThere } from './control-path.js';

const LOCK = 'resident.lock';
const HOLDER = 'resident.json';
/** Others look at the lock for a moment to see whether it is held: a busy one is tried again. */
const ATTEMPTS = 5;
const RETRY_MS = 40;

/** The process that lives in a data folder. */
export interface Resident {
  pid: number;
  /** When the process began, ISO 8601. */
  startedAt: string;
  /** `source`, `client`, `node`, `gateway`. */
  role: string;
  /** Where it answers, once it does. */
  control?: string | undefined;
}

export interface ResidentLock {
  readonly resident: Resident;
  /** Tells other processes where to ask. */
  announceControl(path: string): void;
  release(): void;
}

/**
 * Makes this process the one resident of a data folder. The lock is the operating system's, taken
 * through SQLite on an empty file (Node has no flock): it goes with the process, however that ends,
 * so there is no stale one to judge. A file beside it says who holds it.
 * @throws XError DATA_FOLDER_BUSY naming process and role.
 */
export async function acquireLock(
  folder: string,
  role: string,
  clock: Clock = systemClock,
): Promise<ResidentLock> {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  for (let attempt = 1; ; attempt += 1) {
    const lock = tryLock(folder);
    if (lock !== undefined) return held(folder, role, clock, lock);
    if (attempt === ATTEMPTS) throw busy(folder);
    await clock.sleep(RETRY_MS);
  }
}

/** Who lives in a data folder now; undefined where nobody does. */
export function residentOf(folder: string): Resident | undefined {
  const resident = readResident(folder);
  if (resident === undefined) return undefined;
  const lock = tryLock(folder);
  lock?.close();
  return lock === undefined ? resident : undefined;
}

function tryLock(folder: string): Database.Database | undefined {
  const path = join(folder, LOCK);
  let lock: Database.Database;
  try {
    lock = new Database(path, { timeout: 0 });
  } catch (error) {
    throw new XError('IO_FAILED', `${path} cannot be opened: ${messageOf(error)}`, {
      hint: 'Check who may write to the data folder.',
      cause: error,
    });
  }
  try {
    lock.pragma('journal_mode = MEMORY');
    lock.exec('BEGIN EXCLUSIVE');
    return lock;
  } catch (error) {
    lock.close();
    if (systemCodeOf(error)?.startsWith('SQLITE_BUSY') === true) return undefined;
    throw error;
  }
}

function held(folder: string, role: string, clock: Clock, lock: Database.Database): ResidentLock {
  const startedAt = new Date(clock.now().getTime() - process.uptime() * 1000).toISOString();
  const resident: Resident = { pid: process.pid, startedAt, role };
  writeResident(folder, resident);
  return {
    resident,
    announceControl: (path) => {
      resident.control = path;
      writeResident(folder, resident);
    },
    release: () => {
      if (!lock.open) return;
      for (const path of holderPaths(folder)) rmSync(path, { force: true });
      lock.close();
    },
  };
}

/**
 * Replaced in one step, so that a reader sees one state or the other. On a disk without a free byte it
 * lies outside; where there is no room there either, others see that the folder is in use, not by whom.
 */
function writeResident(folder: string, resident: Resident): void {
  const text = JSON.stringify(resident);
  if (isWritten(join(folder, HOLDER), text) || process.platform === 'win32') return;
  isWritten(join(outsideFolder(folder), HOLDER), text);
}

/** Whether there was room for it. */
function isWritten(path: string, text: string): boolean {
  try {
    writeFileSync(`${path}.new`, text, { mode: 0o600 });
    renameSync(`${path}.new`, path);
    return true;
  } catch (error) {
    if (!isFull(error)) throw error;
    rmSync(`${path}.new`, { force: true });
    // What lies there is a dead process's.
    rmSync(path, { force: true });
    return false;
  }
}

function readResident(folder: string): Resident | undefined {
  for (const path of holderPaths(folder)) {
    try {
      const value: unknown = JSON.parse(readFileSync(path, 'utf8'));
      if (isResident(value)) return value;
    } catch (error) {
      if (systemCodeOf(error) !== 'ENOENT' && !(error instanceof SyntaxError)) throw error;
    }
  }
  return undefined;
}

/** Where it may lie. */
function holderPaths(folder: string): string[] {
  const outside = outsideIfThere(folder);
  return [folder, ...(outside === undefined ? [] : [outside])].map((at) => join(at, HOLDER));
}

function isResident(value: unknown): value is Resident {
  if (typeof value !== 'object' || value === null) return false;
  const { pid, startedAt, role, control } = value as Partial<Record<keyof Resident, unknown>>;
  return (
    Number.isSafeInteger(pid) &&
    typeof startedAt === 'string' &&
    typeof role === 'string' &&
    (control === undefined || typeof control === 'string')
  );
}

function busy(folder: string): XError {
  const resident = readResident(folder);
  const who =
    resident === undefined
      ? 'another process'
      : `x ${resident.role} (process ${String(resident.pid)}, since ${resident.startedAt})`;
  return new XError('DATA_FOLDER_BUSY', `the data folder ${folder} is in use by ${who}`, {
    hint: 'Stop that process, or choose another folder with --data.',
  });
}
