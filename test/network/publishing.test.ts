import assert from 'node:assert/strict';
import { test } from 'node:test';
import { BOUNDS } from '../../src/domain/bounds.js';
import { NETWORK_POLICY as POLICY } from '../../src/network/policy.js';
import { duePublications, recordTargets, type Publication } from '../../src/network/publishing.js';
import { RoutingTable } from '../../src/network/routing-table.js';
import { contactOf, didOf, HOUR_MS, positions, START_MS } from './kit.js';

const KEY = positions.of(didOf(77));
const held = (copies: number, fields: Partial<Publication> = {}): Publication => ({
  key: KEY,
  publishedAtMs: START_MS,
  takers: 8,
  failures: 0,
  triedAtMs: START_MS,
  copies,
  ...fields,
});

test('what was never told comes first, then what is rare, and nothing before its time', () => {
  const all = [held(5), held(1), held(9, { publishedAtMs: 0 })];
  assert.deepEqual(duePublications(all, START_MS + HOUR_MS), [all[2]]);
  const later = START_MS + POLICY.republishMs;
  assert.deepEqual(duePublications(all, later), [all[2], all[1], all[0]]);
});

test('a store of 100,000 tells so many at once; what failed waits twice as long each time', () => {
  const all = Array.from({ length: 100_000 }, () => held(1, { publishedAtMs: 0 }));
  assert.equal(duePublications(all, START_MS).length, BOUNDS.publicationsAtOnce);
  const pauses = [1, 2, 3, 30].map((failures) => {
    const one = held(1, { failures, publishedAtMs: 0 });
    let minutes = 0;
    while (duePublications([one], START_MS + minutes * 60_000).length === 0) minutes++;
    return minutes;
  });
  assert.deepEqual(pauses, [2, 4, 8, 720]);
});

test('records go to where the walk ended, and to two heavy nodes near, of other networks', () => {
  const table = new RoutingTable(didOf(0), positions);
  for (let i = 1; i <= 60; i++)
    table.answered({ ...contactOf(i), kind: i % 6 === 0 ? 'heavy' : 'light' }, 50, START_MS);
  const closest = Array.from({ length: 12 }, (_, i) => contactOf(100 + i));
  const targets = recordTargets(table, { key: KEY, closest }, START_MS);
  assert.deepEqual(
    targets.slice(0, POLICY.replicas).map(({ did }) => did),
    closest.slice(0, POLICY.replicas).map(({ did }) => did),
  );
  assert.deepEqual(
    targets.slice(POLICY.replicas).map(({ kind }) => kind),
    ['heavy', 'heavy'],
  );
});
