import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { judgeRange, noneMatchNames, type RangeVerdict } from '../../src/gateway/byte-range.js';

const whole: RangeVerdict = { kind: 'whole' };
const none: RangeVerdict = { kind: 'unsatisfiable' };
const part = (start: number, end: number): RangeVerdict => ({ kind: 'part', start, end });

test('ranges of ten bytes', () => {
  const table: [string | undefined, RangeVerdict][] = [
    [undefined, whole],
    ['bytes=0-', part(0, 10)],
    ['bytes=0-0', part(0, 1)],
    ['bytes=3-5', part(3, 6)],
    ['BYTES=3-5', part(3, 6)],
    ['bytes=3-99', part(3, 10)],
    ['bytes=9-', part(9, 10)],
    ['bytes=-3', part(7, 10)],
    ['bytes=-99', part(0, 10)],
    ['bytes=10-', none],
    ['bytes=10-12', none],
    ['bytes=-0', none],
    ['bytes=99999999999999999999999-', none],
    ['bytes=0-99999999999999999999999', part(0, 10)],
    ['bytes=5-3', whole],
    ['bytes=-', whole],
    ['bytes=0-1,3-4', whole],
    ['bytes=0x1-2', whole],
    ['bytes=1.5-2', whole],
    ['items=0-1', whole],
    ['', whole],
  ];
  for (const [header, expected] of table) {
    assert.deepEqual(judgeRange(header, undefined, '"e"', 10), expected, String(header));
  }
});

test('a range of nothing cannot be satisfied', () => {
  for (const header of ['bytes=0-', 'bytes=-1', 'bytes=0-0']) {
    assert.deepEqual(judgeRange(header, undefined, '"e"', 0), none, header);
  }
});

test('If-Range lets a range through for this very representation only', () => {
  assert.deepEqual(judgeRange('bytes=1-', '"e"', '"e"', 10), part(1, 10));
  for (const other of ['"f"', 'W/"e"', 'Thu, 01 Jan 2026 00:00:00 GMT']) {
    assert.deepEqual(judgeRange('bytes=1-', other, '"e"', 10), whole);
  }
});

test('whatever is asked, a part lies inside', () => {
  fc.assert(
    fc.property(
      fc.nat(),
      fc.nat(),
      fc.nat(),
      fc.constantFrom('a-b', 'a-', '-b'),
      (a, b, length, form) => {
        const header = `bytes=${form.replace('a', String(a)).replace('b', String(b))}`;
        const verdict = judgeRange(header, undefined, '"e"', length);
        if (verdict.kind !== 'part') return;
        assert.ok(verdict.start >= 0 && verdict.start < verdict.end && verdict.end <= length);
      },
    ),
  );
});

test('If-None-Match', () => {
  assert.equal(noneMatchNames(undefined, '"e"'), false);
  assert.equal(noneMatchNames('"e"', '"e"'), true);
  assert.equal(noneMatchNames('"a", W/"e"', '"e"'), true);
  assert.equal(noneMatchNames('*', '"e"'), true);
  assert.equal(noneMatchNames('"a"', '"e"'), false);
});
