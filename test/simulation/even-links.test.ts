import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MIB, mixedLengths } from './content.js';
import { MBIT, SimulatedSwarm, type Host, type Outcome } from './swarm.js';
import { seededRandom } from './virtual-time.js';

interface Run {
  outcome: Outcome;
  limitMs: number;
  /** What left the source, headers and all. */
  copies: number;
}

function run(
  count: number,
  mbit: number,
  mib: number,
  seed: number,
  more: Partial<Host> = {},
  strangers: readonly Host[] = [],
): Run {
  const lengths = mixedLengths(mib * MIB, Math.round((2_000 * mib) / 256), seededRandom(seed));
  const hosts: Host[] = Array.from({ length: count + 1 }, (_, i) => ({
    name: i === 0 ? 'source' : `client-${i}`,
    upMbit: mbit,
    downMbit: mbit,
    joinsAtMs: 5 * i,
    isSource: i === 0,
    ...(i === count ? more : {}),
  }));
  hosts.push(...strangers);
  const swarm = new SimulatedSwarm({ hosts, lengths, seed });
  const outcome = swarm.run(600_000);
  const limitMs = swarm.map.totalBytes / (mbit * MBIT);
  return { outcome, limitMs, copies: swarm.wireCopies('source') };
}

const lastMs = (outcome: Outcome, except?: string): number =>
  Math.max(...[...outcome.doneMs].filter(([name]) => name !== except).map(([, ms]) => ms));

for (const { count, mbit, mib, ratio, most } of [
  { count: 7, mbit: 100, mib: 256, ratio: 1.12, most: 1.1 },
  { count: 31, mbit: 25, mib: 64, ratio: 1.35, most: 1.35 },
  { count: 2, mbit: 100, mib: 64, ratio: 1.2, most: 1.1 },
]) {
  test(`${count} clients, every link ${mbit} Mbit/s, ${mib} MiB: the last ends at ${ratio} times the limit`, (t) => {
    for (const seed of [1, 2, 3]) {
      const { outcome, limitMs, copies } = run(count, mbit, mib, seed);
      assert.equal(outcome.doneMs.size, count, `seed ${seed}`);
      const last = lastMs(outcome) / limitMs;
      t.diagnostic(`seed ${seed}: ${last.toFixed(3)}, ${copies.toFixed(3)} copies`);
      assert.ok(last <= ratio, `seed ${seed}: the last ended at ${last.toFixed(2)}`);
      assert.ok(copies <= most, `seed ${seed}: ${copies.toFixed(2)} copies left the source`);
    }
  });
}

for (const [what, more] of [
  ['on 10 Mbit/s both ways', { upMbit: 10, downMbit: 10 }],
  ['that sends on at 10 Mbit/s', { upMbit: 10 }],
] as const) {
  test(`one of seven clients ${what} does not hold the others up`, (t) => {
    for (const seed of [1, 2]) {
      const { outcome, limitMs, copies } = run(7, 100, 256, seed, more);
      assert.equal(outcome.doneMs.size, 7, `seed ${seed}`);
      const last = lastMs(outcome, 'client-7') / limitMs;
      t.diagnostic(`seed ${seed}: ${last.toFixed(3)}, ${copies.toFixed(3)} copies`);
      assert.ok(last <= 1.35, `seed ${seed}: the others ended at ${last.toFixed(2)}`);
    }
  });
}

test('three that claim to have everything, and send garbage, nothing or not all, do not hold seven clients up', (t) => {
  const link = { upMbit: 100, downMbit: 100, joinsAtMs: 1 };
  const strangers = [
    { name: 'liar', ...link, holdsAll: true, lies: 100 },
    { name: 'silent', ...link, holdsAll: true, isSilent: true },
    { name: 'half silent', ...link, holdsAll: true, isSilentOfLong: true },
  ];
  for (const seed of [1, 2]) {
    const { outcome, limitMs, copies } = run(7, 100, 256, seed, {}, strangers);
    const clients = [...outcome.doneMs.keys()].filter((name) => name.startsWith('client'));
    assert.equal(clients.length, 7, `seed ${seed}`);
    const last = lastMs(outcome) / limitMs;
    t.diagnostic(`seed ${seed}: ${last.toFixed(3)}, ${copies.toFixed(3)} copies`);
    assert.ok(last <= 1.25, `seed ${seed}: the last ended at ${last.toFixed(2)}`);
    assert.ok(copies <= 1.2, `seed ${seed}: ${copies.toFixed(2)} copies left the source`);
  }
});
