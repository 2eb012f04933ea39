import { createHash } from 'node:crypto';
import { createReadStream, createWriteStream } from 'node:fs';
import { mkdir, open, readFile, rename, rm, stat } from 'node:fs/promises';
import { pipeline } from 'node:stream/promises';
import { systemCodeOf, XError } from '../domain/errors.js';
import type { CheckRuntimeDeps } from '../operations/check-runtime.js';

const CHUNK_BYTES = 1 << 20;

/** A file's length and digest. */
export async function measure(path: string): Promise<{ lengthBytes: number; sha256: string }> {
  const hash = createHash('sha256');
  const { size } = await stat(path);
  for await (const chunk of createReadStream(path, { highWaterMark: CHUNK_BYTES })) {
    hash.update(chunk as Uint8Array);
  }
  return { lengthBytes: size, sha256: hash.digest('hex') };
}

/** Copies a file and flushes it; the digest is that of what was copied. */
export async function copy(
  from: string,
  to: string,
): Promise<{ lengthBytes: number; sha256: string }> {
  await pipeline(
    createReadStream(from, { highWaterMark: CHUNK_BYTES }),
    createWriteStream(to, { flags: 'wx', flush: true }),
  );
  return await measure(to);
}

export async function writeSynced(path: string, bytes: Uint8Array): Promise<void> {
  const file = await open(path, 'wx');
  try {
    await file.writeFile(bytes);
    await file.sync();
  } finally {
    await file.close();
  }
}

export async function makeEmpty(folder: string): Promise<void> {
  await rm(folder, { recursive: true, force: true });
  await mkdir(folder, { mode: 0o700 });
}

export async function replaceFolder(folder: string, by: string): Promise<void> {
  await rm(folder, { recursive: true, force: true });
  await rename(by, folder);
}

export const checkRuntimeDeps: CheckRuntimeDeps = {
  measure,
  async readSmall(path, maxBytes) {
    try {
      const { size } = await stat(path);
      if (size > maxBytes) {
        throw new XError('LIMIT_EXCEEDED', `${path} has ${size} bytes; at most ${maxBytes} may be`);
      }
      return await readFile(path);
    } catch (thrown) {
      if (['ENOENT', 'ENOTDIR'].includes(systemCodeOf(thrown) ?? '')) return undefined;
      throw thrown;
    }
  },
};

export function readFileInChunks(path: string): AsyncIterable<Uint8Array> {
  return createReadStream(path, { highWaterMark: CHUNK_BYTES });
}
