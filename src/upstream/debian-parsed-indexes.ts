import { randomUUID } from 'node:crypto';
import { mkdir, open, readdir, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import { BOUNDS } from '../domain/bounds.js';
import { isDigest } from '../domain/digest.js';
import { messageOf, systemCodeOf, XError } from '../domain/errors.js';
import type { ParsedIndexes } from '../ports/apt.js';

const CHECK_BYTES = 4;
/** Another process may be writing a younger one. */
const ABANDONED_MS = 3_600_000;

/**
 * Parsed Debian indexes in a folder, each in a file named by the digest of the index, its
 * CRC in front: it is this user's own, so only a torn or damaged one is to be told. A lost or torn file costs parsing anew and nothing else; those not used for longest go
 * when the folder is past its bound.
 */
export function openParsedIndexes(folder: string): ParsedIndexes {
  return {
    async load(indexSha256) {
      const path = join(folder, nameOf(indexSha256));
      try {
        await using handle = await open(path, 'r+');
        const { size } = await handle.stat();
        if (size < CHECK_BYTES || size > BOUNDS.parsedIndexBytes) return undefined;
        const bytes = Buffer.allocUnsafeSlow(size);
        const { bytesRead } = await handle.read(bytes, 0, size, 0);
        if (bytesRead < size) return undefined;
        const body = bytes.subarray(CHECK_BYTES);
        if (crc32(body) !== bytes.readUInt32LE(0)) return undefined;
        await handle.utimes(new Date(), new Date());
        return body;
      } catch (error) {
        if (systemCodeOf(error) === 'ENOENT') return undefined;
        throw failed('read', path, error);
      }
    },
    async save(indexSha256, parts) {
      const path = join(folder, nameOf(indexSha256));
      const torn = `${path}.${randomUUID()}.part`;
      try {
        await mkdir(folder, { recursive: true, mode: 0o700 });
        await prune(folder);
        try {
          await using handle = await open(torn, 'wx', 0o600);
          for (const part of [checkOf(parts), ...parts]) await handle.writeFile(part);
        } catch (error) {
          await rm(torn, { force: true });
          throw error;
        }
        await rename(torn, path);
      } catch (error) {
        throw failed('write', path, error);
      }
    },
  };
}

function checkOf(parts: readonly Uint8Array[]): Uint8Array {
  const check = Buffer.alloc(CHECK_BYTES);
  check.writeUInt32LE(parts.reduce((crc, part) => crc32(part, crc), 0));
  return check;
}

function nameOf(indexSha256: string): string {
  if (!isDigest('sha256', indexSha256)) throw new Error(`no digest: ${indexSha256}`);
  return indexSha256;
}

async function prune(folder: string): Promise<void> {
  const files: { path: string; bytes: number; usedMs: number }[] = [];
  for (const name of await readdir(folder)) {
    const path = join(folder, name);
    const found = await stat(path).catch((error: unknown) => {
      if (systemCodeOf(error) === 'ENOENT') return undefined;
      throw error;
    });
    if (found === undefined) continue;
    if (isDigest('sha256', name)) {
      files.push({ path, bytes: found.size, usedMs: found.mtimeMs });
    } else if (name.endsWith('.part') && Date.now() - found.mtimeMs > ABANDONED_MS) {
      await rm(path, { force: true });
    }
  }
  files.sort((a, b) => b.usedMs - a.usedMs);
  let bytes = 0;
  for (const file of files) {
    bytes += file.bytes;
    if (bytes > BOUNDS.parsedIndexesBytes) await rm(file.path, { force: true });
  }
}

function failed(verb: string, path: string, cause: unknown): XError {
  const isFull = systemCodeOf(cause) === 'ENOSPC';
  return new XError(
    isFull ? 'DISK_FULL' : 'IO_FAILED',
    `cannot ${verb} the parsed index ${path}: ${messageOf(cause)}`,
    { hint: 'The folder of parsed indexes may be removed at any time.', cause },
  );
}
