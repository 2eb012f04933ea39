import assert from 'node:assert/strict';
import { test } from 'node:test';
import { tellLastSeen } from '../../src/roles/last-seen.js';
import { SteppingClock } from '../upstream/http-harness.js';

const HOUR_MS = 3_600_000;

test('the age of an index is in the headers of each answer, and told every now and then', () => {
  const clock = new SteppingClock();
  const told: string[] = [];
  const tell = tellLastSeen(clock, (message) => told.push(message));
  const seenAt = new Date(clock.now().getTime() - 3 * HOUR_MS);
  const headers = tell('the page of "näme"\r\nx: y', seenAt);
  assert.equal(headers['age'], String(3 * 3_600));
  assert.match(headers['warning'] ?? '', /^110 x "[ !#-[\]-~]*, 3 hours old"$/);
  for (let more = 0; more < 100; more += 1) assert.ok(tell('another', seenAt)['warning']);
  assert.equal(told.length, 1);
  clock.atMs += 61_000;
  tell('a third', seenAt);
  assert.equal(told.length, 2);
  assert.match(told[1] ?? '', /a third .*100 more answers/);
});
