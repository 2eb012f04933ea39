import { createHash } from 'node:crypto';
import { constants } from 'node:fs';
import { mkdir, open, readdir, rename, rm, stat, statfs, type FileHandle } from 'node:fs/promises';
import { dirname } from 'node:path';
import { crc32 } from 'node:zlib';
import { messageOf, systemCodeOf, XError } from '../domain/errors.js';
import { openDirect } from './direct-file.js';
import { ofWriting, partPath, readFully, syncFolder, writeAll } from './file-io.js';
import { CHECKED_BYTES, type Medium, type MediumSpace, type ReadBack } from '../ports/volume.js';

/** statfs types of file systems whose files end at 4 GiB less a byte. */
const FAT_TYPES = new Set([0x4d44]);
const FAT_FILE_BYTES = 2 ** 32 - 1;

/** Direct reads want memory at a multiple of this; Node says nothing of where a buffer lies, so it is tried. */
const ALIGNMENT = 4_096;
const SMALLEST_STEP = 16;

/** The file system that a folder is on, and what it holds in truth. */
export class LocalMedium implements Medium {
  async space(folder: string): Promise<MediumSpace> {
    const existing = await nearestFolder(folder);
    const { type, bsize, bavail } = await statfs(existing);
    const isFat = FAT_TYPES.has(Number(type));
    return { freeBytes: bavail * bsize, maxFileBytes: isFat ? FAT_FILE_BYTES : undefined };
  }

  async sizes(folder: string): Promise<Map<string, number>> {
    const sizes = new Map<string, number>();
    const names = await readdir(folder).catch((thrown: unknown) => {
      if (systemCodeOf(thrown) === 'ENOENT') return [];
      throw thrown;
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
      await mkdir(dirname(path), { recursive: true });
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
    const direct = await openDirect(path, constants.O_RDONLY);
    const file = direct ?? (await open(path, 'r'));
    try {
      const reader = direct && (await DirectReader.of(direct));
      for (const [index, check] of checks.entries()) {
        read.signal?.throwIfAborted();
        const at = index * CHECKED_BYTES;
        const bytes = reader ? await reader.read(at) : await readFully(file, at, CHECKED_BYTES);
        const isSame =
          check.length === 64
            ? createHash('sha256').update(bytes).digest('hex') === check
            : crc32(bytes).toString(16) === check;
        if (!isSame) throw differs(path, at);
        read.onBytes?.(bytes.length);
      }
      return reader ? 'direct' : 'cached';
    } catch (thrown) {
      if (thrown instanceof XError || read.signal?.aborted === true) throw thrown;
      throw new XError('VOLUME_DAMAGED', `${path} cannot be read back: ${messageOf(thrown)}`, {
        hint: 'Do not trust this medium: run the same command again, or take another one.',
        cause: thrown,
      });
    } finally {
      await file.close();
    }
  }
}

function differs(path: string, at: number): XError {
  return new XError('VOLUME_DAMAGED', `${path} holds other bytes from ${at} on than were written`, {
    hint: 'The medium loses data: run the same command again, or take another one.',
  });
}

/** Reads past the page cache: what it answers comes from the medium. */
class DirectReader {
  readonly #file: FileHandle;
  readonly #window: Buffer;

  private constructor(file: FileHandle, window: Buffer) {
    this.#file = file;
    this.#window = window;
  }

  /** Undefined where no buffer suits: the caller then reads through the cache, and says so. */
  static async of(file: FileHandle): Promise<DirectReader | undefined> {
    const memory = Buffer.allocUnsafeSlow(CHECKED_BYTES + ALIGNMENT);
    for (let shift = 0; shift < ALIGNMENT; shift += SMALLEST_STEP) {
      const window = memory.subarray(shift, shift + CHECKED_BYTES);
      try {
        await file.read(window, 0, CHECKED_BYTES, 0);
        return new DirectReader(file, window);
      } catch (thrown) {
        if (systemCodeOf(thrown) !== 'EINVAL') throw thrown;
      }
    }
    return undefined;
  }

  /** CHECKED_BYTES at a multiple of it, fewer at the end; valid until the next read. */
  async read(position: number): Promise<Uint8Array> {
    const { bytesRead } = await this.#file.read(this.#window, 0, CHECKED_BYTES, position);
    return this.#window.subarray(0, bytesRead);
  }
}

async function nearestFolder(folder: string): Promise<string> {
  for (let at = folder; ; at = dirname(at)) {
    const status = await stat(at).catch(() => undefined);
    if (status !== undefined || dirname(at) === at) return at;
  }
}
