import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  leafHash,
  packLeaves,
  PIECE_SIZE_BYTES,
  pieceCount,
  pieceLengthBytes,
  TreeHasher,
  treeRoot,
  unpackLeaves,
} from '../../src/domain/piece.js';

/** RFC 9162 section 2.1.1, as the text defines it: recursive, split at the largest power of two below n. */
function recursiveRoot(leaves: readonly Uint8Array[]): Uint8Array {
  if (leaves.length === 0) return createHash('sha256').digest();
  if (leaves.length === 1) return leaves[0]!;
  let split = 1;
  while (split * 2 < leaves.length) split *= 2;
  const hash = createHash('sha256').update(Uint8Array.of(1));
  return hash
    .update(recursiveRoot(leaves.slice(0, split)))
    .update(recursiveRoot(leaves.slice(split)))
    .digest();
}

test('the root is that of the definition, for every count of leaves up to 70', () => {
  const leaves = Array.from({ length: 70 }, (_, i) => leafHash(Uint8Array.of(i)));
  for (let n = 0; n <= leaves.length; n += 1) {
    assert.deepEqual(
      Buffer.from(treeRoot(leaves.slice(0, n))),
      Buffer.from(recursiveRoot(leaves.slice(0, n))),
      `${n} leaves`,
    );
  }
});

test('known answers: no leaf, the empty leaf', () => {
  assert.equal(
    Buffer.from(treeRoot([])).toString('hex'),
    'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855',
  );
  assert.equal(
    Buffer.from(leafHash(new Uint8Array())).toString('hex'),
    '6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d',
  );
});

test('chunks of any size give the same leaves', () => {
  const bytes = Buffer.alloc(PIECE_SIZE_BYTES * 2 + 777, 7);
  const expected = [0, 1, 2].map((i) =>
    Buffer.from(leafHash(bytes.subarray(i * PIECE_SIZE_BYTES, (i + 1) * PIECE_SIZE_BYTES))),
  );
  fc.assert(
    fc.property(
      fc.array(fc.integer({ min: 1, max: 400_000 }), { minLength: 1, maxLength: 6 }),
      (sizes) => {
        const hasher = new TreeHasher();
        for (let at = 0, i = 0; at < bytes.length; i += 1) {
          const size = sizes[i % sizes.length]!;
          hasher.update(bytes.subarray(at, at + size));
          at += size;
        }
        assert.deepEqual(
          hasher.finish().map((leaf) => Buffer.from(leaf)),
          expected,
        );
      },
    ),
    { numRuns: 20 },
  );
});

test('counts and lengths at the edges', () => {
  assert.deepEqual([0, 1, PIECE_SIZE_BYTES, PIECE_SIZE_BYTES + 1].map(pieceCount), [0, 1, 1, 2]);
  assert.equal(pieceLengthBytes(PIECE_SIZE_BYTES + 1, 1), 1);
});

test('packed leaves unpack; a torn pack does not', () => {
  const leaves = [leafHash(Uint8Array.of(1)), leafHash(Uint8Array.of(2))];
  assert.deepEqual(
    unpackLeaves(packLeaves(leaves))?.map((leaf) => Buffer.from(leaf)),
    leaves.map((leaf) => Buffer.from(leaf)),
  );
  assert.equal(unpackLeaves(new Uint8Array(33)), undefined);
});
