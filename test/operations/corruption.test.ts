import { after, before, describe, test } from 'node:test';
import { CorruptionWorld, diceOf } from './corruption-kit.js';

describe('random corruptions: nothing but what was signed is taken, nothing crashes, verify says so', () => {
  let world: CorruptionWorld;
  before(async () => {
    world = await CorruptionWorld.start();
  });
  after(() => world.end());

  test('60 of volumes, 6 of them imported', async () => {
    for (let seed = 1; seed <= 60; seed += 1) await world.volume(diceOf(seed), seed % 10 === 0);
  });

  test('300 of metadata', async () => {
    for (let seed = 1; seed <= 300; seed += 1) await world.metadata(diceOf(seed));
  });

  test('300 of requests', async () => {
    for (let seed = 1; seed <= 300; seed += 1) await world.request(diceOf(seed));
  });

  test('20 of the catalog', async () => {
    for (let seed = 1; seed <= 20; seed += 1) await world.catalog(diceOf(seed));
  });
});
