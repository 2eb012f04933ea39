import { createHash } from 'node:crypto';
import { lstatSync, mkdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { XError } from '../domain/errors.js';

/** sun_path holds 104 bytes on macOS and 108 on Linux, the closing zero included. */
const MAX_SOCKET_PATH_BYTES = 103;

/**
 * Where a data folder's control socket goes: inside it, or where that path is too long for a socket,
 * in a folder of the user's own below the temporary one. On Windows a named pipe.
 * @throws XError IO_FAILED where that folder is somebody else's.
 */
export function controlPath(folder: string): string {
  const name = createHash('sha256').update(folder).digest('hex').slice(0, 24);
  if (process.platform === 'win32') return `\\\\.\\pipe\\x-${name}`;
  const inside = join(folder, 'control.sock');
  if (Buffer.byteLength(inside) <= MAX_SOCKET_PATH_BYTES) return inside;
  const outside = join(tmpdir(), `x-${name}`);
  mkdirSync(outside, { recursive: true, mode: 0o700 });
  const { uid, mode } = lstatSync(outside);
  const ours = uid === process.getuid?.() && (mode & 0o077) === 0 && (mode & 0o170000) === 0o040000;
  if (!ours) {
    throw new XError('IO_FAILED', `${outside} is not a folder of this user alone`, {
      hint: 'Remove it, or choose a data folder with a shorter path.',
    });
  }
  return join(outside, 's');
}
