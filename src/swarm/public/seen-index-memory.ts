import { LRUCache } from 'lru-cache';
import { BOUNDS } from '../../domain/bounds.js';
import type { Sha256 } from '../../domain/digest.js';
import type { SeenIndex, SeenIndexes } from '../../ports/seen-indexes.js';

/** Pages that this process read, so many bytes of them; the one used longest ago goes first. */
export class SeenIndexMemory implements SeenIndexes {
  readonly #pages = new LRUCache<Sha256, SeenIndex>({
    maxSize: BOUNDS.sharedIndexesBytes,
    sizeCalculation: ({ bytes }) => Math.max(1, bytes.length),
  });

  note(name: Sha256, page: SeenIndex): void {
    if (page.bytes.length <= BOUNDS.sharedIndexBytes) this.#pages.set(name, page);
  }

  get(name: Sha256): SeenIndex | undefined {
    return this.#pages.get(name);
  }
}
