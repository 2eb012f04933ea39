import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { lengthOf, type PieceBytes } from '../../src/domain/piece.js';
import { PieceMemory } from '../../src/swarm/piece-memory.js';
import { noise } from './nodes.js';

const KIB = 1 << 10;

test('what somebody holds stays as it is, whatever is copied and released meanwhile', () => {
  const step = fc.record({
    what: fc.constantFrom('copy', 'copy', 'hold', 'release', 'release'),
    at: fc.nat(20),
    length: fc.oneof(fc.nat(300), fc.integer({ min: 30 * KIB, max: 256 * KIB })),
  });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
      const memory = new PieceMemory(MAX_FREE);
      const held: { bytes: Uint8Array; was: Uint8Array; users: number }[] = [];
      steps.forEach(({ what, at, length }, seed) => {
        const one = held[at % Math.max(1, held.length)];
        if (what === 'copy') {
          const was = noise(length, seed);
          const parts: PieceBytes = [was.subarray(0, length >> 1), was.subarray(length >> 1)];
          held.push({ bytes: memory.copy(parts), was, users: 1 });
        } else if (one !== undefined && what === 'hold') {
          memory.hold(one.bytes);
          one.users += 1;
        } else if (one !== undefined) {
          memory.release(one.bytes);
          one.users -= 1;
          if (one.users === 0) held.splice(held.indexOf(one), 1);
        }
        for (const { bytes, was } of held) assert.ok(Buffer.compare(bytes, was) === 0);
        assert.ok(memory.freeBytes <= MAX_FREE);
      });
    }),
    { numRuns: 40 },
  );
});

const MAX_FREE = 512 * KIB;

test('a block is used again, once, and one that was released twice is not given to two', () => {
  const memory = new PieceMemory(MAX_FREE);
  const first = memory.copy(noise(200 * KIB, 1));
  memory.release(first);
  memory.release(first);
  const second = memory.copy(noise(199 * KIB, 2));
  const third = memory.copy(noise(199 * KIB, 3));
  assert.equal(second.byteOffset, first.byteOffset);
  assert.ok(Math.abs(third.byteOffset - second.byteOffset) >= 256 * KIB, 'a block of its own');
  memory.hold([second]);
  assert.equal(lengthOf(second), 199 * KIB);
});

test('what can be written past the page cache is used first again, however much more was in use at once', () => {
  const memory = new PieceMemory(MAX_FREE);
  const isAtPage = (bytes: Uint8Array): boolean => bytes.buffer instanceof SharedArrayBuffer;
  const fill = (): Uint8Array[] =>
    Array.from({ length: 5 }, (_, seed) => memory.copy(noise(256 * KIB, seed)));
  for (let round = 0; round < 4; round += 1) {
    const pieces = fill();
    assert.deepEqual(pieces.map(isAtPage), [true, true, false, false, false]);
    // In another order than they came.
    for (const at of [3, 1, 4, 0, 2]) memory.release(pieces[at] as Uint8Array);
    assert.ok(memory.freeBytes <= MAX_FREE);
  }
});
