import { hash } from 'node:crypto';
import { constants } from 'node:fs';
import { open, readdir, rename, rm, stat, statfs, type FileHandle } from 'node:fs/promises';
import { dirname } from 'node:path';
import { crc32 } from 'node:zlib';
import { messageOf, systemCodeOf, XError } from '../domain/errors.js';
import { openDirect } from './direct-file.js';
import { makeFolder, ofWriting, partPath, syncFolder, writeAll } from './file-io.js';
import { isFat } from './file-system.js';
import { reserve } from './reserve.js';
import { RunMemory } from './run-memory.js';
import { CHECKED_BYTES, type Medium, type MediumSpace, type ReadBack } from '../ports/volume.js';

const FAT_FILE_BYTES = 2 ** 32 - 1;

/** The file system that a folder is on, and what it holds in truth. */
export class LocalMedium implements Medium {
  async space(folder: string): Promise<MediumSpace> {
    const existing = await nearestFolder(folder);
    const { bsize, blocks, bavail } = await statfs(existing);
    return {
      // One that does not know how large it is says zero: that is no full one.
      freeBytes: blocks === 0 ? undefined : bavail * bsize,
      maxFileBytes: (await isFat(existing)) ? FAT_FILE_BYTES : undefined,
    };
  }

  /** @see Medium.reserve */
  reserve = reserve;

  async sizes(folder: string): Promise<Map<string, number>> {
    const sizes = new Map<string, number>();
    const names = await readdir(folder).catch((thrown: unknown) => {
      if (systemCodeOf(thrown) === 'ENOENT') return [];
      if (systemCodeOf(thrown) !== 'ENOTDIR') throw ofWriting(folder, thrown);
      throw new XError('USAGE', `${folder} is a file, or lies below one`, {
        hint: 'Name the folder to write to; it is made where it is missing.',
        cause: thrown,
      });
    });
    for (const name of names) {
      const status = await stat(`${folder}/${name}`).catch(() => undefined);
      if (status?.isFile() === true) sizes.set(name, status.size);
    }
    return sizes;
  }

  /** @see Medium.writeFile */
  async writeFile(path: string, chunks: AsyncIterable<Uint8Array>): Promise<void> {
    const part = partPath(path);
    try {
      await makeFolder(dirname(path));
      await rm(part, { force: true });
      const file = await open(part, 'wx');
      try {
        let at = 0;
        for await (const chunk of chunks) {
          await writeAll(file, chunk, at);
          at += chunk.length;
        }
        await file.sync();
      } finally {
        await file.close();
      }
      await rename(part, path);
      await syncFolder(dirname(path));
    } catch (thrown) {
      await rm(part, { force: true }).catch(() => undefined);
      throw ofWriting(path, thrown);
    }
  }

  /** @see Medium.readBack */
  async readBack(
    path: string,
    checks: readonly string[],
    read: ReadBack,
  ): Promise<'direct' | 'cached'> {
    try {
      const direct = await openDirect(path, constants.O_RDONLY);
      if (direct !== undefined && (await answers(direct))) {
        await compare(path, direct, checks, read);
        return 'direct';
      }
      await compare(path, await open(path, 'r'), checks, read);
      return 'cached';
    } catch (thrown) {
      if (thrown instanceof XError || read.signal?.aborted === true) throw thrown;
      throw new XError('VOLUME_DAMAGED', `${path} cannot be read back: ${messageOf(thrown)}`, {
        hint: 'Do not trust this medium: run the same command again, or take another one.',
        cause: thrown,
      });
    }
  }
}

/** Whether reads past the page cache do; closes the file where they do not. */
async function answers(file: FileHandle): Promise<boolean> {
  const memory = RunMemory.atPages();
  const whole = memory.take();
  try {
    await file.read(whole, 0, CHECKED_BYTES, 0);
    return true;
  } catch (thrown) {
    await file.close();
    if (systemCodeOf(thrown) === 'EINVAL') return false;
    throw thrown;
  } finally {
    memory.give({ whole });
  }
}

/** Reads the whole file, a run ahead, and closes it. */
async function compare(
  path: string,
  file: FileHandle,
  checks: readonly string[],
  { signal, onBytes }: ReadBack,
): Promise<void> {
  const memory = RunMemory.atPages();
  const runAt = async (at: number): Promise<{ whole: Uint8Array; bytes: Uint8Array }> => {
    const whole = memory.take();
    // At once: past the cache, a second read for what is behind the end would begin amid a block.
    const { bytesRead } = await file.read(whole, 0, CHECKED_BYTES, at);
    return { whole, bytes: whole.subarray(0, bytesRead) };
  };
  let reading = runAt(0);
  try {
    for (const [index, check] of checks.entries()) {
      signal?.throwIfAborted();
      const at = index * CHECKED_BYTES;
      const { whole, bytes } = await reading;
      if (index + 1 < checks.length) reading = runAt(at + CHECKED_BYTES);
      const holds = isSame(bytes, check);
      memory.give({ whole });
      if (!holds) throw differs(path, at);
      onBytes?.(bytes.length);
    }
  } finally {
    await reading.catch(() => undefined);
    await file.close();
  }
}

function isSame(bytes: Uint8Array, check: string): boolean {
  return check === (check.length === 64 ? hash('sha256', bytes) : crc32(bytes).toString(16));
}

function differs(path: string, at: number): XError {
  return new XError('VOLUME_DAMAGED', `${path} holds other bytes from ${at} on than were written`, {
    hint: 'The medium loses data: run the same command again, or take another one.',
  });
}

async function nearestFolder(folder: string): Promise<string> {
  for (let at = folder; ; at = dirname(at)) {
    const status = await stat(at).catch(() => undefined);
    if (status !== undefined || dirname(at) === at) return at;
  }
}
