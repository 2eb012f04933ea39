import { test } from 'node:test';
import { MIB } from './content.js';
import { assertSound, drawSwarm } from './scenarios.js';
import { SimulatedSwarm, type Host, type SwarmOptions } from './swarm.js';

const HOUR_MS = 3_600_000;

function check(options: SwarmOptions, what: string): void {
  assertSound(options, new SimulatedSwarm(options).run(HOUR_MS), what);
}

test('150 swarms of 2 to 40 peers, drawn: every honest client that stays ends whole', (t) => {
  t.diagnostic('seeds 1 to 150');
  for (let seed = 1; seed <= 150; seed++) {
    check(drawSwarm(seed, seed % 10 === 0 ? 39 : 12), `seed ${seed}`);
  }
});

test('the source may leave once every piece is out', (t) => {
  t.diagnostic('seeds 1 to 15');
  for (let seed = 1; seed <= 15; seed++) {
    const hosts = Array.from({ length: 3 + (seed % 6) }, (_, i): Host => ({
      name: i === 0 ? 'source' : `client-${i}`,
      upMbit: 100,
      downMbit: 100,
      joinsAtMs: 20 * i,
      isSource: i === 0,
    }));
    const options = { hosts, lengths: [24 * MIB], seed, sourceLeavesWhenOut: true };
    check(options, `seed ${seed}`);
  }
});

test('clients that want other parts each get theirs', (t) => {
  t.diagnostic('seeds 1 to 10');
  for (let seed = 1; seed <= 10; seed++) {
    const hosts = Array.from({ length: 6 }, (_, i): Host => ({
      name: i === 0 ? 'source' : `client-${i}`,
      upMbit: 100,
      downMbit: 100,
      joinsAtMs: 20 * i,
      isSource: i === 0,
      ...(i === 0 || i === 5 ? {} : { only: [i, i + 1, 6 + (seed % 3)] }),
    }));
    check({ hosts, lengths: new Array<number>(12).fill(3 * MIB), seed }, `seed ${seed}`);
  }
});
