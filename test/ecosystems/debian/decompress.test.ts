import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { setImmediate as turn } from 'node:timers/promises';
import { test } from 'node:test';
import { decompress } from '../../../src/ecosystems/debian/decompress.js';

const BYTES = randomBytes(1_000_000);
const packed = spawnSync('xz', ['-0', '-c'], { input: BYTES, maxBuffer: 1 << 24 });
const skip = packed.error !== undefined && 'xz is not installed';

async function* slices(): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < packed.stdout.length; at += 1 << 14) {
    await turn();
    yield packed.stdout.subarray(at, at + (1 << 14));
  }
}

async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  await turn();
  yield bytes;
}

test('a reader of xz may leave anywhere: nothing is thrown behind its back', { skip }, async () => {
  for (let enough = 0; enough <= BYTES.length; enough += 50_000) {
    let read = 0;
    for await (const chunk of decompress(slices(), 'xz', BYTES.length, 'here')) {
      read += chunk.length;
      if (read > enough) break;
    }
  }
  const chunks: Uint8Array[] = [];
  for await (const chunk of decompress(slices(), 'xz', BYTES.length, 'here'))
    chunks.push(Buffer.from(chunk));
  assert.ok(Buffer.concat(chunks).equals(BYTES));
});

test('so may one of a few bytes that are unpacked before they are read', { skip }, async () => {
  const small = spawnSync('xz', ['-c'], { input: BYTES.subarray(0, 100_000) }).stdout;
  for (let round = 0; round < 20; round += 1) {
    for await (const chunk of decompress(once(small), 'xz', BYTES.length, 'here')) {
      await turn();
      assert.ok(chunk.length > 0);
      break;
    }
  }
});
