import { BOUNDS } from '../domain/bounds.js';
import type { Did } from '../domain/bundle.js';
import type { Contact, Owner } from './events.js';
import type { OwnerCache } from './owner-cache.js';
import { NETWORK_POLICY as POLICY } from './policy.js';
import type { Position } from './position.js';
import type { ProviderRecords } from './records.js';
import type { RoutingTable } from './routing-table.js';

/**
 * What this node answers to "who has this?": owners by records left here, then those it found itself
 * lately, and nodes nearer to the key that answered it lately. Nothing is asked of others for it.
 */
export function answerLookup(
  deps: { records: ProviderRecords; cache: OwnerCache; table: RoutingTable },
  { key, asker }: { key: Position; asker: Did },
  now: number,
): { owners: Owner[]; closer: Contact[] } {
  const owners = deps.records.owners(key, BOUNDS.lookupAnswerOwners, now);
  const known = new Set([asker, ...owners.map(({ did }) => did)]);
  for (const owner of deps.cache.owners(key, now)) {
    if (owners.length >= BOUNDS.lookupAnswerOwners) break;
    if (!known.has(owner.did)) owners.push(owner);
  }
  const nodes = deps.table.closest(key, POLICY.candidatesOfOneAnswer + 1, {
    provenSinceMs: now - POLICY.provenMs,
    heardSinceMs: now - POLICY.aliveMs,
    perGroup: BOUNDS.nodesOfGroupInBucket,
  });
  const closer = nodes
    .filter(({ did }) => did !== asker)
    .slice(0, POLICY.candidatesOfOneAnswer)
    .map(({ did, addresses, group, kind }) => ({ did, addresses, group, kind }));
  return { owners: owners.filter(({ did }) => did !== asker), closer };
}

/** Whom a walk begins with: the nearest that seem to be there, each of another network; else any. */
export function lookupStart(table: RoutingTable, key: Position, now: number): Contact[] {
  const count = POLICY.candidatesOfOneAnswer;
  const alive = table.closest(key, count, { heardSinceMs: now - POLICY.aliveMs, perGroup: 1 });
  const known = new Set(alive.map(({ did }) => did));
  // After a long sleep nobody was heard of lately; those that were there then may still be.
  const others = table.closest(key, count, { perGroup: 1 }).filter(({ did }) => !known.has(did));
  return [...alive, ...others]
    .slice(0, count)
    .map(({ did, addresses, group, kind }) => ({ did, addresses, group, kind }));
}
