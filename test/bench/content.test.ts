import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';
import { deflateRawSync } from 'node:zlib';
import { bytesOf, largeContent, mixedContent, totalBytes } from '../../bench/lan/content.js';
import { median } from '../../bench/lan/report.js';

const MIB = 1 << 20;

async function read(seed: string, path: string, lengthBytes: number): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  // What a chunk holds is its own: a writer may keep it while the next one is made.
  for await (const chunk of bytesOf(seed, { path, lengthBytes })) chunks.push(chunk);
  return Buffer.concat(chunks);
}

test('content is what the scenario says: one large file, 2,000 small ones, the rest in between', () => {
  const files = mixedContent('a');
  assert.equal(totalBytes(files), 256 * MIB);
  assert.equal(files[0]?.lengthBytes, 128 * MIB);
  const small = files.filter(({ path }) => path.startsWith('small/'));
  assert.equal(small.length, 2_000);
  assert.ok(small.every(({ lengthBytes }) => lengthBytes >= 1_000 && lengthBytes <= 200_000));
  const medium = files.filter(({ path }) => path.startsWith('medium/'));
  assert.ok(medium.every(({ lengthBytes }) => lengthBytes >= 1e6 && lengthBytes <= 21e6));
  assert.equal(new Set(files.map(({ path }) => path)).size, files.length);
  assert.deepEqual(mixedContent('a'), files);
  assert.notDeepEqual(mixedContent('b'), files);
  assert.equal(totalBytes(largeContent('a', 1_000 * MIB)), 1_000 * MIB);
});

test('bytes follow from seed and path, and do not compress', async () => {
  const first = await read('a', 'one', 3 * MIB + 5);
  assert.equal(first.length, 3 * MIB + 5);
  assert.equal(
    createHash('sha256').update(first).digest('hex'),
    createHash('sha256')
      .update(await read('a', 'one', 3 * MIB + 5))
      .digest('hex'),
  );
  assert.notDeepEqual(first.subarray(0, 64), (await read('a', 'two', 64)).subarray(0, 64));
  assert.notDeepEqual(first.subarray(0, 64), (await read('b', 'one', 64)).subarray(0, 64));
  assert.ok(deflateRawSync(first).length >= first.length);
});

test('a median is the middle, or the mean of the two in the middle', () => {
  assert.equal(median([3, 1, 2]), 2);
  assert.equal(median([4, 1, 2, 3]), 2.5);
});
