import { BOUNDS } from '../domain/bounds.js';
import type { Sha256 } from '../domain/digest.js';
import type { Random } from '../ports/random.js';
import { NETWORK_POLICY as POLICY } from './policy.js';

/** One artifact that a node holds for the swarm. */
export interface KeptArtifact {
  sha256: Sha256;
  lengthBytes: number;
  /** How often it was asked for of late (`Demand`). */
  demand: number;
  /** Copies that there seem to be, this one counted; at least 1. */
  copies: number;
  /** A bundle has it, or a person said so: it never goes. */
  isPinned: boolean;
}

/** An artifact that too few have, as far as records here say. */
export interface ScarceArtifact {
  /** Or another name, where the index gives no sha256: it comes back as it is. */
  sha256: Sha256;
  lengthBytes: number;
  demand: number;
  /** Without this node. */
  copies: number;
  /** How many known packages require it. */
  dependents: number;
}

/**
 * What goes so that `neededBytes` more fit into the quota: what is asked for least for its length and
 * copies, and what is the last copy as far as is known only when nothing else is left. Everything that
 * can go is named where even that is not enough.
 */
export function chooseEvictions(
  held: readonly KeptArtifact[],
  { quotaBytes, neededBytes }: { quotaBytes: number; neededBytes: number },
): Sha256[] {
  const heldBytes = held.reduce((sum, { lengthBytes }) => sum + lengthBytes, 0);
  let excessBytes = heldBytes + neededBytes - quotaBytes;
  if (excessBytes <= 0) return [];
  // A little more goes at once, so that not every artifact that comes has another go.
  excessBytes += quotaBytes * POLICY.headroom;
  const evicted: Sha256[] = [];
  const leastFirst = held
    .filter(({ isPinned }) => !isPinned)
    .map((artifact) => ({ artifact, worth: worthOf(artifact) }))
    .sort((a, b) => a.worth - b.worth || (a.artifact.sha256 < b.artifact.sha256 ? -1 : 1));
  for (const { artifact } of leastFirst) {
    if (excessBytes <= 0) break;
    evicted.push(artifact.sha256);
    excessBytes -= artifact.lengthBytes;
  }
  return evicted;
}

/**
 * What may be held now: the quota, or less where the disk would get full.
 * @param freeBytes of the disk.
 */
export function usableQuota(input: {
  quotaBytes: number;
  heldBytes: number;
  freeBytes: number;
}): number {
  const { quotaBytes, heldBytes, freeBytes } = input;
  return Math.max(0, Math.min(quotaBytes, heldBytes + freeBytes - BOUNDS.freeDiskBytes));
}

/**
 * What a kept byte is worth: demand that one copy less would leave to the others, and something for
 * being rare. An artifact that others keep in plenty is cheap to fetch again.
 */
function worthOf({ demand, copies, lengthBytes }: KeptArtifact): number {
  const others = Math.max(0, copies - 1);
  const rarity =
    others < POLICY.copiesWanted ? POLICY.rareWorth ** (POLICY.copiesWanted - others) : 1;
  return ((demand + POLICY.demandOfNobody) * rarity) / (others + 1) / Math.max(1, lengthBytes);
}

/**
 * What a heavy node fetches because too few have it: by demand and by how many packages need it. The
 * choice is drawn, and each node takes only its part of what is missing, for the others see the same
 * lack at the same time.
 *
 * @param input.freeBytes how much it may take in.
 * @param input.keepers heavy nodes that see the same lack, this one counted.
 */
export function chooseReplicas(
  scarce: readonly ScarceArtifact[],
  input: { freeBytes: number; keepers: number; limit: number },
  random: Random,
): Sha256[] {
  const drawn: { artifact: ScarceArtifact; key: number }[] = [];
  for (const artifact of scarce) {
    const lacking = POLICY.copiesWanted - artifact.copies;
    if (lacking <= 0 || artifact.lengthBytes > input.freeBytes) continue;
    // Of all keepers together about as many take it as copies are lacking, twice that to be sure.
    const share = Math.min(1, (2 * lacking) / Math.max(1, input.keepers));
    if (unit(random) >= share) continue;
    const weight =
      (artifact.demand + POLICY.demandOfNobody) * (1 + Math.log2(1 + artifact.dependents));
    // Efraimidis and Spirakis: the largest u^(1/w) are a sample without replacement by weight.
    drawn.push({ artifact, key: Math.log(unit(random) || Number.MIN_VALUE) / (weight * lacking) });
  }
  drawn.sort((a, b) => b.key - a.key);
  const chosen: Sha256[] = [];
  let freeBytes = input.freeBytes;
  for (const { artifact } of drawn) {
    if (chosen.length >= input.limit) break;
    if (artifact.lengthBytes > freeBytes) continue;
    freeBytes -= artifact.lengthBytes;
    chosen.push(artifact.sha256);
  }
  return chosen;
}

function unit(random: Random): number {
  return random.integer(2 ** 30) / 2 ** 30;
}

/**
 * How often each key was asked for, fading, with a bound on how many keys are counted: when it is
 * full, the keys with the least make room. `now` is milliseconds since 1970.
 */
export class Demand {
  readonly #counts = new Map<string, { count: number; atMs: number }>();

  get size(): number {
    return this.#counts.size;
  }

  asked(key: string, now: number): void {
    const count = this.of(key, now) + 1;
    this.#counts.set(key, { count, atMs: now });
    if (this.#counts.size > BOUNDS.demandKeys) this.#forgetLeast(now);
  }

  of(key: string, now: number): number {
    const known = this.#counts.get(key);
    if (known === undefined) return 0;
    return known.count * 0.5 ** (Math.max(0, now - known.atMs) / POLICY.demandHalfLifeMs);
  }

  #forgetLeast(now: number): void {
    const least = [...this.#counts.keys()]
      .map((key) => ({ key, count: this.of(key, now) }))
      .sort((a, b) => a.count - b.count)
      .slice(0, Math.ceil(BOUNDS.demandKeys / 10));
    for (const { key } of least) this.#counts.delete(key);
  }
}
