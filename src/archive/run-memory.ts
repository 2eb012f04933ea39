import { CHECKED_BYTES } from '../ports/volume.js';

/** Node has it; its types do not say so. */
declare const WebAssembly: {
  Memory: new (size: { initial: number }) => { buffer: ArrayBuffer };
};

/** WebAssembly counts memory in these. */
const WASM_PAGE_BYTES = 64 << 10;

/**
 * Memory for runs of CHECKED_BYTES, used again when one is given back: fresh memory costs more than
 * what is done with it.
 */
export class RunMemory {
  readonly #free: Uint8Array[];

  private constructor(free: Uint8Array[]) {
    this.#free = free;
  }

  /** For runs that are kept by who gets them. */
  static plain(): RunMemory {
    return new RunMemory([]);
  }

  /**
   * The first `count` runs begin at a page of memory, as writing past the page cache asks for. Node
   * says nothing of where a buffer lies; the memory of a WebAssembly module begins at a page.
   */
  static atPages(count: number): RunMemory {
    const { buffer } = new WebAssembly.Memory({
      initial: (count * CHECKED_BYTES) / WASM_PAGE_BYTES,
    });
    const run = (at: number): Uint8Array =>
      new Uint8Array(buffer, at * CHECKED_BYTES, CHECKED_BYTES);
    return new RunMemory(Array.from({ length: count }, (_, at) => run(at)));
  }

  take(): Uint8Array {
    return this.#free.pop() ?? Buffer.allocUnsafeSlow(CHECKED_BYTES);
  }

  /** Its bytes are not to be looked at any more. */
  give({ whole }: { whole: Uint8Array }): void {
    this.#free.push(whole);
  }
}
