import { blocksAtPages } from '../domain/page-memory.js';
import { CHECKED_BYTES } from '../ports/volume.js';

/** So many runs begin at a page of memory, in the whole process. */
const AT_PAGES = 24;

let atPages: Uint8Array[] | undefined;
let pages: ArrayBufferLike | undefined;

/** What reading and writing past the page cache asks for. */
function freeAtPages(): Uint8Array[] {
  if (atPages !== undefined) return atPages;
  atPages = blocksAtPages(AT_PAGES, CHECKED_BYTES, { shared: false });
  pages = atPages[0]?.buffer;
  return atPages;
}

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

  /** Runs that begin at a page, as long as there are any: others are not so quick, but as good. */
  static atPages(): RunMemory {
    return new RunMemory(freeAtPages());
  }

  take(): Uint8Array {
    return this.#free.pop() ?? Buffer.allocUnsafeSlow(CHECKED_BYTES);
  }

  /** Its bytes are not to be looked at any more. */
  give({ whole }: { whole: Uint8Array }): void {
    if (whole.buffer === pages || this.#free !== atPages) this.#free.push(whole);
  }
}
