import { constants } from 'node:fs';
import { open, type FileHandle } from 'node:fs/promises';
import { systemCodeOf } from '../domain/errors.js';
import { DIRECT_BLOCK_BYTES, type DirectFiles } from '../ports/direct-files.js';
import { writeAll } from './file-io.js';
import { isServed } from './file-system.js';
import { RunMemory } from './run-memory.js';

/** Writes of a file that the system is given at once: it does them one by one, each holding a thread. */
const LANES = 2;

/**
 * Opens a file for reads or writes past the page cache; undefined where the system or the file system
 * knows none (tmpfs, some network file systems).
 */
export async function openDirect(
  path: string,
  access: typeof constants.O_RDONLY | typeof constants.O_WRONLY,
): Promise<FileHandle | undefined> {
  const direct: number | undefined = constants.O_DIRECT;
  if (direct === undefined) return undefined;
  try {
    return await open(path, access | direct);
  } catch (thrown) {
    if (systemCodeOf(thrown) === 'EINVAL') return undefined;
    throw thrown;
  }
}

/** @see DirectFiles.openToWrite */
async function openToWrite(path: string): Promise<FileHandle | undefined> {
  // A program that serves a file system gets writes at once as it is, and may not know that two open
  // files are one: fusefat gives each clusters of its own.
  return (await isServed(path)) ? undefined : openDirect(path, constants.O_WRONLY);
}

/** For other files than volumes. */
export function localDirectFiles(): DirectFiles {
  const memory = RunMemory.atPages();
  return {
    open: (path) => openDirect(path, constants.O_RDONLY),
    openToWrite: (path) => openToWrite(path),
    take: () => memory.take(),
    give: (whole) => memory.give({ whole }),
  };
}

/**
 * Writes to an open file past the page cache, where that can be: what goes through it is copied once
 * more, drives out what others need, and waits there for the flush.
 */
export class DirectWriter {
  readonly #file: FileHandle;
  #direct: FileHandle | undefined;
  readonly #lanes: (Promise<void> | undefined)[] = [];
  #next = 0;

  private constructor(file: FileHandle, direct: FileHandle | undefined) {
    this.#file = file;
    this.#direct = direct;
  }

  /** @param file The same, opened for writing, for what cannot go past the cache. */
  static async of(path: string, file: FileHandle): Promise<DirectWriter> {
    return new DirectWriter(file, await openToWrite(path));
  }

  /** Answers how many bytes wait in the page cache because of it. */
  async write(bytes: Uint8Array, position: number): Promise<number> {
    const lane = this.#next;
    this.#next = (lane + 1) % LANES;
    const before = this.#lanes[lane];
    const work = Promise.resolve(before).then(() => this.#write(bytes, position));
    // Who waits behind it has no part in its failure.
    this.#lanes[lane] = work.then(
      () => undefined,
      () => undefined,
    );
    return await work;
  }

  async #write(bytes: Uint8Array, position: number): Promise<number> {
    const isAligned = [bytes.length, bytes.byteOffset, position].every(
      (number) => number % DIRECT_BLOCK_BYTES === 0,
    );
    if (isAligned && this.#direct !== undefined) {
      try {
        await writeAll(this.#direct, bytes, position);
        return 0;
      } catch (thrown) {
        // The medium asks for other alignment, or a short write left off amid a block.
        if (systemCodeOf(thrown) !== 'EINVAL') throw thrown;
      }
    }
    await writeAll(this.#file, bytes, position);
    return bytes.length;
  }

  async close(): Promise<void> {
    const direct = this.#direct;
    this.#direct = undefined;
    await direct?.close();
  }
}
