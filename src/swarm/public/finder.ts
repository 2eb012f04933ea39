import type { Digests } from '../../domain/digest.js';
import type { Owner } from '../../network/events.js';

/** Finds who has an artifact: what is cached, records here, the walk, and the DHTs beside it. */
export interface Finder {
  /** Owners known without asking anybody. */
  known(digests: Digests): Owner[];
  /**
   * Looks for owners; resolves when nobody else will be found or the walk's deadline has passed. Walks
   * for the same artifact are one. Never called with digests of what is private.
   */
  find(
    digests: Digests,
    onFound: (owners: readonly Owner[]) => void,
    signal: AbortSignal,
  ): Promise<void>;
  /**
   * Looks for owners of what `find` will be asked for soon, so that it is asked for together. Resolves
   * long after that, or where the signal is given. Never called with digests of what is private.
   */
  expect(all: Iterable<Digests>, signal: AbortSignal): Promise<void>;
  /** It said that it does not have it, or lied about it: its record here and what was cached of it go. */
  forget(digests: Digests, owner: Owner['did']): void;
}

/** Tells the network what is held here. */
export interface Publisher {
  /** Public artifacts that came into the store, or were found in marked files. */
  held(artifacts: Iterable<Digests>): void;
  /** They are gone: nothing is told of them any more, and their records are taken back where that is cheap. */
  dropped(artifacts: Iterable<Digests>): void;
}
