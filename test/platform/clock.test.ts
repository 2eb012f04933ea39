import assert from 'node:assert/strict';
import { test } from 'node:test';
import { systemClock } from '../../src/platform/clock.js';
import { systemRandom } from '../../src/platform/random.js';

test('a sleep ends by itself, or with the reason of its signal', async () => {
  const before = systemClock.monotonicMs();
  await systemClock.sleep(5);
  assert.ok(systemClock.monotonicMs() > before);
  const reason = new Error('enough');
  const abort = new AbortController();
  const asleep = systemClock.sleep(60_000, abort.signal);
  abort.abort(reason);
  await assert.rejects(asleep, (error) => error === reason);
});

test('random bytes have their length, and integers their bound', () => {
  assert.equal(systemRandom.bytes(33).length, 33);
  assert.notDeepEqual(systemRandom.bytes(33), systemRandom.bytes(33));
  const seen = new Set(Array.from({ length: 200 }, () => systemRandom.integer(3)));
  assert.deepEqual([...seen].toSorted(), [0, 1, 2]);
});
