import type { TellersWord, ToldPlace } from '../domain/told-place.js';

/**
 * What this machine told the public swarm of what it holds, so that its next life need not tell it
 * again. What is missing here is told once more, which harms nobody.
 */
export interface ToldBook {
  /** All that is remembered of this network, each with the word under which it was told last. */
  told(network: string): (ToldPlace & { word: TellersWord })[];
  /** All of it or nothing, and on disk when it resolves: the places that were told of as this one, and those to forget. */
  save(changes: {
    word: TellersWord;
    told: readonly ToldPlace[];
    forgotten: readonly string[];
  }): Promise<void>;
  /**
   * Of all networks: what was told at a time to come, by a clock that was set back since, was told now; what
   * was told last before `sinceMs` is forgotten, and of what is left the oldest over so many.
   */
  tidy(when: { sinceMs: number; nowMs: number }, most: number): Promise<void>;
}
