import { test } from 'node:test';
import { assertSound, drawCrowd } from './scenarios.js';
import { SimulatedSwarm } from './swarm.js';

test('10 crowds of 500 peers, 1,000 pieces: everybody ends whole', (t) => {
  t.diagnostic('seeds 1 to 10');
  for (let seed = 1; seed <= 10; seed++) {
    const options = { ...drawCrowd(seed, 500) };
    const outcome = new SimulatedSwarm(options).run(3_600_000);
    assertSound(options, outcome, `seed ${seed}`);
  }
});
