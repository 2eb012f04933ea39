import { BOUNDS } from '../domain/bounds.js';
import type { Did } from '../domain/bundle.js';
import { textOfPosition, type Position } from './position.js';
import type { Owner } from './events.js';

interface ProviderRecord {
  owner: Did;
  group: string;
  atMs: number;
}

export type RecordVerdict = 'kept' | 'refreshed' | 'refused';

/**
 * Who said to have what, for keys near this machine's place. Each owner speaks for itself alone (its
 * connection proves who it is), and nobody can check it here: so no owner, and no network, has more
 * than its part of the room, of one key and in all. `now` is milliseconds since 1970.
 */
export class ProviderRecords {
  readonly #keys = new Map<string, ProviderRecord[]>();
  readonly #ofOwner = new Map<Did, number>();
  readonly #ofGroup = new Map<string, number>();
  readonly #addresses = new Map<Did, readonly string[]>();
  #size = 0;

  get size(): number {
    return this.#size;
  }

  /** An owner, connected from `group`, says that it has this. */
  add(key: Position, { did, addresses, group }: Owner, now: number): RecordVerdict {
    const text = textOfPosition(key);
    const records = this.#keys.get(text) ?? [];
    const known = records.find(({ owner }) => owner === did);
    if (known !== undefined && known.group === group) {
      known.atMs = now;
      this.#addresses.set(did, addresses.slice(0, BOUNDS.announcedAddresses));
      return 'refreshed';
    }
    if (known !== undefined) this.#remove(text, known);
    if (!this.#hasRoom(text, did, group, now)) return 'refused';
    const kept = this.#keys.get(text) ?? [];
    kept.push({ owner: did, group, atMs: now });
    this.#keys.set(text, kept);
    count(this.#ofOwner, did, 1);
    count(this.#ofGroup, group, 1);
    this.#addresses.set(did, addresses.slice(0, BOUNDS.announcedAddresses));
    this.#size += 1;
    return 'kept';
  }

  /** It no longer has it, or was found not to. */
  withdraw(key: Position, owner: Did): void {
    const text = textOfPosition(key);
    const known = this.#keys.get(text)?.find((record) => record.owner === owner);
    if (known !== undefined) this.#remove(text, known);
  }

  /** Owners, the one heard of last first, few of one network. */
  owners(key: Position, limit: number, now: number): Owner[] {
    const records = this.#live(textOfPosition(key), now);
    const groups = new Map<string, number>();
    const chosen: Owner[] = [];
    for (const { owner, group } of [...records].sort((a, b) => b.atMs - a.atMs)) {
      if (chosen.length >= limit) break;
      if ((groups.get(group) ?? 0) >= BOUNDS.lookupOwnersOfGroup) continue;
      count(groups, group, 1);
      chosen.push({ did: owner, group, addresses: this.#addresses.get(owner) ?? [] });
    }
    return chosen;
  }

  /** How many copies there seem to be: one a network counts, for one person can have many names. */
  copies(key: Position, now: number): number {
    return new Set(this.#live(textOfPosition(key), now).map(({ group }) => group)).size;
  }

  /** Forgets what was not refreshed in time; how many records that were. */
  sweep(now: number): number {
    const before = this.#size;
    for (const text of [...this.#keys.keys()]) this.#live(text, now);
    return before - this.#size;
  }

  #live(text: string, now: number): readonly ProviderRecord[] {
    const records = this.#keys.get(text) ?? [];
    for (const record of records)
      if (record.atMs + BOUNDS.recordTtlMs <= now) this.#remove(text, record);
    return this.#keys.get(text) ?? [];
  }

  #hasRoom(text: string, did: Did, group: string, now: number): boolean {
    if ((this.#ofOwner.get(did) ?? 0) >= BOUNDS.recordsOfOwner) return false;
    if ((this.#ofGroup.get(group) ?? 0) >= BOUNDS.recordsOfGroup) return false;
    if (this.#size >= BOUNDS.records) return false;
    const records = this.#live(text, now);
    const ofGroup = records.filter((record) => record.group === group);
    if (ofGroup.length >= BOUNDS.recordsOfKeyAndGroup) return false;
    if (records.length < BOUNDS.recordsOfKey) return true;
    // A popular key is full: the newest word replaces the oldest of a network that has several.
    const counts = new Map<string, number>();
    for (const record of records) count(counts, record.group, 1);
    const several = records.filter((record) => (counts.get(record.group) ?? 0) > 1);
    const candidates = several.length > 0 ? several : ofGroup.length > 0 ? [] : records;
    const [oldest] = [...candidates].sort((a, b) => a.atMs - b.atMs);
    if (oldest === undefined) return false;
    this.#remove(text, oldest);
    return true;
  }

  #remove(text: string, record: ProviderRecord): void {
    const left = (this.#keys.get(text) ?? []).filter((other) => other !== record);
    if (left.length > 0) this.#keys.set(text, left);
    else this.#keys.delete(text);
    count(this.#ofOwner, record.owner, -1);
    count(this.#ofGroup, record.group, -1);
    if (!this.#ofOwner.has(record.owner)) this.#addresses.delete(record.owner);
    this.#size -= 1;
  }
}

function count<K>(counts: Map<K, number>, key: K, by: number): void {
  const left = (counts.get(key) ?? 0) + by;
  if (left > 0) counts.set(key, left);
  else counts.delete(key);
}
