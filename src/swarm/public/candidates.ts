import { BOUNDS } from '../../domain/bounds.js';

interface Candidate {
  address: string;
  group: string;
}

/**
 * Addresses that somebody named without saying who is there: by multicast, or in the BitTorrent DHT,
 * where anybody can write anything. Few wait, of one network fewer, and what was tried is not tried
 * again soon. A handshake proves the rest. `now` is milliseconds of a clock that never goes back.
 */
export class Candidates {
  readonly #waiting: Candidate[] = [];
  /** Address, and when it was taken to be tried. */
  readonly #tried = new Map<string, number>();
  readonly #triedOf = new Map<string, number>();

  get size(): number {
    return this.#waiting.length;
  }

  /** Whether it was taken. */
  add({ address, group }: Candidate, now: number): boolean {
    const triedAtMs = this.#tried.get(address);
    if (triedAtMs !== undefined && now - triedAtMs < BOUNDS.swarmCandidatePauseMs) return false;
    if (this.#waiting.some((other) => other.address === address)) return false;
    const ofGroup = this.#waiting.filter((other) => other.group === group);
    if (ofGroup.length >= BOUNDS.swarmCandidatesOfGroup) return false;
    if (this.#waiting.length >= BOUNDS.swarmCandidates) return false;
    this.#waiting.push({ address, group });
    return true;
  }

  /** The next to try, of another network each time: a crowd of one does not hold up the rest. */
  next(now: number): string | undefined {
    const lastOf = ({ group }: Candidate): number => this.#triedOf.get(group) ?? -Infinity;
    const [candidate] = [...this.#waiting].sort((a, b) =>
      lastOf(a) === lastOf(b) ? 0 : lastOf(a) < lastOf(b) ? -1 : 1,
    );
    if (candidate === undefined) return undefined;
    this.#waiting.splice(this.#waiting.indexOf(candidate), 1);
    note(this.#tried, candidate.address, now);
    note(this.#triedOf, candidate.group, now);
    return candidate.address;
  }
}

function note(map: Map<string, number>, key: string, now: number): void {
  map.delete(key);
  map.set(key, now);
  if (map.size <= 4 * BOUNDS.swarmCandidates) return;
  const [oldest] = map.keys();
  if (oldest !== undefined) map.delete(oldest);
}
