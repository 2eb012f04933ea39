import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { BOUNDS } from '../../src/domain/bounds.js';
import { NETWORK_POLICY as POLICY } from '../../src/network/policy.js';
import { compareDistance, positionOfBytes, sharedBits } from '../../src/network/position.js';
import { RoutingTable } from '../../src/network/routing-table.js';
import { seededRandom } from '../simulation/virtual-time.js';
import {
  contactOf,
  DAY_MS,
  didOf,
  groupOf,
  HOUR_MS,
  near,
  nodeOf,
  positions,
  START_MS,
} from './kit.js';

const SELF = didOf(0);
const OWN = positions.of(SELF);
const announced = (number: number, group = groupOf(number)) =>
  ({ ...contactOf(number, group), freeBytes: 1 << 30, load: 0 }) as const;

test('who answered stays; names that were only announced wait', () => {
  const table = new RoutingTable(SELF, positions);
  const [first = [], later = []] = [near(OWN, 0, 16, 1), near(OWN, 0, 200, 10_000)];
  for (const number of first)
    assert.equal(table.answered(contactOf(number), 50, START_MS), 'added');
  for (const number of later) table.heard(announced(number), START_MS + HOUR_MS);
  assert.equal(table.size, 16);
  for (const number of first) assert.ok(table.get(didOf(number)));
  for (let i = 0; i < POLICY.failures; i++) table.failed(didOf(first[0]!));
  assert.equal(table.size, 16, 'the next in line has its place');
  assert.ok(!table.get(didOf(first[0]!)));
});

test('names that answer take the places of those that never did', () => {
  const table = new RoutingTable(SELF, positions);
  for (const number of near(OWN, 0, 16, 1)) table.heard(announced(number), START_MS);
  const real = near(OWN, 0, 16, 10_000);
  for (const number of real) table.answered(contactOf(number), 50, START_MS);
  for (const number of real) assert.ok(table.get(didOf(number)));
  assert.equal(table.size, 16);
});

test('a full bucket’s younger half gives way to who is much nearer, or heavy; the older half never', () => {
  const table = new RoutingTable(SELF, positions);
  const first = near(OWN, 0, 16, 1);
  first.forEach((number, i) => table.answered(contactOf(number), 100, START_MS + i));
  const swift = near(OWN, 0, 40, 10_000);
  for (const number of swift) table.answered(contactOf(number), 10, START_MS + HOUR_MS);
  for (const number of near(OWN, 0, 40, 50_000))
    table.answered({ ...contactOf(number), kind: 'heavy' }, 300, START_MS + 2 * HOUR_MS);
  for (const number of first.slice(0, 8)) assert.ok(table.get(didOf(number)), 'the older half');
  const kinds = table.nodes().map(({ kind }) => kind);
  assert.equal(kinds.filter((kind) => kind === 'heavy').length, 8);
  assert.equal(table.size, 16);
});

test('a day without a word and a node is forgotten, one that only waits too', () => {
  const table = new RoutingTable(SELF, positions);
  for (const number of near(OWN, 0, 30, 1)) table.heard(announced(number), START_MS);
  table.answered(contactOf(70_000), 5, START_MS + HOUR_MS);
  const gone = table.sweep(START_MS + BOUNDS.nodeTtlMs);
  assert.ok(gone.length >= 15, String(gone.length));
  assert.deepEqual(
    table.nodes().map(({ did }) => did),
    [didOf(70_000)],
  );
});

test('what was written down is hearsay until it answers, and not older than a day', () => {
  const table = new RoutingTable(SELF, positions);
  table.restore(
    [
      nodeOf(1),
      nodeOf(2, { heardAtMs: START_MS - 2 * DAY_MS }),
      nodeOf(3, { heardAtMs: Infinity }),
    ],
    START_MS + HOUR_MS,
  );
  assert.deepEqual(
    table.nodes().map(({ did }) => did),
    [didOf(3), didOf(1)],
  );
  assert.deepEqual(table.closest(OWN, 5, { provenSinceMs: 1 }), []);
});

test('who moves to another group is there only when it has answered there', () => {
  const table = new RoutingTable(SELF, positions);
  table.answered(contactOf(1), 50, START_MS);
  table.heard(announced(1, '203.0.113.0/24'), START_MS + 1);
  assert.equal(table.get(didOf(1))?.answeredAtMs, 0);
  table.answered(contactOf(1, '203.0.113.0/24'), 50, START_MS + 2);
  assert.equal(table.get(didOf(1))?.answeredAtMs, START_MS + 2);
});

test('200 names on one address get two places near a point and ten in all', (t) => {
  const table = new RoutingTable(SELF, positions);
  const group = '203.0.113.0/24';
  for (let i = 1; i <= 200; i++) table.answered(contactOf(i, group), 1, START_MS);
  t.diagnostic(`places of 200 names on one address: ${table.size}`);
  assert.ok(table.size <= BOUNDS.nodesOfGroup && table.size > 2);
  for (let number = 10_000; number < 12_000; number++)
    table.answered(contactOf(number), 50, START_MS + HOUR_MS);
  for (let round = 0; round < 20; round++)
    for (let i = 1; i <= 200; i++)
      table.answered(contactOf(i, group), 1, START_MS + round * HOUR_MS);
  const theirs = table.nodes().filter((node) => node.group === group);
  assert.ok(theirs.length <= BOUNDS.nodesOfGroup);
});

test('eclipse: a table that met the honest first keeps them, whoever floods it', (t) => {
  const table = new RoutingTable(SELF, positions);
  const honest = Array.from({ length: 1_000 }, (_, i) => 1 + i);
  for (const number of honest) table.answered(contactOf(number), 80, START_MS);
  const before = new Set(table.nodes().map(({ did }) => did));
  // 50,000 names, made to be near, swift, heavy and in as many groups as an attacker could have.
  for (let i = 0; i < 50_000; i++) {
    const group = `198.51.${i % 256}.0/24`;
    const contact = { ...contactOf(100_000 + i, group), kind: 'heavy' as const };
    table.answered(contact, 1, START_MS + HOUR_MS + i);
  }
  const kept = table.nodes().filter(({ did }) => before.has(did)).length;
  t.diagnostic(`of ${before.size} honest nodes ${kept} are kept after 50,000 names of 256 groups`);
  assert.ok(kept >= before.size / 2, `${kept} of ${before.size}`);
});

test('the nearest come in order, whatever was learnt and forgotten before', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 1_000_000 }), (seed) => {
      const random = seededRandom(seed);
      const table = new RoutingTable(SELF, positions);
      for (let step = 0; step < 400; step++) {
        const number = 1 + random.integer(300);
        const group = `203.0.${random.integer(40)}.0/24`;
        const now = START_MS + step;
        const what = random.integer(6);
        if (what < 2) table.heard(announced(number, group), now);
        else if (what < 4) table.answered(contactOf(number, group), random.integer(200), now);
        else if (what === 4) table.failed(didOf(number));
        else table.remove(didOf(number));
      }
      const nodes = table.nodes();
      const groups = new Map<string, number>();
      for (const { group } of nodes) groups.set(group, (groups.get(group) ?? 0) + 1);
      assert.ok([...groups.values()].every((count) => count <= BOUNDS.nodesOfGroup));
      const key = positionOfBytes(random.bytes(32))!;
      const all = table.closest(key, Infinity);
      assert.equal(all.length, nodes.length);
      for (let i = 1; i < all.length; i++) {
        const [a, b] = [positions.of(all[i - 1]!.did), positions.of(all[i]!.did)];
        assert.ok(compareDistance(key, a, b) < 0);
      }
      assert.deepEqual(table.closest(key, 5), all.slice(0, 5));
      const few = table.closest(key, 20, { perGroup: 1 });
      assert.equal(new Set(few.map(({ group }) => group)).size, few.length);
    }),
    { numRuns: 100 },
  );
});

test('what is due: nodes unheard of for an hour, few at once, and buckets nothing was looked up in', () => {
  const table = new RoutingTable(SELF, positions);
  for (let i = 1; i <= 40; i++) table.answered(contactOf(i), 50, START_MS + i);
  assert.equal(table.due(START_MS + 1_000).probe.length, 0);
  const { probe, refresh } = table.due(START_MS + 2 * HOUR_MS);
  assert.equal(probe.length, POLICY.probesAtOnce);
  assert.equal(probe[0]?.did, table.nodes().at(-1)?.did);
  assert.ok(refresh.includes(0));
  const key = positions.of(didOf(near(OWN, 0, 1, 1)[0]!));
  assert.equal(sharedBits(OWN, key), 0);
  table.used(key, START_MS + 2 * HOUR_MS);
  assert.ok(!table.due(START_MS + 2 * HOUR_MS).refresh.includes(0));
});
