import { BOUNDS } from '../domain/bounds.js';
import type { Did } from '../domain/bundle.js';
import type { Contact, Owner } from './events.js';
import type { OwnerCache } from './owner-cache.js';
import { NETWORK_POLICY as POLICY } from './policy.js';
import type { Position } from './position.js';
import type { ProviderRecords } from './records.js';
import type { RoutingTable } from './routing-table.js';

/**
 * What this node answers to "who has this?": itself where it has it, owners by records left here, then
 * those it found itself lately, and nodes nearer to the key that answered it lately. Nothing is asked of
 * others for it.
 */
export function answerLookup(
  deps: {
    records: ProviderRecords;
    cache: OwnerCache;
    table: RoutingTable;
    /** This node as an owner; undefined where it does not hold it, or may not say so. */
    ownOf?: (key: Position) => Owner | undefined;
  },
  { key, asker }: { key: Position; asker: Did },
  now: number,
): { owners: Owner[]; closer: Contact[] } {
  const own = deps.ownOf?.(key);
  const room = BOUNDS.lookupAnswerOwners - (own === undefined ? 0 : 1);
  const recorded = deps.records.owners(key, room, now);
  const owners = own === undefined ? recorded : [own, ...recorded];
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

/**
 * Whom this machine dialled and is connected with, where it knows too few that proved to be there: a
 * walk asks them before it follows hearsay, wherever they are. Of one network there are few.
 */
export function lookupFirst(
  table: RoutingTable,
  key: Position,
  connected: readonly Contact[],
  now: number,
): Contact[] {
  const proven = table.closest(key, POLICY.nearest, {
    provenSinceMs: now - POLICY.provenMs,
    perGroup: BOUNDS.lookupNodesOfGroup,
  });
  if (proven.length >= POLICY.nearest) return [];
  const groups = new Map<string, number>();
  return connected
    .filter(({ group }) => {
      const ofGroup = (groups.get(group) ?? 0) + 1;
      groups.set(group, ofGroup);
      return ofGroup <= BOUNDS.lookupNodesOfGroup;
    })
    .slice(0, POLICY.candidatesOfOneAnswer);
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
