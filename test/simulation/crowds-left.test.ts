import { test } from 'node:test';
import { assertSound, drawCrowd } from './scenarios.js';
import { SimulatedSwarm } from './swarm.js';

test('10 crowds of 500 peers that the source leaves once every piece is out', (t) => {
  t.diagnostic('seeds 11 to 20');
  for (let seed = 11; seed <= 20; seed++) {
    const options = { ...drawCrowd(seed, 500), sourceLeavesWhenOut: true };
    const outcome = new SimulatedSwarm(options).run(3_600_000);
    assertSound(options, outcome, `seed ${seed}`);
  }
});
