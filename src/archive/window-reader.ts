import { constants } from 'node:fs';
import type { FileHandle } from 'node:fs/promises';
import { RandomAccessReader } from 'yauzl';
import { systemCodeOf } from '../domain/errors.js';
import { DIRECT_BLOCK_BYTES } from '../ports/direct-files.js';
import { openDirect } from './direct-file.js';
import { RunMemory } from './run-memory.js';

const WINDOW_BYTES = 1 << 20;

/**
 * A file read through a window of 1 MiB: a zip's directory is thousands of small neighbouring
 * headers, and a system call for each makes opening a large volume take seconds.
 */
export class WindowReader extends RandomAccessReader {
  readonly #file: FileHandle;
  #window: Buffer = Buffer.alloc(0);
  #start = 0;
  readonly #path: string;
  /** The same file, for reads past the page cache; opened when the first long entry is read. */
  #direct: Promise<FileHandle | undefined> | undefined;

  constructor(path: string, file: FileHandle) {
    super();
    this.#path = path;
    this.#file = file;
  }

  override read(
    buffer: Buffer,
    offset: number,
    length: number,
    position: number,
    callback: (error: Error | null) => void,
  ): void {
    this.#fill(length, position).then(
      () => {
        const at = position - this.#start;
        const count = this.#window.copy(buffer, offset, at, at + length);
        callback(count === length ? null : new Error('the file ends early'));
      },
      (error: unknown) => callback(error instanceof Error ? error : new Error(String(error))),
    );
  }

  /**
   * Bytes `start` to `end` (exclusive) in chunks, fewer where the file ends early. One is read ahead,
   * and a chunk has been used up when the next one is asked for.
   */
  async *range(start: number, end: number): AsyncIterable<Uint8Array> {
    if (end - start < WINDOW_BYTES) {
      const bytes = Buffer.allocUnsafe(Math.max(0, end - start));
      const { bytesRead } = await this.#file.read(bytes, 0, bytes.length, start);
      if (bytesRead > 0) yield bytes.subarray(0, bytesRead);
      return;
    }
    this.#direct ??= openDirect(this.#path, constants.O_RDONLY);
    const direct = await this.#direct;
    const memory = RunMemory.atPages();
    const mine = [memory.take(), memory.take()];
    const read = (at: number): Promise<Uint8Array> => {
      // The chunk before the last one is used up.
      mine.reverse();
      const window = this.#readAligned(mine[0] as Uint8Array, at, end, direct);
      // Its turn comes to be awaited; until then a failure is not unhandled.
      window.catch(() => undefined);
      return window;
    };
    let reading = read(start);
    try {
      for (let at = start; at < end;) {
        const chunk = await reading;
        if (chunk.length === 0) return;
        at += chunk.length;
        if (at < end) reading = read(at);
        yield chunk;
      }
    } finally {
      // A caller that stops early leaves a read under way, which may fail.
      await reading.catch(() => undefined);
      for (const whole of mine) memory.give({ whole });
    }
  }

  /** From `start` to where a window ends that begins at a block: long entries go past the page cache. */
  async #readAligned(
    window: Uint8Array,
    start: number,
    end: number,
    direct: FileHandle | undefined,
  ): Promise<Uint8Array> {
    const before = start % DIRECT_BLOCK_BYTES;
    const at = start - before;
    const { bytesRead } = await readEither(direct, this.#file, window, at);
    return window.subarray(before, Math.max(before, Math.min(bytesRead, end - at)));
  }

  override close(callback: (error: Error | null) => void): void {
    const close = async (): Promise<void> => {
      await (await this.#direct?.catch(() => undefined))?.close();
      await this.#file.close();
    };
    close().then(() => callback(null), callback);
  }

  async #fill(length: number, position: number): Promise<void> {
    const isInside =
      position >= this.#start && position + length <= this.#start + this.#window.length;
    if (isInside) return;
    const window = Buffer.allocUnsafe(Math.max(WINDOW_BYTES, length));
    const { bytesRead } = await this.#file.read(window, 0, window.length, position);
    this.#window = window.subarray(0, bytesRead);
    this.#start = position;
  }
}

async function readEither(
  direct: FileHandle | undefined,
  cached: FileHandle,
  bytes: Uint8Array,
  position: number,
): Promise<{ bytesRead: number }> {
  if (direct === undefined) return await cached.read(bytes, 0, bytes.length, position);
  try {
    return await direct.read(bytes, 0, bytes.length, position);
  } catch (thrown) {
    if (systemCodeOf(thrown) !== 'EINVAL') throw thrown;
    return await cached.read(bytes, 0, bytes.length, position);
  }
}
