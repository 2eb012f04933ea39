import assert from 'node:assert/strict';
import { mkdtemp, open, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { localDirectFiles } from '../../src/archive/direct-file.js';
import type { DirectFiles } from '../../src/ports/direct-files.js';
import { openStore, type OpenStore } from '../../src/store/open-store.js';
import { Layout } from '../../src/store/layout.js';
import { hasCode, sampleBytes } from '../contract/store.js';

const long = sampleBytes((9 << 20) + 5, 'long');

async function withStore(
  direct: DirectFiles | undefined,
  work: (open: OpenStore, folder: string) => Promise<void>,
): Promise<void> {
  // Not in the temporary folder where that is memory, which knows no reads past the cache.
  const folder = await mkdtemp(join(tmpdir(), 'x-streaming-'));
  try {
    const opened = await openStore({ folder, direct });
    try {
      await work(opened, folder);
    } finally {
      await opened.close();
    }
  } finally {
    await rm(folder, { recursive: true });
  }
}

async function copied(chunks: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const copies: Buffer[] = [];
  for await (const chunk of chunks) copies.push(Buffer.from(chunk));
  return Buffer.concat(copies);
}

const ways: [string, DirectFiles | undefined][] = [
  ['through the page cache', undefined],
  ['past the page cache', localDirectFiles()],
  ['where the disk refuses it later', refusing()],
];

/** Opens for reads past the cache, and then every read is told that it may not be. */
function refusing(): DirectFiles {
  const real = localDirectFiles();
  return { ...real, take: () => Buffer.alloc((1 << 20) + 1).subarray(1) };
}

for (const [way, direct] of ways) {
  test(`a long blob is streamed ${way}: the same bytes, any range of them, several at once`, () =>
    withStore(direct, async ({ store }) => {
      const { sha256 } = await store.putBytes(long);
      const all = await Promise.all([1, 2, 3].map(() => copied(store.stream(sha256))));
      for (const one of all) assert.ok(one.equals(long));
      for (const [start, end] of [
        [1, 2],
        [262_144, long.length],
        [(9 << 20) - 1, (9 << 20) + 5],
        [5_000_000, 5_300_000],
      ] as const) {
        const part = await copied(store.stream(sha256, { start, end }));
        assert.ok(part.equals(long.subarray(start, end)), `${start} to ${end}`);
      }
    }));

  test(`what rotted is not handed out ${way}`, () =>
    withStore(direct, async ({ store }, folder) => {
      const { sha256 } = await store.putBytes(long);
      const file = await open(new Layout(folder).blob(sha256), 'r+');
      await file.write(Buffer.from([0x00, 0xff]), 0, 2, 7 << 20);
      await file.sync();
      await file.close();
      await assert.rejects(copied(store.stream(sha256)), hasCode('STORE_DAMAGED', 'piece 28'));
    }));
}

test('one who stops early leaves nothing open', () =>
  withStore(localDirectFiles(), async ({ store }) => {
    const { sha256 } = await store.putBytes(long);
    for await (const chunk of store.stream(sha256)) {
      assert.ok(chunk.length > 0);
      break;
    }
    assert.ok((await copied(store.stream(sha256))).equals(long));
  }));
