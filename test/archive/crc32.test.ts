import assert from 'node:assert/strict';
import { test } from 'node:test';
import { crc32 } from 'node:zlib';
import fc from 'fast-check';
import { combineCrc32 } from '../../src/archive/crc32.js';

test('the checksum of two runs is that of their bytes one after the other', () => {
  fc.assert(
    fc.property(fc.uint8Array(), fc.uint8Array({ maxLength: 5_000 }), (first, second) => {
      const joined = crc32(Buffer.concat([first, second]));
      assert.equal(combineCrc32(crc32(first), crc32(second), second.length), joined);
    }),
  );
});

test('of runs of megabytes too', () => {
  const first = Buffer.from('x');
  const second = Buffer.alloc((3 << 20) + 1, 7);
  const joined = crc32(second, crc32(first));
  assert.equal(combineCrc32(crc32(first), crc32(second), second.length), joined);
  // A megabyte of zeros, doubled from one: nobody reads them.
  let zeros = crc32(Buffer.alloc(1));
  for (let length = 1; length < 2 ** 20; length *= 2) zeros = combineCrc32(zeros, zeros, length);
  assert.equal(zeros, crc32(Buffer.alloc(2 ** 20)));
  assert.equal(
    combineCrc32(combineCrc32(0x1234, zeros, 2 ** 20), zeros, 2 ** 20),
    combineCrc32(0x1234, combineCrc32(zeros, zeros, 2 ** 20), 2 ** 21),
  );
});
