import { closeSync, fsyncSync, openSync } from 'node:fs';
import { open, type FileHandle } from 'node:fs/promises';
import { partsOf, type PieceBytes } from '../domain/piece.js';

/** Makes new and renamed names in a folder survive a power cut. */
export async function syncFolder(path: string): Promise<void> {
  // Windows cannot flush a folder; NTFS keeps names in its journal.
  if (process.platform === 'win32') return;
  const folder = await open(path, 'r');
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}

/** The same within a transaction, which cannot wait. */
export function syncFolderNow(path: string): void {
  if (process.platform === 'win32') return;
  const folder = openSync(path, 'r');
  try {
    fsyncSync(folder);
  } finally {
    closeSync(folder);
  }
}

/** What one call to the system takes at most (IOV_MAX of POSIX systems in use). */
const VECTORS = 1_024;

/** Writes all of `bytes` at `position`; a short write is continued, so that ENOSPC shows. */
export async function writeAll(
  file: FileHandle,
  bytes: PieceBytes,
  position: number,
): Promise<void> {
  let rest = partsOf(bytes).filter((part) => part.length > 0);
  let at = position;
  while (rest.length > 0) {
    const some = rest.length > VECTORS ? rest.slice(0, VECTORS) : rest;
    const { bytesWritten } = await file.writev(some, at);
    at += bytesWritten;
    rest = without(rest, bytesWritten);
  }
}

/** What is left of `parts` without their first `length` bytes. */
function without(parts: readonly Uint8Array[], length: number): Uint8Array[] {
  let skipped = 0;
  let first = 0;
  for (const part of parts) {
    if (skipped + part.length > length) break;
    skipped += part.length;
    first += 1;
  }
  const [cut, ...others] = parts.slice(first);
  return cut === undefined ? [] : [cut.subarray(length - skipped), ...others];
}

/** Reads `length` bytes at `position`, or undefined where the file ends before. */
export async function readExactly(
  file: FileHandle,
  position: number,
  length: number,
  into?: Uint8Array,
): Promise<Uint8Array | undefined> {
  const bytes = await readUpTo(file, position, length, into);
  return bytes.length === length ? bytes : undefined;
}

/** Reads `length` bytes at `position`, or fewer where the file ends before. @param bytes where to. */
export async function readUpTo(
  file: FileHandle,
  position: number,
  length: number,
  bytes: Uint8Array = Buffer.allocUnsafe(length),
): Promise<Uint8Array> {
  let read = 0;
  while (read < length) {
    const { bytesRead } = await file.read(bytes, read, length - read, position + read);
    if (bytesRead === 0) break;
    read += bytesRead;
  }
  return bytes.subarray(0, read);
}
