import { BOUNDS } from '../../domain/bounds.js';
import type { Did } from '../../domain/bundle.js';
import { isLoopback } from '../addresses.js';

interface Place {
  did: Did;
  ip: string;
  group: string;
  /** When it carried something of ours last, or was opened. */
  usedAtMs: number;
}

/**
 * How many connections there may be, and which go. Each costs memory, whoever opened it: one address
 * and one network do not take all places, and those that carry nothing go first.
 * `now` is milliseconds of a clock that never goes back.
 */
export class NodeRoom {
  readonly #places = new Map<string, Place>();
  readonly #ofAddress = new Map<string, number>();
  readonly #ofGroup = new Map<string, number>();
  /** Whose handshake has not ended, by what they came over. */
  readonly #waiting = new Map<object, Pick<Place, 'ip' | 'group'>>();

  get size(): number {
    return this.#places.size;
  }

  /** Whether one more is let in. */
  admits({ ip, group }: Pick<Place, 'ip' | 'group'>): boolean {
    if (this.#places.size >= BOUNDS.swarmConnections) return false;
    // Whoever is on this machine has other ways to harm it.
    if (isLoopback(ip)) return true;
    return (
      (this.#ofAddress.get(ip) ?? 0) < BOUNDS.swarmConnectionsOfAddress &&
      (this.#ofGroup.get(group) ?? 0) < BOUNDS.swarmConnectionsOfGroup
    );
  }

  /**
   * Whether one more may begin its handshake. Only so many may do so at once, whoever they are: one
   * address that says nothing must not keep all others at the door.
   */
  begins(connection: object, { ip, group }: Pick<Place, 'ip' | 'group'>): boolean {
    if (!this.admits({ ip, group })) return false;
    if (isLoopback(ip)) return true;
    const waiting = [...this.#waiting.values()];
    const ofAddress = waiting.filter((one) => one.ip === ip).length;
    const ofGroup = waiting.filter((one) => one.group === group).length;
    if (ofAddress >= BOUNDS.swarmHandshakesOfAddress || ofGroup >= BOUNDS.swarmHandshakesOfGroup)
      return false;
    this.#waiting.set(connection, { ip, group });
    return true;
  }

  /** Its handshake has ended, one way or another. */
  ended(connection: object): void {
    this.#waiting.delete(connection);
  }

  opened(id: string, place: Omit<Place, 'usedAtMs'>, now: number): void {
    this.#places.set(id, { ...place, usedAtMs: now });
    count(this.#ofAddress, place.ip, 1);
    count(this.#ofGroup, place.group, 1);
  }

  closed(id: string): void {
    const place = this.#places.get(id);
    if (place === undefined) return;
    this.#places.delete(id);
    count(this.#ofAddress, place.ip, -1);
    count(this.#ofGroup, place.group, -1);
  }

  /** A stream of ours is open on it. */
  used(id: string, now: number): void {
    const place = this.#places.get(id);
    if (place !== undefined) place.usedAtMs = now;
  }

  /**
   * Connections to close now: the second ones to a node, those unused for long, and where there are
   * many, as many as are too many, the one used longest ago first.
   * @param kept Neighbours that this node wants to keep.
   */
  excess(kept: ReadonlySet<Did>, now: number): string[] {
    const leastUsed = [...this.#places]
      .filter(([, { usedAtMs }]) => usedAtMs < now)
      .sort(([, a], [, b]) => a.usedAtMs - b.usedAtMs);
    const seconds = this.#seconds(now);
    const over: string[] = [];
    for (const [id, { did, usedAtMs }] of leastUsed) {
      const isMany = this.#places.size - over.length > BOUNDS.swarmConnectionsAtEase;
      const isUnused = now - usedAtMs >= BOUNDS.swarmUnusedMs;
      if (seconds.has(id) || (!kept.has(did) && (isMany || isUnused))) over.push(id);
    }
    return over;
  }

  /** Of two connections to a node, those that carry nothing while another does. */
  #seconds(now: number): Set<string> {
    const inUse = new Set<Did>();
    for (const { did, usedAtMs } of this.#places.values()) if (usedAtMs >= now) inUse.add(did);
    const seconds = new Set<string>();
    for (const [id, { did, usedAtMs }] of this.#places) {
      const isIdle = now - usedAtMs >= BOUNDS.unusedInCrowdMs;
      if (isIdle && inUse.has(did)) seconds.add(id);
    }
    return seconds;
  }
}

function count(of: Map<string, number>, key: string, by: number): void {
  const left = (of.get(key) ?? 0) + by;
  if (left > 0) of.set(key, left);
  else of.delete(key);
}
