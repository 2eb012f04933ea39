import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { ZipVolumeReader } from '../../src/archive/zip-reader.js';
import { ZipVolumeWriter } from '../../src/archive/zip-writer.js';
import type { VolumeItem } from '../../src/ports/volume.js';

let dir: string;
before(async () => {
  dir = await mkdtemp(join(tmpdir(), 'x-volumes-'));
});
after(() => rm(dir, { recursive: true }));

const filled = (name: string, lengthBytes: number, chunk: Buffer): VolumeItem => ({
  name,
  lengthBytes,
  async *open() {
    for (let at = 0; at < lengthBytes; at += chunk.length) {
      yield chunk.subarray(0, Math.min(chunk.length, lengthBytes - at));
    }
  },
});

async function roundTrip(items: VolumeItem[], probe: string): Promise<number> {
  const path = join(dir, 'demo.x.zip');
  const writer = new ZipVolumeWriter();
  const { sizeBytes } = await writer.write(path, items);
  const planned = items.reduce(
    (sum, { name, lengthBytes }) => sum + lengthBytes + writer.itemOverheadBytes(name),
    writer.volumeOverheadBytes,
  );
  assert.ok(sizeBytes <= planned);
  const volume = await new ZipVolumeReader().open(path);
  assert.deepEqual(
    [...volume.entries.keys()],
    items.map(({ name }) => name),
  );
  let count = 0;
  for await (const chunk of volume.read(probe)) count += chunk.length;
  await volume.close();
  return count;
}

test('more entries than a plain zip can count', async () => {
  const one = Buffer.from('x');
  const items = Array.from({ length: 66_000 }, (_, i) => filled(`artifacts/${i}`, 1, one));
  assert.equal(await roundTrip(items, 'artifacts/65999'), 1);
});

test('entries larger than, and beyond, what 32 bits count', async () => {
  const chunk = Buffer.alloc(1 << 20, 7);
  const large = 2 ** 32 + 5;
  const items = [filled('artifacts/large', large, chunk), filled('artifacts/after', 9, chunk)];
  assert.equal(await roundTrip(items, 'artifacts/after'), 9);
  assert.equal(await roundTrip(items, 'artifacts/large'), large);
});
