import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { NetworkNode } from '../../src/domain/network-node.js';
import { chooseNeighbours } from '../../src/network/neighbours.js';
import { NETWORK_POLICY as POLICY } from '../../src/network/policy.js';

function node(i: number, roundTripMs: number, group = `9.${i}.1.0/24`): NetworkNode {
  return {
    did: `did:${i}`,
    addresses: [],
    group,
    kind: 'light',
    freeBytes: 0,
    load: 0,
    firstHeardAtMs: 0,
    heardAtMs: 0,
    answeredAtMs: 0,
    roundTripMs,
  };
}

const dids = (nodes: NetworkNode[]): string[] => nodes.map(({ did }) => did);

test('the nearest are among the neighbours, and some that are not', () => {
  const nodes = Array.from({ length: 100 }, (_, i) => node(i, i + 1));
  const chosen = dids(chooseNeighbours(nodes, new Set(), (below) => below - 1));
  assert.equal(chosen.length, POLICY.neighbours);
  assert.deepEqual(
    chosen.slice(0, POLICY.nearNeighbours),
    dids(nodes.slice(0, POLICY.nearNeighbours)),
  );
});

test('who is connected stays, where others are no nearer', () => {
  const nodes = Array.from({ length: 100 }, (_, i) => node(i, i + 1));
  const connected = new Set(['did:90', 'did:91', 'did:92', 'did:93', 'did:94', 'did:95']);
  const chosen = dids(chooseNeighbours(nodes, connected, () => 0));
  for (const did of connected) assert.ok(chosen.includes(did), did);
});

test('one network gives one neighbour while there are others, however many names it has', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 0, max: 300 }),
      fc.integer({ min: 0, max: 40 }),
      fc.nat(),
      (crowd, others, seed) => {
        const nodes = [
          ...Array.from({ length: crowd }, (_, i) => node(1_000 + i, 1, 'crowd')),
          ...Array.from({ length: others }, (_, i) => node(i, 50 + i)),
        ];
        const chosen = chooseNeighbours(nodes, new Set(), (below) => seed % below);
        assert.equal(chosen.length, Math.min(POLICY.neighbours, nodes.length));
        assert.equal(new Set(dids(chosen)).size, chosen.length);
        const ofCrowd = chosen.filter(({ group }) => group === 'crowd').length;
        if (others >= POLICY.neighbours) assert.ok(ofCrowd <= 1);
      },
    ),
  );
});
