import { mkdir, open, stat, type FileHandle } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { messageOf, systemCodeOf, XError } from '../domain/errors.js';

/** What a medium answers that was pulled out. */
const GONE = new Set([
  'EIO',
  'ENODEV',
  'ENXIO',
  'ENOMEDIUM',
  'ESTALE',
  'EREMOTEIO',
  // The program that served its file system ended: how many a stick is mounted.
  'ENOTCONN',
  'ECONNABORTED',
]);

/** Whether a medium is no longer there: what is on it by then is worth continuing. */
export function isGone(thrown: unknown): boolean {
  return GONE.has(systemCodeOf(thrown) ?? '');
}

/**
 * A folder, and those above it, where they are missing. Node's own recursive mkdir never ends in a folder
 * that is there and in which none can be made, as below /proc.
 */
export async function makeFolder(path: string, mode = 0o777): Promise<void> {
  try {
    await mkdir(path, { mode });
  } catch (thrown) {
    if ((await stat(path).catch(() => undefined))?.isDirectory() === true) return;
    const parent = dirname(path);
    if (systemCodeOf(thrown) !== 'ENOENT' || parent === path) throw thrown;
    if ((await stat(parent).catch(() => undefined))?.isDirectory() === true) throw thrown;
    await makeFolder(parent, mode);
    await mkdir(path, { mode });
  }
}

/** The name under which a volume grows. */
export function partPath(path: string): string {
  return join(dirname(path), `.${basename(path)}.part`);
}

/** `length` bytes at `position`, fewer where the file ends. @param bytes memory to read them to. */
export async function readFully(
  file: FileHandle,
  position: number,
  length: number,
  bytes: Uint8Array = Buffer.allocUnsafe(length),
): Promise<Uint8Array> {
  let count = 0;
  while (count < length) {
    const { bytesRead } = await file.read(bytes, count, length - count, position + count);
    if (bytesRead === 0) break;
    count += bytesRead;
  }
  return bytes.subarray(0, count);
}

/** Writes all of `bytes` at `position`; a short write is continued, so that ENOSPC shows. */
export async function writeAll(
  file: FileHandle,
  bytes: Uint8Array,
  position: number,
): Promise<void> {
  let written = 0;
  while (written < bytes.length) {
    const { bytesWritten } = await file.write(
      bytes,
      written,
      bytes.length - written,
      position + written,
    );
    written += bytesWritten;
  }
}

/** A rename is durable when its folder is. Windows cannot open folders, and needs no such flush. */
export async function syncFolder(folder: string): Promise<void> {
  if (process.platform === 'win32') return;
  const handle = await open(folder, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** What a user is told of a write that failed. */
export function ofWriting(path: string, thrown: unknown): unknown {
  const code = systemCodeOf(thrown);
  if (thrown instanceof XError || code === undefined || code.startsWith('ERR_')) return thrown;
  if (code === 'ABORT_ERR') return thrown;
  if (code === 'ENOSPC' || code === 'EDQUOT' || code === 'EFBIG') {
    const hint =
      code === 'EFBIG'
        ? 'The file system takes no file this large: choose a smaller --volume-size.'
        : 'Make room and run the same command again: volumes that are whole are kept.';
    return new XError('DISK_FULL', `no room for ${path}`, { hint, cause: thrown });
  }
  if (isGone(thrown)) {
    return new XError(
      'IO_FAILED',
      `the medium of ${path} no longer answers: ${messageOf(thrown)}`,
      {
        hint: 'Put it in again and run the same command: it continues where it was.',
        cause: thrown,
      },
    );
  }
  return new XError('IO_FAILED', `cannot write ${path}: ${messageOf(thrown)}`, {
    hint: 'Check the folder and its permissions, and run the same command again.',
    cause: thrown,
  });
}
