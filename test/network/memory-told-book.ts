import type { TellersWord, ToldPlace } from '../../src/domain/told-place.js';
import type { ToldBook } from '../../src/ports/told-book.js';

/** The told book where nothing is kept longer than a test or a simulation. */
export class MemoryToldBook implements ToldBook {
  readonly #places = new Map<string, ToldPlace & { word: TellersWord }>();

  told(network: string): (ToldPlace & { word: TellersWord })[] {
    return [...this.#places.values()].filter(({ word }) => word.network === network);
  }

  save({ word, told, forgotten }: Parameters<ToldBook['save']>[0]): Promise<void> {
    for (const one of told) this.#places.set(one.place, { ...one, word });
    for (const place of forgotten) this.#places.delete(place);
    return Promise.resolve();
  }

  tidy({ sinceMs, nowMs }: Parameters<ToldBook['tidy']>[0], most: number): Promise<void> {
    const atMs = (one: ToldPlace): number => Math.max(one.recordedAtMs, one.providedAtMs);
    for (const one of this.#places.values()) {
      if (atMs(one) <= nowMs) continue;
      const recordedAtMs = Math.min(one.recordedAtMs, nowMs);
      const providedAtMs = Math.min(one.providedAtMs, nowMs);
      this.#places.set(one.place, { ...one, recordedAtMs, providedAtMs });
    }
    const newest = [...this.#places.values()].sort((a, b) => atMs(b) - atMs(a));
    newest.forEach((one, i) => {
      if (i >= most || atMs(one) < sinceMs) this.#places.delete(one.place);
    });
    return Promise.resolve();
  }
}
