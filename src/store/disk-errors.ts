import { statfsSync } from 'node:fs';
import Database from 'better-sqlite3';
import { messageOf, systemCodeOf, XError } from '../domain/errors.js';

/** SQLITE_READONLY: of a catalog that was opened without room for more than reading it. */
const FULL = new Set(['ENOSPC', 'EDQUOT', 'SQLITE_FULL', 'SQLITE_READONLY']);
/** SQLITE_ERROR too: the statements are fixed, so that the schema is not the one that was made. */
const DAMAGED = /^SQLITE_(?:CORRUPT\w*|NOTADB|ERROR|MISMATCH)$/;

/**
 * What a failed disk or database call means to a user: DISK_FULL with the sizes, STORE_DAMAGED for a
 * catalog that SQLite cannot read, IO_FAILED for other system errors. Anything else passes unchanged.
 */
export function asStoreError(thrown: unknown, folder: string, neededBytes?: number): unknown {
  if (thrown instanceof XError) return thrown;
  const code = systemCodeOf(thrown);
  if (code === undefined) return thrown;
  if (FULL.has(code)) return diskFull(thrown, folder, neededBytes);
  if (DAMAGED.test(code)) return catalogDamaged(`the catalog in ${folder}`, thrown);
  if (thrown instanceof Database.SqliteError || 'syscall' in (thrown as Error)) {
    return new XError('IO_FAILED', `the store in ${folder}: ${messageOf(thrown)}`, {
      hint: 'Check the disk, and who may write to the folder.',
      cause: thrown,
    });
  }
  return thrown;
}

/** @param what What is damaged, and where. */
export function catalogDamaged(what: string, cause: unknown): XError {
  return new XError('STORE_DAMAGED', `${what} is damaged: ${messageOf(cause)}`, {
    hint: 'Move the data folder aside, put its keys folder into a new one, and bring the bundles again (x client, x import; x source at a source).',
    cause,
  });
}

function diskFull(thrown: unknown, folder: string, neededBytes: number | undefined): XError {
  const needed = neededBytes === undefined ? '' : `, ${String(neededBytes)} bytes to write`;
  return new XError('DISK_FULL', `no space left in ${folder}: ${free(folder)} free${needed}`, {
    hint: 'Free some space, or choose another folder with --data; what is held already is kept.',
    cause: thrown,
  });
}

function free(folder: string): string {
  try {
    const { bavail, bsize } = statfsSync(folder);
    return `${String(bavail * bsize)} bytes`;
  } catch (error) {
    return `an unknown size (${messageOf(error)})`;
  }
}
