import assert from 'node:assert/strict';
import { test } from 'node:test';
import { PublicSwarmScene, whyNoSwarm, type Signed } from './public-swarm-scene.js';

/**
 * The official source is asked after a second of silence: where processes wait for processors, it is, and
 * timings never decide a test. So it is run by hand, on a machine that does nothing else.
 */
const whyNotAsked =
  process.env['X_PUBLIC_SWARM'] === '1'
    ? undefined
    : 'its deadlines need a machine that does nothing else; X_PUBLIC_SWARM=1 runs it';

const skip = whyNoSwarm() ?? whyNotAsked ?? false;
const LINK_MBIT = 20;

/** The part of what was fetched that the swarm gave. */
function share({ signed }: Signed): number {
  return Number(signed['swarm']) / Number(signed['fetched']);
}

test('one node alone, named by hand, gives all that it holds', { skip }, async (t) => {
  const scene = await PublicSwarmScene.open(t, LINK_MBIT);
  await scene.hold(1);
  await scene.node(1, undefined);
  const before = scene.asked;
  const fetched = await scene.fetch(scene.peer(1)).done;
  t.diagnostic(`${(100 * share(fetched)).toFixed(1)} % from the swarm`);
  assert.ok(share(fetched) >= 0.95, JSON.stringify(fetched));
  assert.deepEqual(fetched.warnings, []);
  t.diagnostic(`${scene.asked - before} requests for files at the registry`);
  assert.equal(await scene.verify(), 0);
});
