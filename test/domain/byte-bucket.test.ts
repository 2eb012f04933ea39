import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ByteBucket } from '../../src/domain/byte-bucket.js';
import { rateAt } from '../../src/domain/rate-schedule.js';

test('over a long time no more passes than the rate says, whatever the parts', () => {
  const bucket = new ByteBucket(0);
  let now = 0;
  let passed = 0;
  let size = 1;
  while (now < 60_000) {
    size = (size * 7_919) % 300_000;
    passed += size;
    now += bucket.take(size, 100_000, now);
  }
  const most = 60 * 100_000 + 50_000 + 300_000;
  assert.ok(passed <= most && passed > 5_500_000, `${passed} bytes in a minute at 100 kB/s`);
});

test('those who wait are in line: who comes later waits longer', () => {
  const bucket = new ByteBucket(0);
  const waits = [1, 2, 3].map(() => bucket.take(100_000, 100_000, 0));
  assert.deepEqual(waits, [1_000, 2_000, 3_000]);
});

test('a pause gives half a second of the rate at once, and no more', () => {
  const bucket = new ByteBucket(0);
  assert.equal(bucket.take(50_000, 100_000, 3_600_000), 0);
  assert.equal(bucket.take(100, 100_000, 3_600_000), 1);
});

test('a rate that changes holds from then on; without one nothing waits and no debt stays', () => {
  const bucket = new ByteBucket(0);
  assert.equal(bucket.take(100_000, 100_000, 0), 1_000);
  assert.equal(bucket.take(0, 200_000, 0), 500);
  assert.equal(bucket.take(1e9, undefined, 0), 0);
  assert.equal(bucket.take(1_000, 100_000, 0), 10);
});

test('a clock that stands or is behind takes nothing back', () => {
  const bucket = new ByteBucket(1_000);
  assert.equal(bucket.take(100_000, 100_000, 1_000), 1_000);
  assert.equal(bucket.take(0, 100_000, 500), 1_000);
});

test('hours over midnight, and the first that hold', () => {
  const schedule = {
    otherwise: 1,
    windows: [
      { fromMinute: 22 * 60, untilMinute: 6 * 60, rate: 2 },
      { fromMinute: 5 * 60, untilMinute: 7 * 60, rate: undefined },
    ],
  };
  const at = (hour: number, minute = 0) => rateAt(schedule, hour * 60 + minute);
  assert.deepEqual(
    [at(21, 59), at(22), at(0), at(5, 59), at(6), at(6, 59), at(7)],
    [1, 2, 2, 2, undefined, undefined, 1],
  );
});
