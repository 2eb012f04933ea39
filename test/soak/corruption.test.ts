import { after, before, describe, test } from 'node:test';
import { CorruptionWorld, diceOf, type Dice } from '../operations/corruption-kit.js';

/** `X_SOAK_PART=3/8`: one of so many parts of the ten thousand; all of them where it is not set. */
const [part = 1, parts = 1] = (process.env['X_SOAK_PART'] ?? '1/1').split('/').map(Number);

const KINDS: {
  name: string;
  count: number;
  run(world: CorruptionWorld, dice: Dice, at: number): Promise<void>;
}[] = [
  { name: 'volumes', count: 5_000, run: (world, dice, at) => world.volume(dice, at % 20 === 0) },
  { name: 'metadata', count: 2_500, run: (world, dice) => world.metadata(dice) },
  { name: 'requests', count: 1_500, run: (world, dice) => world.request(dice) },
  { name: 'the catalog', count: 1_000, run: (world, dice) => world.catalog(dice) },
];

describe('ten thousand random corruptions', () => {
  let world: CorruptionWorld;
  before(async () => {
    world = await CorruptionWorld.start();
  });
  after(() => world.end());
  for (const { name, count, run } of KINDS) {
    test(`${count} of ${name}`, async () => {
      for (let at = 1; at <= count; at += 1) {
        if (at % parts === part % parts) await run(world, diceOf(1_000_000 + at), at);
      }
    });
  }
});
