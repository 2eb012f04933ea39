import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { Bitmap, decodeBitmap, encodeBitmap, scan } from '../../src/transfer/bitmap.js';

const sets = fc.integer({ min: 0, max: 300 }).chain((length) =>
  fc.record({
    length: fc.constant(length),
    leaves: fc.uniqueArray(fc.integer({ min: 0, max: Math.max(0, length - 1) }), {
      maxLength: length,
    }),
  }),
);

function bitmapOf(length: number, leaves: readonly number[]): Bitmap {
  const bitmap = new Bitmap(length);
  for (const leaf of leaves) bitmap.add(leaf);
  return bitmap;
}

function leavesOf(bitmap: Bitmap): number[] {
  const leaves: number[] = [];
  bitmap.forEach((leaf) => leaves.push(leaf));
  return leaves;
}

test('a bitmap comes back from its wire form as it was, and is never longer than its bits', () => {
  fc.assert(
    fc.property(sets, ({ length, leaves }) => {
      const bytes = encodeBitmap(bitmapOf(length, leaves));
      assert.ok(bytes.length <= 1 + Math.ceil(length / 8));
      const back = decodeBitmap(bytes, length);
      assert.ok(back);
      const sorted = [...leaves].filter((leaf) => leaf < length).sort((a, b) => a - b);
      assert.deepEqual(leavesOf(back), sorted);
      assert.equal(back.count, sorted.length);
    }),
  );
});

test('a million leaves of which all or none are held take a few bytes', () => {
  assert.ok(encodeBitmap(Bitmap.full(1_000_000)).length < 10);
  assert.ok(encodeBitmap(new Bitmap(1_000_000)).length < 10);
});

test('whatever bytes a peer sends, decoding answers with a bitmap or undefined', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 60 }), fc.nat(500), (bytes, length) => {
      const bitmap = decodeBitmap(bytes, length);
      if (bitmap === undefined) return;
      for (const leaf of leavesOf(bitmap)) assert.ok(leaf < length);
    }),
  );
  assert.equal(decodeBitmap(Uint8Array.of(1, 0, 9), 8), undefined, 'past the end');
  assert.equal(decodeBitmap(Uint8Array.of(0, 0xff), 7), undefined, 'a bit past the end');
  assert.equal(decodeBitmap(Uint8Array.of(1, 0xff), 8), undefined, 'a torn varint');
  assert.equal(decodeBitmap(Uint8Array.of(), 8), undefined);
});

test('scan visits every set leaf once, from the start given and around', () => {
  fc.assert(
    fc.property(sets, fc.nat(299), ({ length, leaves }, start) => {
      fc.pre(length > 0 && start < length);
      const bitmap = bitmapOf(length, leaves);
      const seen: number[] = [];
      scan(
        length,
        start,
        (word) => bitmap.words[word] ?? 0,
        (leaf) => {
          seen.push(leaf);
          return true;
        },
      );
      const sorted = leavesOf(bitmap);
      const expected = [
        ...sorted.filter((leaf) => leaf >= start),
        ...sorted.filter((leaf) => leaf < start),
      ];
      assert.deepEqual(seen, expected);
    }),
  );
});

test('counts follow additions, deletions and ranges', () => {
  const bitmap = new Bitmap(100);
  bitmap.addRange(10, 70);
  assert.equal(bitmap.count, 70);
  assert.equal(bitmap.add(10), false);
  assert.equal(bitmap.add(100), false);
  assert.equal(bitmap.delete(10), true);
  assert.equal(bitmap.delete(10), false);
  assert.equal(bitmap.count, 69);
  bitmap.addRange(0, 1_000);
  assert.equal(bitmap.count, 100);
});
