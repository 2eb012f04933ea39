import assert from 'node:assert/strict';
import { test } from 'node:test';
import { clockDoubt } from '../../../src/swarm/public/clock-doubt.js';
import { networkTime } from '../../../src/swarm/public/network-time.js';

/** A machine whose two clocks are set by hand. */
function machine() {
  const state = { wallMs: 1_000_000, monotonicMs: 500 };
  const clock = {
    now: () => new Date(state.wallMs),
    monotonicMs: () => state.monotonicMs,
    sleep: () => Promise.reject(new Error('nobody sleeps here')),
  };
  const passed = (wallMs: number, monotonicMs: number): void => {
    state.wallMs += wallMs;
    state.monotonicMs += monotonicMs;
  };
  return { clock, passed };
}

test('the time of the network does not go back, and is not lost while the machine sleeps', () => {
  const { clock, passed } = machine();
  const now = networkTime(clock);
  assert.equal(now(), 1_000_000);
  passed(10_000, 10_000);
  assert.equal(now(), 1_010_000);
  passed(-3_600_000, 1_000);
  assert.equal(now(), 1_011_000, 'the clock was set back by an hour');
  passed(3_600_000, 0);
  passed(5_000, 0);
  assert.ok(now() <= 1_011_000 + 5_000, 'a small step is not worth a leap');
  passed(8 * 3_600_000, 2_000);
  assert.equal(now(), 1_000_000 + 10_000 + 5_000 + 8 * 3_600_000, 'it slept for eight hours');
});

test('who hears only of another time is told what its clock says', () => {
  const now = Date.UTC(2030, 0, 1);
  const doubt = (tally: Record<string, number>, hereMs = 3_600_000): string | undefined =>
    clockDoubt(new Map(Object.entries(tally)), { now, hereMs });
  assert.equal(doubt({}), undefined);
  assert.equal(doubt({ old: 1 }), undefined);
  assert.equal(doubt({ old: 9, accept: 1 }), undefined);
  assert.equal(doubt({ forged: 9, replay: 9 }), undefined);
  assert.equal(doubt({ old: 9 }, 60_000), undefined, 'the others may not have spoken yet');
  assert.match(doubt({ old: 2 }) ?? '', /2030-01-01 00:00 UTC, .* clocks are behind that/);
  assert.match(doubt({ ahead: 3 }) ?? '', /clocks are ahead of that/);
});
