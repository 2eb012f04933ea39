import type { FileHandle } from 'node:fs/promises';
import { RandomAccessReader } from 'yauzl';

const WINDOW_BYTES = 1 << 20;
/** So much memory for chunks stays with a reader. */
const FREE_CHUNKS = 8;

/**
 * A file read through a window of 1 MiB: a zip's directory is thousands of small neighbouring
 * headers, and a system call for each makes opening a large volume take seconds.
 */
export class WindowReader extends RandomAccessReader {
  readonly #file: FileHandle;
  #window: Buffer = Buffer.alloc(0);
  #start = 0;
  /** Memory for chunks that nobody reads to. */
  readonly #free: Uint8Array[] = [];

  constructor(file: FileHandle) {
    super();
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
    const mine: Uint8Array[] = [];
    const begin = (at: number): Promise<Uint8Array> => {
      // The chunk before the last one is used up.
      const memory = (mine.length === 2 && mine.shift()) || this.#take(end - start);
      mine.push(memory);
      return this.#readInto(memory, at, end);
    };
    if (start >= end) return;
    let reading = begin(start);
    try {
      for (let at = start; at < end;) {
        const chunk = await reading;
        if (chunk.length === 0) return;
        at += chunk.length;
        if (at < end) reading = begin(at);
        yield chunk;
      }
    } finally {
      // A caller that stops early leaves a read under way, which may fail.
      await reading.catch(() => undefined);
      this.#give(mine);
    }
  }

  async #readInto(memory: Uint8Array, start: number, end: number): Promise<Uint8Array> {
    const length = Math.min(memory.length, end - start);
    const { bytesRead } = await this.#file.read(memory, 0, length, start);
    return memory.subarray(0, bytesRead);
  }

  /** Memory for a chunk: what is shorter than one has its own. */
  #take(length: number): Uint8Array {
    if (length < WINDOW_BYTES) return Buffer.allocUnsafe(length);
    return this.#free.pop() ?? Buffer.allocUnsafeSlow(WINDOW_BYTES);
  }

  #give(memory: readonly Uint8Array[]): void {
    const whole = memory.filter(({ length }) => length === WINDOW_BYTES);
    this.#free.push(...whole.slice(0, FREE_CHUNKS - this.#free.length));
  }

  override close(callback: (error: Error | null) => void): void {
    this.#file.close().then(() => callback(null), callback);
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
