import { BOUNDS } from '../../domain/bounds.js';
import { messageOf } from '../../domain/errors.js';
import type { TellersWord, ToldPlace } from '../../domain/told-place.js';
import { NETWORK_POLICY as POLICY } from '../../network/policy.js';
import { isFoundThere, stillTold, type ToldAs } from '../../network/told-earlier.js';
import type { ToldBook } from '../../ports/told-book.js';

export interface ToldMemoryDeps {
  /** Undefined: nothing is remembered. */
  book: ToldBook | undefined;
  own: Omit<TellersWord, 'addresses'>;
  /** Those that this node states now. */
  addresses: () => readonly string[];
  /** Milliseconds since 1970 of a clock that never goes back. */
  now: () => number;
  warn: (message: string) => void;
  /** @see NETWORK_POLICY.addressesSettleMs; for tests. */
  settleMs?: number | undefined;
}

/**
 * What was told in earlier lives, and what the next is to know of this one. Written after it was told:
 * a process that dies in between tells twice. Forgotten before it is taken back: none says to have told
 * what it has not.
 */
export class ToldMemory {
  readonly #deps: ToldMemoryDeps;
  readonly #settledAtMs: number;
  /** Of earlier lives, until it is known whether the node is where it was; by place. */
  #earlier = new Map<string, ToldAs>();
  /** Remembered, and nothing of it is held, as far as is known. */
  #unclaimed = new Set<string>();
  #hasFailed = false;
  #writing: Promise<unknown> = Promise.resolve();

  constructor(deps: ToldMemoryDeps) {
    this.#deps = deps;
    this.#settledAtMs = deps.now() + (deps.settleMs ?? POLICY.addressesSettleMs);
    const all = deps.book?.told(deps.own.network) ?? [];
    this.#unclaimed = new Set(all.map(({ place }) => place));
    this.#earlier = stillTold(all, deps.own, deps.now());
  }

  /** What others know of this place from an earlier life; undefined: nothing. */
  recall(place: string): ToldPlace | undefined {
    this.#unclaimed.delete(place);
    return this.#earlier.get(place);
  }

  /** All that is held has been recalled: what else is remembered is told of no more. */
  async claimed(): Promise<void> {
    const forgotten = [...this.#unclaimed];
    this.#unclaimed.clear();
    for (const place of forgotten) this.#earlier.delete(place);
    const nowMs = this.#deps.now();
    await this.#attempt(async (book) => {
      await book.tidy({ sinceMs: nowMs - BOUNDS.recordTtlMs, nowMs }, BOUNDS.publications);
      if (forgotten.length > 0) await book.save({ word: this.#word(), told: [], forgotten });
    });
  }

  /**
   * Once, when the addresses have settled: the places of which others were told where this node is not
   * any more. They are to be told of anew.
   */
  moved(): string[] {
    if (this.#earlier.size === 0 || this.#deps.now() < this.#settledAtMs) return [];
    const stated = this.#deps.addresses();
    const verdicts = new Map<string, boolean>();
    const places = [...this.#earlier.values()].filter(({ word: { addresses } }) => {
      const told = addresses.join();
      const isThere = verdicts.get(told) ?? isFoundThere(addresses, stated);
      verdicts.set(told, isThere);
      return !isThere;
    });
    this.#earlier.clear();
    return places.map(({ place }) => place);
  }

  /** Of what is half of an earlier life nothing is written before it is known whether that holds. */
  async told(places: readonly ToldPlace[]): Promise<void> {
    const told = places.filter((one) => this.#isOfThisLife(one));
    for (const { place } of told) this.#earlier.delete(place);
    if (told.length === 0) return;
    await this.#attempt((book) => book.save({ word: this.#word(), told, forgotten: [] }));
  }

  /** @returns whether nothing says any more that these were told: they may be taken back then. */
  async forget(places: readonly string[]): Promise<boolean> {
    for (const place of places) this.#earlier.delete(place);
    return await this.#attempt((book) =>
      book.save({ word: this.#word(), told: [], forgotten: places }),
    );
  }

  #isOfThisLife({ place, recordedAtMs, providedAtMs }: ToldPlace): boolean {
    const earlier = this.#earlier.get(place);
    if (earlier === undefined) return true;
    const isOld = (atMs: number, before: number): boolean => atMs > 0 && atMs === before;
    return !isOld(recordedAtMs, earlier.recordedAtMs) && !isOld(providedAtMs, earlier.providedAtMs);
  }

  #word(): TellersWord {
    return { ...this.#deps.own, addresses: this.#deps.addresses() };
  }

  /** Resolves when all that was begun is written, or has failed. */
  async written(): Promise<void> {
    await this.#writing;
  }

  /** One after another, so that what is said last holds. */
  #attempt(work: (book: ToldBook) => Promise<void>): Promise<boolean> {
    const done = this.#writing.then(() => this.#write(work));
    this.#writing = done;
    return done;
  }

  async #write(work: (book: ToldBook) => Promise<void>): Promise<boolean> {
    const { book, warn } = this.#deps;
    try {
      if (book !== undefined) await work(book);
      return true;
    } catch (error) {
      // Said once: nothing is lost but time, for what is not written is told again.
      if (!this.#hasFailed)
        warn(`what was told to the swarm is not written down: ${messageOf(error)}`);
      this.#hasFailed = true;
      return false;
    }
  }
}
