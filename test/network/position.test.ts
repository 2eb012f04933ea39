import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  bytesOfPosition,
  compareDistance,
  networkId,
  NodePositions,
  positionOfBytes,
  positionOfDigest,
  positionOfNode,
  positionSharing,
  sharedBits,
  textOfPosition,
} from '../../src/network/position.js';
import { seededRandom } from '../simulation/virtual-time.js';
import { didOf } from './kit.js';

const places = fc.uint8Array({ minLength: 32, maxLength: 32 }).map((b) => positionOfBytes(b)!);

test('a place is 32 bytes there and back; anything else is none', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 40 }), (bytes) => {
      const place = positionOfBytes(bytes);
      assert.equal(place !== undefined, bytes.length === 32);
      if (place !== undefined) assert.deepEqual([...bytesOfPosition(place)], [...bytes]);
    }),
  );
});

test('distance is the exclusive or, read as one number', () => {
  const big = (bytes: Uint8Array): bigint => BigInt(`0x${Buffer.from(bytes).toString('hex')}`);
  fc.assert(
    fc.property(places, places, places, (key, a, b) => {
      const [k, x, y] = [key, a, b].map((place) => big(bytesOfPosition(place))) as [
        bigint,
        bigint,
        bigint,
      ];
      const expected = (x ^ k) < (y ^ k) ? -1 : (x ^ k) > (y ^ k) ? 1 : 0;
      assert.equal(compareDistance(key, a, b), expected);
      assert.equal(compareDistance(key, a, a), 0);
      const bits = (x ^ k).toString(2);
      assert.equal(sharedBits(key, a), x === k ? 256 : 256 - bits.length);
    }),
  );
});

test('one network’s places say nothing in another', () => {
  const hex = 'ab'.repeat(32);
  const one = positionOfDigest('one', 'sha256', hex);
  assert.deepEqual(one, positionOfDigest('one', 'sha256', hex));
  assert.notDeepEqual(one, positionOfDigest('two', 'sha256', hex));
  assert.notDeepEqual(positionOfNode('one', didOf(1)), positionOfNode('two', didOf(1)));
  assert.equal(textOfPosition(one).length, 43);
});

test('the memory of places is bounded, and forgets nothing but time', () => {
  const memory = new NodePositions('test', 10);
  const first = memory.of(didOf(0));
  for (let i = 1; i < 100; i++) memory.of(didOf(i));
  assert.deepEqual(memory.of(didOf(0)), first);
});

test('a drawn place shares just so many bits, and the rest is drawn', () => {
  const random = seededRandom(7);
  fc.assert(
    fc.property(places, fc.integer({ min: 0, max: 255 }), (own, bits) => {
      assert.equal(sharedBits(own, positionSharing(own, bits, random)), bits);
    }),
  );
  const own = positionOfNode('test', didOf(1));
  const drawn = new Set(
    Array.from({ length: 100 }, () => textOfPosition(positionSharing(own, 3, random))),
  );
  assert.equal(drawn.size, 100);
});

test('networks have ids of their own, and places are none', () => {
  const ids = ['a', 'b', ''].map((name) => Buffer.from(networkId(name)).toString('hex'));
  assert.equal(new Set(ids).size, 3);
  assert.ok(ids.every((id) => id.length === 64));
});
