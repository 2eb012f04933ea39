import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readdirSync, renameSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { BOUNDS } from '../../src/domain/bounds.js';
import { sha256, sha512 } from '../../src/domain/digest.js';
import { PIECE_SIZE_BYTES } from '../../src/domain/piece.js';
import { openStore } from '../../src/store/open-store.js';
import { WriterLease } from '../../src/store/writer-lease.js';
import { hasCode, inChunks, leavesOf, piecesOf, readAll, sampleBytes } from '../contract/store.js';
import { temporaryStore, type TemporaryStore } from './temporary.js';

const bytes = sampleBytes(3 * PIECE_SIZE_BYTES, 'swept');
const name = sha256(bytes);

function blobPath(folder: string): string {
  return join(folder, 'blobs', name.slice(0, 2), name);
}

/** A folder with the traces of a writer that died: a lock nobody holds, and its files. */
async function afterDeath(
  prepare: (temporary: TemporaryStore, writer: string) => Promise<void>,
): Promise<TemporaryStore> {
  const temporary = await temporaryStore();
  const id = 'dead';
  const writer = join(temporary.folder, 'writers', id);
  mkdirSync(writer);
  writeFileSync(`${writer}.lock`, '');
  await prepare(temporary, writer);
  await temporary.reopen();
  return temporary;
}

test('temporary files of a dead writer go, those of a living one stay', async () => {
  const temporary = await afterDeath(async ({ current, folder }, writer) => {
    writeFileSync(join(writer, '1'), 'half a body');
    const living = WriterLease.take(join(folder, 'writers'));
    writeFileSync(living.newFile(), 'more to come');
    await current.close();

    await (await openStore({ folder })).close();
    assert.ok(!existsSync(writer));
    assert.deepEqual(readdirSync(living.folder), ['1']);
    living.release();
  });
  assert.deepEqual(readdirSync(join(temporary.folder, 'writers')), []);
  await temporary.dispose();
});

test('died between a file’s final name and its row: the file goes', async () => {
  const temporary = await afterDeath(async ({ folder }, writer) => {
    await Promise.resolve();
    writeFileSync(join(writer, `${name}.placing`), '');
    mkdirSync(dirname(blobPath(folder)), { recursive: true });
    writeFileSync(blobPath(folder), bytes);
  });
  assert.ok(!existsSync(blobPath(temporary.folder)));
  assert.equal(temporary.current.store.stat(name), undefined);
  await temporary.dispose();
});

test('died after the row: the blob stays', async () => {
  const temporary = await afterDeath(async ({ current }, writer) => {
    writeFileSync(join(writer, `${name}.placing`), '');
    await current.store.putBytes(bytes);
  });
  assert.ok((await readAll(temporary.current.store.open(name))).equals(bytes));
  await temporary.dispose();
});

test('died while a partial became whole: its pieces are held as before', async () => {
  const temporary = await afterDeath(async ({ current, folder }, writer) => {
    await current.store.partial(name, bytes.length, leavesOf(bytes)).write(0, piecesOf(bytes));
    writeFileSync(join(writer, `${name}.placing`), '');
    mkdirSync(dirname(blobPath(folder)), { recursive: true });
    renameSync(join(folder, 'partials', name), blobPath(folder));
  });
  const { store } = temporary.current;
  assert.deepEqual(store.partials(), [{ sha256: name, lengthBytes: bytes.length, heldPieces: 3 }]);
  await store.complete(name);
  assert.ok((await readAll(store.open(name))).equals(bytes));
  await temporary.dispose();
});

test('a partial’s file that no row knows goes', async () => {
  const temporary = await afterDeath(async ({ folder }) => {
    await Promise.resolve();
    writeFileSync(join(folder, 'partials', name), '');
  });
  assert.deepEqual(readdirSync(join(temporary.folder, 'partials')), []);
  await temporary.dispose();
});

test('a download that nobody continues is dropped after its time, not before', async () => {
  let now = new Date('2026-11-01T00:00:00Z');
  const clock = {
    now: () => now,
    monotonicMs: () => performance.now(),
    sleep: () => Promise.resolve(),
  };
  const temporary = await temporaryStore({ clock });
  async function* broken(): AsyncGenerator<Uint8Array> {
    yield* inChunks(sampleBytes(2 << 20, 'down'), 1 << 20);
    throw new Error('the line broke');
  }
  const expected = { digests: { sha256: name }, maxBytes: 1e9 };
  const fetch = () => Promise.resolve({ offset: 0, stream: broken() });
  await assert.rejects(temporary.current.store.putResumable('k', fetch, expected), /line broke/);
  const downloads = (): string[] => readdirSync(join(temporary.folder, 'downloads'));
  now = new Date(now.getTime() + BOUNDS.abandonedDownloadMs - 1);
  await temporary.reopen();
  assert.equal(downloads().length, 1);
  now = new Date(now.getTime() + 2);
  await temporary.reopen();
  assert.equal(downloads().length, 0);
  await temporary.dispose();
});

test('no name but a digest reaches a path', async () => {
  const temporary = await temporaryStore();
  const { store, catalog } = temporary.current;
  await store.putBytes(bytes);
  for (const evil of ['../../etc/passwd', '', 'ab', `${name}/x`, name.toUpperCase()]) {
    assert.equal(store.stat(evil), undefined);
    assert.throws(() => store.partial(evil, 10, [Buffer.alloc(32)]), /named by a sha256/);
    await assert.rejects(readAll(store.open(evil)), hasCode('STORE_DAMAGED'));
    assert.equal(store.leaves(evil), undefined);
    assert.deepEqual(catalog.entriesBySha256(evil), []);
    await store.remove(evil);
  }
  assert.equal(store.findBySha512(`${sha512(bytes)}zz`), undefined);
  assert.ok(await store.verify(name));
  await temporary.dispose();
});
