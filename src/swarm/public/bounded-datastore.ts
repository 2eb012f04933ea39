import { MemoryDatastore } from 'datastore-core';
import { Key, type Pair, type Query } from 'interface-datastore';
import { BOUNDS } from '../../domain/bounds.js';

/** Of libp2p's peer store. */
const PEERS = 'peers';

/**
 * What libp2p remembers of peers, and its DHTs of records: in memory, so many of each kind. Where one
 * more comes the one written longest ago goes; libp2p itself has no bound. What lies under one name is
 * found without looking at all else, for strangers ask for it.
 */
export class BoundedDatastore extends MemoryDatastore {
  /** By the first word of their names, the one written last stands last. */
  readonly #kinds = new Map<string, Set<string>>();
  /** By what stands before the last word. */
  readonly #children = new Map<string, Set<string>>();

  get size(): number {
    return [...this.#kinds.values()].reduce((sum, keys) => sum + keys.size, 0);
  }

  override put(key: Key, value: Uint8Array, options?: { signal?: AbortSignal }): Key {
    const name = key.toString();
    const kind = key.list()[0] ?? '';
    const tooLong = whatIsTooLong(name, value);
    // Of a peer what was known stays: libp2p writes it down while a stream is opened, and where that fails
    // the stream does, though others may say more addresses of a peer than fit.
    if (tooLong !== undefined && kind === PEERS) return key;
    if (tooLong !== undefined) throw new Error(`a ${tooLong} that is too long`);
    const siblings = setIn(this.#children, parentOf(name));
    if (isProviderOf(name) && !siblings.has(name) && siblings.size >= BOUNDS.recordsOfKey)
      return key;
    // A copy: of a few bytes out of a pool or a message the whole would stay in memory.
    void super.put(key, new Uint8Array(value), options);
    siblings.add(name);
    const keys = setIn(this.#kinds, kind);
    keys.delete(name);
    keys.add(name);
    const limit = kind === PEERS ? BOUNDS.swarmStoredPeers : BOUNDS.swarmStoredValues;
    const [oldest] = keys;
    if (keys.size > limit && oldest !== undefined) this.delete(new Key(oldest));
    return key;
  }

  override delete(key: Key, options?: { signal?: AbortSignal }): void {
    const name = key.toString();
    this.#kinds.get(key.list()[0] ?? '')?.delete(name);
    const parent = parentOf(name);
    const siblings = this.#children.get(parent);
    siblings?.delete(name);
    if (siblings?.size === 0) this.#children.delete(parent);
    void super.delete(key, options);
  }

  override *_all(query: Query, options?: { signal?: AbortSignal }): Generator<Pair> {
    const parent = query.prefix?.replace(/\/$/, '') ?? '';
    const under = this.#children.get(parent);
    // Deeper than any that has others below it: there is nothing.
    if (under === undefined && parent.split('/').length > 3) return;
    for (const name of under ?? []) {
      const value = this.get(new Key(name), options) as Uint8Array;
      yield { key: new Key(name), value };
    }
    if (under === undefined) yield* super._all(query, options) as Generator<Pair>;
  }
}

function whatIsTooLong(name: string, value: Uint8Array): 'name' | 'value' | undefined {
  // Of who has what a stranger chooses the key, and it is the name here.
  if (name.length > BOUNDS.swarmStoredNameChars) return 'name';
  return value.length > BOUNDS.swarmStoredValueBytes ? 'value' : undefined;
}

function parentOf(name: string): string {
  return name.slice(0, name.lastIndexOf('/'));
}

/** `/PREFIX/provider/KEY/PEER`, as kad-dht names them. */
function isProviderOf(name: string): boolean {
  return name.split('/')[2] === 'provider';
}

function setIn(map: Map<string, Set<string>>, key: string): Set<string> {
  let set = map.get(key);
  if (set === undefined) map.set(key, (set = new Set()));
  return set;
}
