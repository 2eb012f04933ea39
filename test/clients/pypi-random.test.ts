import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { newestPip, openPlanner, ownTarget, pipReport } from './pypi-pip.js';
import { makeHardIndex } from './pypi-random.js';
import { compareOnSeeds } from './pypi-random-run.js';

const probe = await pipReport(['six']).catch((thrown: unknown) => String(thrown));
const skip =
  typeof probe === 'object' ? false : 'pip is not there, or no index of its configuration answers';

test('on indexes that chance made, X and pip find answers to the same', { skip }, async (t) => {
  assert.ok(typeof probe === 'object');
  const target = await ownTarget(probe);
  const planner = await openPlanner();
  after(() => planner.upstream.close());
  const pip = await newestPip(planner, target);
  const seeds = Array.from({ length: 120 }, (_, at) => at + 1);
  const run = await compareOnSeeds(seeds, pip, target);
  t.diagnostic(`${pip?.title ?? 'pip'}: ${JSON.stringify(run)}`);
  assert.ok(run.answered > 30 && run.unanswered > 10, 'both kinds are met');
});

test(
  'where an answer is hidden or there is none, X and pip find answers to the same',
  { skip },
  async (t) => {
    assert.ok(typeof probe === 'object');
    const target = await ownTarget(probe);
    const planner = await openPlanner();
    after(() => planner.upstream.close());
    const pip = await newestPip(planner, target);
    const seeds = Array.from({ length: 160 }, (_, at) => at + 1);
    const run = await compareOnSeeds(seeds, pip, target, makeHardIndex);
    t.diagnostic(`${pip?.title ?? 'pip'}: ${JSON.stringify(run)}`);
    assert.ok(run.answered > 20 && run.unanswered > 5, 'both kinds are met');
  },
);
