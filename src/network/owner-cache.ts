import { BOUNDS } from '../domain/bounds.js';
import type { Did } from '../domain/bundle.js';
import type { Owner } from './events.js';
import { textOfPosition, type Position } from './position.js';

interface Cached {
  owners: Owner[];
  untilMs: number;
}

/** Owners that were found, or proved themselves, a short while ago. */
export class OwnerCache {
  /** The one written last stands last. */
  readonly #keys = new Map<string, Cached>();

  get size(): number {
    return this.#keys.size;
  }

  owners(key: Position, now: number): readonly Owner[] {
    const text = textOfPosition(key);
    const cached = this.#keys.get(text);
    if (cached === undefined) return [];
    if (cached.untilMs > now) return cached.owners;
    this.#keys.delete(text);
    return [];
  }

  /** Adds owners; those that are known already stay as they are. */
  add(key: Position, owners: readonly Owner[], now: number): void {
    if (owners.length === 0) return;
    const known = this.owners(key, now);
    const dids = new Set(known.map(({ did }) => did));
    const fresh = owners.filter(({ did }) => !dids.has(did));
    const text = textOfPosition(key);
    this.#keys.delete(text);
    this.#keys.set(text, {
      owners: [...fresh, ...known].slice(0, BOUNDS.lookupAnswerOwners),
      untilMs: now + BOUNDS.cachedOwnersMs,
    });
    if (this.#keys.size <= BOUNDS.cachedLookups) return;
    const [oldest] = this.#keys.keys();
    if (oldest !== undefined) this.#keys.delete(oldest);
  }

  /** It did not have it after all, or is gone. */
  drop(key: Position, did: Did): void {
    const cached = this.#keys.get(textOfPosition(key));
    if (cached !== undefined) cached.owners = cached.owners.filter((owner) => owner.did !== did);
  }
}
