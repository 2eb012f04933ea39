import assert from 'node:assert/strict';
import { test } from 'node:test';
import { BOUNDS } from '../../src/domain/bounds.js';
import { NETWORK_POLICY as POLICY } from '../../src/network/policy.js';
import { QuestionBatches } from '../../src/network/question-batches.js';

test('what is asked within a moment goes together, and never more than one message may carry', () => {
  const batches = new QuestionBatches<number>();
  assert.equal(batches.nextMs(), Infinity);
  batches.add(0, 100);
  assert.equal(batches.nextMs(), 100 + POLICY.gatherMs);
  assert.equal(batches.next(100), undefined);
  batches.add(1, 100 + POLICY.gatherMs - 1);
  assert.deepEqual(batches.next(100 + POLICY.gatherMs), [0, 1]);
  for (let i = 0; i < BOUNDS.lookupKeys + 3; i++) batches.add(i, 200);
  assert.equal(batches.next(200)?.length, BOUNDS.lookupKeys, 'a full one does not wait');
  assert.equal(batches.isIdle, false);
});

test('while enough messages are unanswered others wait, and go together when one was answered', () => {
  const batches = new QuestionBatches<string>();
  for (let i = 0; i < POLICY.questionsToOne; i++) {
    batches.add('early', 1_000 * i);
    assert.deepEqual(batches.next(1_000 * i + POLICY.gatherMs), ['early']);
  }
  for (const one of ['a', 'b', 'given up', 'c']) batches.add(one, 5_000);
  batches.remove('given up');
  assert.equal(batches.next(9_000), undefined);
  assert.equal(batches.nextMs(), Infinity);
  batches.answered();
  assert.deepEqual(batches.next(9_000), ['a', 'b', 'c']);
  for (let i = 0; i < POLICY.questionsToOne; i++) batches.answered();
  assert.ok(batches.isIdle);
});

test('who answers one at a time is asked one at a time', () => {
  const batches = new QuestionBatches<number>();
  for (let i = 0; i < 3; i++) batches.add(i, 0);
  assert.deepEqual(batches.next(POLICY.gatherMs, 1), [0]);
  assert.deepEqual(batches.next(POLICY.gatherMs, 1), [1]);
});
