import assert from 'node:assert/strict';
import { test } from 'node:test';
import { encodeLine } from '../../src/platform/control-message.js';
import { Misses } from '../../src/roles/misses.js';

test('whatever was asked for in vain fits on one control line', () => {
  const misses = new Misses();
  for (let i = 0; i < 1_000; i += 1) misses.note(`${i}${'\u0001\u{1F600}'.repeat(4_000)}`);
  const names = misses.since(0);
  assert.equal(names.length, 256);
  assert.ok(encodeLine({ ok: { mark: misses.mark, names } }).length > 0);
});

test('a mark beyond all that was noted gives no names, only where the marks are', () => {
  const misses = new Misses();
  for (const name of ['one', 'two']) misses.note(name);
  assert.deepEqual(misses.since(Number.MAX_SAFE_INTEGER), []);
  const { mark } = misses;
  for (const name of ['three', 'three']) misses.note(name);
  assert.deepEqual(misses.since(mark), ['three']);
});
