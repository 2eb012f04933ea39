import assert from 'node:assert/strict';
import { test } from 'node:test';
import { LatelyVerified } from '../../src/store/lately-verified.js';

const A = 'a'.repeat(64);

test('a piece counts as verified for a while, in the same file only', () => {
  const lately = new LatelyVerified(2, 100);
  lately.note(A, 'stamp', 3, 1, 1_000);
  assert.ok(lately.isVerified(A, 'stamp', 1, 1_000));
  assert.ok(lately.isVerified(A, 'stamp', 1, 1_099));
  assert.ok(!lately.isVerified(A, 'stamp', 1, 1_100), 'it was long ago');
  assert.ok(!lately.isVerified(A, 'stamp', 1, 999), 'the clock was set back');
  assert.ok(!lately.isVerified(A, 'stamp', 0, 1_000), 'another piece');
  assert.ok(!lately.isVerified(A, 'other', 1, 1_000), 'the file has changed');
  assert.ok(!lately.isVerified('b'.repeat(64), 'stamp', 1, 1_000), 'another blob');
});

test('nothing of a file that changed stays', () => {
  const lately = new LatelyVerified(2, 100);
  lately.note(A, 'stamp', 3, 1, 1_000);
  lately.note(A, 'other', 3, 2, 1_000);
  assert.ok(!lately.isVerified(A, 'stamp', 1, 1_000));
  assert.ok(!lately.isVerified(A, 'other', 1, 1_000));
  assert.ok(lately.isVerified(A, 'other', 2, 1_000));
  lately.forget(A);
  assert.ok(!lately.isVerified(A, 'other', 2, 1_000));
});

test('it remembers so many files', () => {
  const lately = new LatelyVerified(2, 100);
  for (const name of ['a', 'b', 'c']) lately.note(name.repeat(64), 'stamp', 1, 0, 1_000);
  assert.ok(!lately.isVerified('a'.repeat(64), 'stamp', 0, 1_000));
  assert.ok(lately.isVerified('c'.repeat(64), 'stamp', 0, 1_000));
});
