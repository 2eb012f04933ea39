import { MemoryDatastore } from 'datastore-core';
import { Key } from 'interface-datastore';
import { BOUNDS } from '../../domain/bounds.js';

/**
 * What libp2p remembers of peers, and its DHTs of records: in memory, so many of each kind. Where one
 * more comes the one written longest ago goes; libp2p itself has no bound.
 */
export class BoundedDatastore extends MemoryDatastore {
  /** By the first word of their names, the one written last stands last. */
  readonly #kinds = new Map<string, Set<string>>();

  get size(): number {
    return [...this.#kinds.values()].reduce((sum, keys) => sum + keys.size, 0);
  }

  override put(key: Key, value: Uint8Array, options?: { signal?: AbortSignal }): Key {
    if (value.length > BOUNDS.swarmStoredValueBytes) throw new Error('a value that is too long');
    const kind = key.list()[0] ?? '';
    const keys = this.#kinds.get(kind) ?? new Set<string>();
    this.#kinds.set(kind, keys);
    const name = key.toString();
    keys.delete(name);
    keys.add(name);
    const limit = kind === 'peers' ? BOUNDS.swarmStoredPeers : BOUNDS.swarmStoredValues;
    const [oldest] = keys;
    if (keys.size > limit && oldest !== undefined) this.delete(new Key(oldest));
    return super.put(key, value, options) as Key;
  }

  override delete(key: Key, options?: { signal?: AbortSignal }): void {
    this.#kinds.get(key.list()[0] ?? '')?.delete(key.toString());
    void super.delete(key, options);
  }
}
