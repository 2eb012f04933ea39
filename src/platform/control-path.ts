import { createHash } from 'node:crypto';
import { lstatSync, mkdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemCodeOf, XError } from '../domain/errors.js';

/** sun_path holds 104 bytes on macOS and 108 on Linux, the closing zero included. */
const MAX_SOCKET_PATH_BYTES = 103;

/**
 * Where a data folder's control socket goes: inside it, or where that path is too long for a socket,
 * in a folder of the user's own below the temporary one. On Windows a named pipe.
 * @throws XError IO_FAILED where that folder is somebody else's.
 */
export function controlPath(folder: string): string {
  if (process.platform === 'win32') return `\\\\.\\pipe\\x-${nameOf(folder)}`;
  const inside = join(folder, 'control.sock');
  if (Buffer.byteLength(inside) <= MAX_SOCKET_PATH_BYTES) return inside;
  return outsideControlPath(folder);
}

/** Where it goes when there is no room for it in the folder. @throws XError IO_FAILED. */
export function outsideControlPath(folder: string): string {
  return join(outsideFolder(folder), 's');
}

/**
 * A folder of this user alone, for what has no place in a data folder.
 * @throws XError IO_FAILED where it is somebody else's.
 */
export function outsideFolder(folder: string): string {
  const outside = outsideName(folder);
  mkdirSync(outside, { recursive: true, mode: 0o700 });
  if (isOurs(outside)) return outside;
  throw new XError('IO_FAILED', `${outside} is not a folder of this user alone`, {
    hint: 'Remove it, or choose a data folder with a shorter path.',
  });
}

/** The same where it is there and nobody else's. */
export function outsideIfThere(folder: string): string | undefined {
  const outside = outsideName(folder);
  return process.platform !== 'win32' && isOurs(outside) ? outside : undefined;
}

function isOurs(path: string): boolean {
  const found = lstatSync(path, { throwIfNoEntry: false });
  if (found === undefined || found.uid !== process.getuid?.()) return false;
  return (found.mode & 0o077) === 0 && found.isDirectory();
}

function outsideName(folder: string): string {
  return join(tmpdir(), `x-${nameOf(folder)}`);
}

export function isFull(thrown: unknown): boolean {
  return ['ENOSPC', 'EDQUOT'].includes(systemCodeOf(thrown) ?? '');
}

function nameOf(folder: string): string {
  return createHash('sha256').update(folder).digest('hex').slice(0, 24);
}
