import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { BOUNDS } from '../../src/domain/bounds.js';
import {
  chooseEvictions,
  chooseReplicas,
  Demand,
  type KeptArtifact,
  type ScarceArtifact,
} from '../../src/network/retention.js';
import { seededRandom } from '../simulation/virtual-time.js';
import { DAY_MS, START_MS } from './kit.js';

const kept = (sha256: string, fields: Partial<KeptArtifact> = {}): KeptArtifact => ({
  sha256,
  lengthBytes: 100,
  demand: 1,
  copies: 5,
  isPinned: false,
  ...fields,
});
const scarce = (sha256: string, fields: Partial<ScarceArtifact> = {}): ScarceArtifact => ({
  sha256,
  lengthBytes: 100,
  demand: 1,
  copies: 0,
  dependents: 0,
  ...fields,
});

test('nothing goes while there is room', () => {
  assert.deepEqual(chooseEvictions([kept('a')], { quotaBytes: 200, neededBytes: 100 }), []);
});

test('what nobody asks for and others have goes first, the last copy last, pinned things never', () => {
  const held = [
    kept('asked for', { demand: 50 }),
    kept('last copy', { copies: 1, demand: 0 }),
    kept('two others', { copies: 3, demand: 0 }),
    kept('plenty', { copies: 40, demand: 0 }),
    kept('pinned', { copies: 40, demand: 0, isPinned: true }),
  ];
  const all = chooseEvictions(held, { quotaBytes: 500, neededBytes: 400 });
  assert.deepEqual(all, ['plenty', 'two others', 'last copy', 'asked for']);
  assert.deepEqual(chooseEvictions(held, { quotaBytes: 500, neededBytes: 50 }), ['plenty']);
});

test('whatever is held, enough goes, no more than is needed, and nothing pinned', () => {
  const artifact = fc.record({
    lengthBytes: fc.nat(1_000),
    demand: fc.nat(100),
    copies: fc.integer({ min: 1, max: 40 }),
    isPinned: fc.boolean(),
  });
  fc.assert(
    fc.property(
      fc.array(artifact, { maxLength: 40 }),
      fc.nat(20_000),
      fc.nat(5_000),
      (fields, quotaBytes, neededBytes) => {
        const held = fields.map((one, i) => ({ ...one, sha256: String(i) }));
        const evicted = new Set(chooseEvictions(held, { quotaBytes, neededBytes }));
        const sum = (some: typeof held): number => some.reduce((s, one) => s + one.lengthBytes, 0);
        const left = held.filter(({ sha256 }) => !evicted.has(sha256));
        assert.ok(
          held.filter(({ isPinned }) => isPinned).every(({ sha256 }) => !evicted.has(sha256)),
        );
        const fits = sum(left) + neededBytes <= quotaBytes;
        assert.ok(fits || left.every(({ isPinned }) => isPinned));
        if (sum(held) + neededBytes <= quotaBytes) assert.equal(evicted.size, 0);
      },
    ),
    { numRuns: 500 },
  );
});

test('what has three copies is left, and of what has fewer each keeper takes its part', () => {
  const random = seededRandom(1);
  const input = { freeBytes: 1e9, keepers: 100, limit: 50 };
  assert.deepEqual(chooseReplicas([scarce('a', { copies: 3 })], input, random), []);
  let took = 0;
  for (let keeper = 0; keeper < 100; keeper++)
    took += chooseReplicas([scarce('a')], input, random).length;
  assert.ok(took >= 2 && took <= 14, `${took} of 100 keepers take what lacks three copies`);
});

test('demand and dependents decide what is taken first; room and number bound it', () => {
  const many = Array.from({ length: 200 }, (_, i) => scarce(`quiet ${i}`, { demand: 0 }));
  const wanted = scarce('wanted', { demand: 100, dependents: 1_000 });
  let first = 0;
  for (let seed = 1; seed <= 50; seed++) {
    const input = { freeBytes: 1_000, keepers: 1, limit: 5 };
    const chosen = chooseReplicas([...many, wanted], input, seededRandom(seed));
    assert.equal(chosen.length, 5);
    if (chosen[0] === 'wanted') first++;
  }
  assert.ok(first >= 48, `${first} of 50`);
  const input = { freeBytes: 250, keepers: 1, limit: 5 };
  assert.equal(chooseReplicas(many, input, seededRandom(1)).length, 2);
});

test('demand fades in a week, and counts a bounded number of keys', () => {
  const demand = new Demand();
  for (let i = 0; i < 8; i++) demand.asked('a', START_MS);
  assert.equal(demand.of('a', START_MS), 8);
  assert.equal(Math.round(demand.of('a', START_MS + 7 * DAY_MS)), 4);
  for (let i = 0; i < BOUNDS.demandKeys + 10; i++) demand.asked(`key ${i}`, START_MS);
  assert.ok(demand.size <= BOUNDS.demandKeys);
  assert.equal(demand.of('a', START_MS), 8, 'what is asked for stays');
});
