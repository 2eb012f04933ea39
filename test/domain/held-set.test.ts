import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { sha256 } from '../../src/domain/digest.js';
import { decodeHeldSet, encodeHeldSet, type EncodedHeldSet } from '../../src/domain/held-set.js';

const salt = Buffer.alloc(16, 7);
const names = (count: number, word = 'file'): string[] =>
  Array.from({ length: count }, (_, i) => sha256(`${word} ${i}`));

test('everything that was put in is held, and nothing else', () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 400 }), (count) => {
      const digests = names(count);
      const held = decodeHeldSet(encodeHeldSet(digests, salt));
      assert.ok(held);
      assert.equal(held.count, count);
      assert.ok(digests.every((digest) => held.has(digest)));
      assert.ok(!names(100, 'other').some((digest) => held.has(digest)));
    }),
    { numRuns: 40 },
  );
});

test('a hundred thousand digests take about 6.1 bytes each, in any order', () => {
  const digests = names(100_000);
  const encoded = encodeHeldSet(digests, salt);
  assert.ok(encoded.bytes.length < 6.3 * digests.length, `${encoded.bytes.length}`);
  assert.deepEqual(encodeHeldSet([...digests].reverse(), salt), encoded);
  assert.equal(encodeHeldSet([...digests, ...digests], salt).count, digests.length);
});

test('bytes that are no set are refused and end', () => {
  const encoded = encodeHeldSet(names(50), salt);
  const wrong: Partial<EncodedHeldSet>[] = [
    { bytes: encoded.bytes.subarray(0, -1) },
    { bytes: Buffer.concat([encoded.bytes, Buffer.alloc(1)]) },
    { count: 49 },
    { count: 51 },
    { count: 2 ** 50 },
    { count: -1 },
    { riceBits: 64 },
    { riceBits: -1 },
    { riceBits: 1.5 },
    { salt: 'zz' },
    { bytes: Buffer.alloc(encoded.bytes.length, 0xff) },
  ];
  for (const one of wrong) {
    assert.equal(
      decodeHeldSet({ ...encoded, ...one }),
      undefined,
      JSON.stringify(one).slice(0, 60),
    );
  }
});

test('any bytes give a set or nothing', () => {
  fc.assert(
    fc.property(
      fc.uint8Array({ maxLength: 64 }),
      fc.nat(80),
      fc.nat(63),
      (bytes, count, riceBits) => {
        const held = decodeHeldSet({ salt: '00'.repeat(16), count, riceBits, bytes });
        assert.ok(held === undefined || held.count === count);
      },
    ),
  );
});
