import type { Did } from '../domain/bundle.js';
import type { NetworkNode } from '../domain/network-node.js';
import { NETWORK_POLICY as POLICY } from './policy.js';

/**
 * Whom to stay connected with: the nearest by round trip, and others drawn from the rest, those that
 * are connected already first. Of one network one, until there is nobody else.
 * @param nodes Those that may be chosen; who was never measured counts as far.
 * @param draw A whole number from 0 to `below` - 1.
 */
export function chooseNeighbours(
  nodes: readonly NetworkNode[],
  connected: ReadonlySet<Did>,
  draw: (below: number) => number,
  count: number = POLICY.neighbours,
): NetworkNode[] {
  const near = [...nodes]
    .filter(({ roundTripMs }) => roundTripMs > 0)
    .sort((a, b) => a.roundTripMs - b.roundTripMs);
  const drawn = shuffled(nodes, draw).sort(
    (a, b) => Number(connected.has(b.did)) - Number(connected.has(a.did)),
  );
  const chosen = new Map<Did, NetworkNode>();
  const groups = new Set<string>();
  const take = (from: readonly NetworkNode[], upTo: number, mayShareGroup: boolean): void => {
    for (const node of from) {
      if (chosen.size >= upTo) return;
      if (chosen.has(node.did) || (!mayShareGroup && groups.has(node.group))) continue;
      chosen.set(node.did, node);
      groups.add(node.group);
    }
  };
  take(near, Math.min(POLICY.nearNeighbours, count), false);
  take(drawn, count, false);
  take(drawn, count, true);
  return [...chosen.values()];
}

function shuffled<T>(items: readonly T[], draw: (below: number) => number): T[] {
  const all = [...items];
  for (let i = all.length - 1; i > 0; i--) {
    const j = draw(i + 1);
    const [a, b] = [all[i], all[j]];
    if (a === undefined || b === undefined) continue;
    all[i] = b;
    all[j] = a;
  }
  return all;
}
