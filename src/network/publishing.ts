import { BOUNDS } from '../domain/bounds.js';
import type { Contact } from './events.js';
import { NETWORK_POLICY as POLICY } from './policy.js';
import type { Position } from './position.js';
import type { RoutingTable } from './routing-table.js';

/** What a node tells of one artifact that it holds. Times are milliseconds since 1970, 0: never. */
export interface Publication {
  key: Position;
  publishedAtMs: number;
  /** How many nodes took it then. */
  takers: number;
  /** In a row, since then. */
  failures: number;
  triedAtMs: number;
  /** Copies that there seemed to be when it was looked up last, this one counted. */
  copies: number;
}

/**
 * What is to be told now: never told first, then the rarest, a batch at once, so that a large store
 * does not flood the network when it starts. What failed waits twice as long each time.
 */
export function duePublications<T extends Publication>(
  held: Iterable<T>,
  now: number,
  limit: number = BOUNDS.publicationsAtOnce,
): T[] {
  const due: T[] = [];
  for (const one of held) {
    const pauseMs = Math.min(
      POLICY.republishMs,
      POLICY.publishPauseMs * 2 ** Math.min(one.failures, 20),
    );
    const isDue =
      one.publishedAtMs === 0 || one.publishedAtMs + POLICY.republishMs <= now || one.failures > 0;
    if (isDue && (one.failures === 0 || one.triedAtMs + pauseMs <= now)) due.push(one);
  }
  const isNew = ({ publishedAtMs }: T): number => (publishedAtMs === 0 ? 0 : 1);
  due.sort(
    (a, b) => isNew(a) - isNew(b) || a.copies - b.copies || a.publishedAtMs - b.publishedAtMs,
  );
  return due.slice(0, limit);
}

/**
 * Whom to leave a record with: the nearest that a walk ended at, and the nearest heavy nodes that are
 * known, which stay when those have gone.
 */
export function recordTargets(
  table: RoutingTable,
  { key, closest }: { key: Position; closest: readonly Contact[] },
  now: number,
): Contact[] {
  const targets = closest.slice(0, POLICY.replicas);
  const known = new Set(targets.map(({ did }) => did));
  const heavy = table
    .closest(key, Infinity, { heardSinceMs: now - POLICY.aliveMs, perGroup: 1 })
    .filter(({ did, kind }) => kind === 'heavy' && !known.has(did))
    .slice(0, POLICY.heavyReplicas)
    .map(({ did, addresses, group, kind }) => ({ did, addresses, group, kind }));
  return [...targets, ...heavy];
}
