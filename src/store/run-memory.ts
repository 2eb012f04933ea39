import { BOUNDS } from '../domain/bounds.js';

/** Memory for runs that is used again; what is given back beyond a few is the collector's. */
export class RunMemory {
  readonly #lengthBytes: number;
  readonly #free: Uint8Array[] = [];

  constructor(lengthBytes: number) {
    this.#lengthBytes = lengthBytes;
  }

  take(): Uint8Array {
    return this.#free.pop() ?? Buffer.allocUnsafeSlow(this.#lengthBytes);
  }

  give(run: Uint8Array): void {
    if (this.#free.length < BOUNDS.freeRuns) this.#free.push(run);
  }
}
