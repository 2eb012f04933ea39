import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { RunMemory } from '../../src/archive/run-memory.js';
import { ZipVolumeWriter } from '../../src/archive/zip-writer.js';

const zipVolumeWriter = new ZipVolumeWriter();

/** How many runs at pages are free. */
function free(): number {
  const memory = RunMemory.atPages();
  const taken: Uint8Array[] = [];
  for (;;) {
    const whole = memory.take();
    if (whole.buffer.byteLength === whole.length) break;
    taken.push(whole);
  }
  for (const whole of taken) memory.give({ whole });
  return taken.length;
}

test('memory for runs comes back from volumes that differ, that break and that are stopped', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'x-runs-'));
  t.after(() => rm(folder, { recursive: true, force: true }));
  const all = free();
  const bytes = Buffer.alloc(3 << 20, 7);
  const whole = { name: 'a', lengthBytes: bytes.length, open: () => chunks(bytes) };
  const path = join(folder, 'v.zip');
  const size = zipVolumeWriter.sizeOf([whole]);
  for (let at = 0; at < 3; at++) {
    await writeFile(path, Buffer.alloc(size, at));
    assert.equal((await zipVolumeWriter.write(path, [whole])).state, 'written');
  }
  assert.equal((await zipVolumeWriter.write(path, [whole])).state, 'kept');
  assert.equal(free(), all);
  const broken = { ...whole, open: () => breaking(bytes) };
  await rm(path);
  for (let at = 0; at < 3; at++) {
    await assert.rejects(zipVolumeWriter.write(path, [broken]), /unreadable/);
  }
  const stopped = { signal: AbortSignal.abort(new Error('stopped')) };
  await assert.rejects(zipVolumeWriter.write(path, [whole], stopped), /stopped/);
  assert.equal(free(), all);
});

async function* chunks(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield await Promise.resolve(bytes);
}

async function* breaking(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield await Promise.resolve(bytes.subarray(0, bytes.length >> 1));
  throw new Error('unreadable');
}
