import { BOUNDS } from '../domain/bounds.js';
import type { TellersWord, ToldPlace } from '../domain/told-place.js';
import { groupOfMultiaddr } from './address-group.js';
import { NETWORK_POLICY as POLICY } from './policy.js';
import { textOfPosition } from './position.js';
import type { Publication } from './publishing.js';

export type ToldAs = ToldPlace & { word: TellersWord };

/**
 * Of what a node told in earlier lives, what others may still know, by place: told by the same node,
 * and no longer ago than a record lives. What is of a time to come was told before the clock was set back,
 * nobody knows how long ago: it counts as told now, so that it is told again when that is due.
 */
export function stillTold(
  told: readonly ToldAs[],
  own: Omit<TellersWord, 'addresses'>,
  now: number,
): Map<string, ToldAs> {
  const holds = new Map<string, ToldAs>();
  for (const one of told) {
    const { word, place } = one;
    const recordedAtMs = Math.min(one.recordedAtMs, now);
    const providedAtMs = Math.min(one.providedAtMs, now);
    const atMs = Math.max(recordedAtMs, providedAtMs);
    const isOwn = word.network === own.network && word.did === own.did && word.kind === own.kind;
    if (isOwn && atMs + BOUNDS.recordTtlMs > now)
      holds.set(place, { ...one, recordedAtMs, providedAtMs });
  }
  return holds;
}

/**
 * Whether those who were told of these addresses find the node that states those now: it is in the same
 * networks, and in each of them one address is as it was. Who is told of one keeps those of its network.
 * A relay's are met by asking for the node anew, whatever was told.
 */
export function isFoundThere(told: readonly string[], stated: readonly string[]): boolean {
  const [before, now] = [byGroup(told), byGroup(stated)];
  if (before.size !== now.size) return false;
  return [...before].every(([group, addresses]) =>
    addresses.some((address) => now.get(group)?.includes(address)),
  );
}

function byGroup(addresses: readonly string[]): Map<string, string[]> {
  const groups = new Map<string, string[]>();
  for (const address of addresses) {
    const group = groupOfMultiaddr(address);
    if (group === undefined || address.includes('/p2p-circuit')) continue;
    groups.set(group, [...(groups.get(group) ?? []), address]);
  }
  return groups;
}

/**
 * What the next life is to know of it; undefined where that is nothing. Records that hardly anybody took
 * do not count: they were told of among few, who may be gone, and telling few again costs little.
 */
export function toRemember(
  publication: Publication & { providedAtMs: number },
): ToldPlace | undefined {
  const { key, publishedAtMs, takers, providedAtMs, copies } = publication;
  const recordedAtMs = takers >= POLICY.rememberedTakers ? publishedAtMs : 0;
  if (recordedAtMs === 0 && providedAtMs === 0) return undefined;
  return { place: textOfPosition(key), recordedAtMs, providedAtMs, copies };
}

/** What is known of it when a node begins to hold it: what was told in an earlier life, or nothing. */
export function publicationAs(told: ToldPlace | undefined): Omit<Publication, 'key'> {
  return {
    publishedAtMs: told?.recordedAtMs ?? 0,
    takers: (told?.recordedAtMs ?? 0) > 0 ? POLICY.rememberedTakers : 0,
    failures: 0,
    triedAtMs: 0,
    copies: told?.copies ?? 1,
  };
}
