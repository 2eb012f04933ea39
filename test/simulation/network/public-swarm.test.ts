import assert from 'node:assert/strict';
import { test } from 'node:test';
import { reportOf, type Report } from './report.js';
import { NETWORK_SCENARIOS } from './scenarios.js';
import { World, type WorldOptions } from './world.js';

const SMALL = NETWORK_SCENARIOS['small']!;

function run(changes: Partial<WorldOptions> = {}): Report & { blamed: number } {
  const options = { ...SMALL, ...changes };
  const world = new World(options);
  world.run();
  return { ...reportOf(world, options), blamed: world.measures.blamed };
}

const told = ({
  fetches,
  hitShareOfPossible,
  failed,
  fetchMs,
  blamed,
}: ReturnType<typeof run>): string =>
  `${fetches} fetches, ${Math.round(100 * hitShareOfPossible)} % of the possible from the swarm, ${failed} failed, median ${Math.round(fetchMs.median)} ms, ${blamed} blamed`;

const SHORT = { nodes: 120, durationMs: 3 * 3_600_000, installsPerHour: 1 };

test('the same seed is the same run', () => {
  const short = { ...SHORT, durationMs: 3_600_000 };
  assert.deepEqual(run(short), run(short));
});

// A wrong byte that is accepted fails in the driver, in each of these runs.

test('200 nodes under churn for eight hours: what somebody has comes from the swarm', (t) => {
  const report = run();
  t.diagnostic(told(report));
  t.diagnostic(
    `hops ${report.hops.median} / ${report.hops.p99}, first owner after ${Math.round(report.firstOwnerMs.median)} / ${Math.round(report.firstOwnerMs.p99)} ms; seed ${SMALL.seed}`,
  );
  assert.equal(report.failed, 0);
  assert.ok(report.fetches > 500);
  assert.ok(report.hitShareOfPossible > 0.8, String(report.hitShareOfPossible));
  assert.ok(report.hops.p99 <= 5);
  assert.ok(report.rare.withNone < 0.05, 'hardly anything is lost');
});

test('20 poisoners among 60: they are found out, and everything is fetched', (t) => {
  const report = run({ ...SHORT, attackers: { count: 20, manner: 'poisoner' } });
  t.diagnostic(`20 poisoners in networks of their own: ${told(report)}`);
  assert.equal(report.failed, 0);
  assert.ok(report.blamed > 0, 'they are found out');
  assert.ok(report.hitShareOfPossible > 0.25, String(report.hitShareOfPossible));
});

test('lying records: 200 names on one address say to have everything', (t) => {
  const group = '203.0.113.0/24';
  const report = run({ ...SHORT, attackers: { count: 200, manner: 'liar', group } });
  t.diagnostic(told(report));
  assert.equal(report.failed, 0);
  assert.ok(report.hitShareOfPossible > 0.7, String(report.hitShareOfPossible));
});

test('200 Sybil identities on one address that name only each other change little', (t) => {
  const group = '203.0.113.0/24';
  const report = run({ ...SHORT, attackers: { count: 200, manner: 'sybil', group } });
  t.diagnostic(told(report));
  assert.equal(report.failed, 0);
  assert.ok(report.hitShareOfPossible > 0.7, String(report.hitShareOfPossible));
});

test('as many Sybils as nodes, each in a network of its own: nothing wrong, but the official source does the work', (t) => {
  const report = run({ ...SHORT, attackers: { count: 60, manner: 'sybil' } });
  t.diagnostic(told(report));
  assert.equal(report.failed, 0, 'everything is fetched all the same');
});
