import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { Uint8ArrayList } from 'uint8arraylist';
import { joined } from '../../src/domain/piece.js';
import { decodeFrame, encodeAnswer } from '../../src/swarm/answers.js';
import { PieceFrame } from '../../src/swarm/messages.pb.js';
import { noise } from './nodes.js';

const MANIFEST = 'ab'.repeat(32);
const leaves = fc.array(
  fc.record({
    leaf: fc.oneof(fc.constant(0), fc.nat(0xffffffff)),
    length: fc.oneof(fc.integer({ min: 1, max: 300 }), fc.integer({ min: 15_000, max: 40_000 })),
  }),
  { maxLength: 12 },
);
const id = fc.oneof(fc.constant(0), fc.nat(0xffffffff));

function cut(bytes: Uint8Array, everyBytes: number): Uint8ArrayList {
  const list = new Uint8ArrayList();
  for (let at = 0; at < bytes.length; at += everyBytes) {
    list.append(bytes.subarray(at, at + everyBytes));
  }
  return list;
}

test('an answer is the same bytes on the wire as the schema makes, and reads back however it is cut', () => {
  fc.assert(
    fc.property(id, leaves, fc.integer({ min: 1, max: 70_000 }), (number, shapes, everyBytes) => {
      const pieces = shapes.map(({ leaf, length }, at) => ({ leaf, data: noise(length, at) }));
      const parted = pieces.map(({ leaf, data }) => ({
        leaf,
        bytes: [data.subarray(0, 7), data.subarray(7)],
      }));
      const bytes = encodeAnswer(MANIFEST, number, parted).subarray();
      const schema = PieceFrame.encode({
        manifest: Uint8Array.from(Buffer.from(MANIFEST, 'hex')),
        bye: false,
        answer: {
          id: number,
          pieces: pieces.map(({ leaf, data }) => ({ leaf, data: data.slice() })),
        },
      });
      assert.deepEqual(Buffer.from(bytes), Buffer.from(schema));
      const frame = decodeFrame(cut(bytes, Math.max(everyBytes, bytes.length >> 8)));
      assert.equal(Buffer.from(frame.manifest).toString('hex'), MANIFEST);
      assert.equal(frame.answer?.id, number);
      assert.deepEqual(
        frame.answer?.pieces.map(({ leaf, bytes: data }) => [leaf, Buffer.from(joined(data))]),
        pieces.map(({ leaf, data }) => [leaf, Buffer.from(data)]),
      );
    }),
    { numRuns: 60 },
  );
});

test('what is damaged is refused or read as the schema reads it, never otherwise', () => {
  const pieces = [
    { leaf: 3, bytes: noise(20, 1) },
    { leaf: 4, bytes: noise(40, 2) },
  ];
  const whole = encodeAnswer(MANIFEST, 9, pieces).subarray();
  fc.assert(
    fc.property(fc.nat(whole.length - 1), fc.nat(255), fc.nat(whole.length), (at, byte, end) => {
      const bytes = Uint8Array.from(whole.subarray(0, end));
      if (at < bytes.length) bytes[at] = byte;
      let expected: PieceFrame | undefined;
      try {
        expected = PieceFrame.decode(bytes);
      } catch {
        assert.throws(() => decodeFrame(new Uint8ArrayList(bytes)));
        return;
      }
      const got = decodeFrame(new Uint8ArrayList(bytes));
      assert.equal(got.answer?.id, expected.answer?.id);
      assert.deepEqual(
        got.answer?.pieces.map(({ leaf, bytes: data }) => [leaf, Buffer.from(joined(data))]),
        expected.answer?.pieces.map(({ leaf, data }) => [leaf, Buffer.from(data)]),
      );
    }),
    { numRuns: 2_000 },
  );
});
