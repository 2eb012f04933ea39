import type { FileHandle } from 'node:fs/promises';
import { RandomAccessReader } from 'yauzl';

const WINDOW_BYTES = 1 << 20;

/**
 * A file read through a window of 1 MiB: a zip's directory is thousands of small neighbouring
 * headers, and a system call for each makes opening a large volume take seconds.
 */
export class WindowReader extends RandomAccessReader {
  readonly #file: FileHandle;
  #window: Buffer = Buffer.alloc(0);
  #start = 0;

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

  /** Bytes `start` to `end` (exclusive) in chunks, fewer where the file ends early. */
  async *range(start: number, end: number): AsyncIterable<Uint8Array> {
    let at = start;
    while (at < end) {
      const chunk = Buffer.allocUnsafe(Math.min(WINDOW_BYTES, end - at));
      const { bytesRead } = await this.#file.read(chunk, 0, chunk.length, at);
      if (bytesRead === 0) return;
      at += bytesRead;
      yield chunk.subarray(0, bytesRead);
    }
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
