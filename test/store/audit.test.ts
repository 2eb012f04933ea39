import assert from 'node:assert/strict';
import { readdirSync, readFileSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { sha256 } from '../../src/domain/digest.js';
import { inChunks, leavesOf, piecesOf, sampleBytes } from '../contract/store.js';
import { temporaryStore } from './temporary.js';

const small = sampleBytes(5_000, 'small');
const large = sampleBytes(300_000, 'large');
const coming = sampleBytes(900_000, 'coming');

function flip(path: string, at: number): void {
  const bytes = readFileSync(path);
  bytes[at] = (bytes[at] ?? 0) ^ 1;
  writeFileSync(path, bytes);
}

/** A store with a blob in a pack, one in a file, and two pieces of a partial. */
async function filled(): Promise<Awaited<ReturnType<typeof temporaryStore>>> {
  const temporary = await temporaryStore();
  const { store } = temporary.current;
  await store.putBytes(small);
  await store.putBytes(sampleBytes(4_000, 'beside'));
  await store.put(inChunks(large, 70_000), { maxBytes: large.length });
  const partial = store.partial(sha256(coming), coming.length, leavesOf(coming));
  await partial.write(1, piecesOf(coming).slice(1, 3));
  return temporary;
}

test('an audit of what nobody touched reads nothing', async () => {
  const temporary = await filled();
  const { store } = await temporary.reopen();
  assert.deepEqual(await store.audit(), { rereadBytes: 0, damaged: [] });
  await store.putBytes(sampleBytes(3_000, 'appended to the pack'));
  const again = await temporary.reopen();
  assert.deepEqual(await again.store.audit(), { rereadBytes: 0, damaged: [] });
  await temporary.dispose();
});

test('an audit reads what was touched, once, and drops nothing that is right', async () => {
  const temporary = await filled();
  const { folder } = temporary;
  const name = sha256(large);
  utimesSync(join(folder, 'blobs', name.slice(0, 2), name), new Date(0), new Date(0));
  utimesSync(join(folder, 'partials', sha256(coming)), new Date(0), new Date(0));
  const { store } = await temporary.reopen();
  const pieces = 2 * (256 << 10);
  assert.deepEqual(await store.audit(), { rereadBytes: large.length + pieces, damaged: [] });
  assert.deepEqual(await store.audit(), { rereadBytes: 0, damaged: [] });
  assert.ok(store.stat(name));
  await temporary.dispose();
});

test('an audit finds flipped bits in a file, a pack and a partial', async () => {
  const temporary = await filled();
  const { folder } = temporary;
  const [pack = ''] = readdirSync(join(folder, 'packs'));
  flip(join(folder, 'packs', pack), 100);
  flip(join(folder, 'blobs', sha256(large).slice(0, 2), sha256(large)), 280_000);
  flip(join(folder, 'partials', sha256(coming)), (256 << 10) + 7);
  const { store } = await temporary.reopen();
  const { damaged } = await store.audit();
  assert.deepEqual(
    damaged.map(({ sha256: name, piece }) => `${name} ${piece}`).sort(),
    [`${sha256(small)} undefined`, `${sha256(large)} undefined`, `${sha256(coming)} 1`].sort(),
  );
  assert.equal(store.stat(sha256(small)), undefined);
  assert.ok(store.stat(sha256(sampleBytes(4_000, 'beside'))), 'its neighbour in the pack stays');
  const partial = store.partial(sha256(coming), coming.length, leavesOf(coming));
  assert.deepEqual(
    [0, 1, 2].map((piece) => partial.holds(piece)),
    [false, false, true],
  );
  assert.deepEqual((await store.audit()).damaged, []);
  await temporary.dispose();
});

test('a pack that somebody touched stays untrusted when more is appended to it', async () => {
  const temporary = await filled();
  const [pack = ''] = readdirSync(join(temporary.folder, 'packs'));
  await temporary.current.close();
  flip(join(temporary.folder, 'packs', pack), 100);
  const appending = await temporary.reopen();
  await appending.store.putBytes(sampleBytes(2_000, 'appended after the damage'));
  const { store } = await temporary.reopen();
  const { damaged } = await store.audit();
  assert.deepEqual(damaged, [{ sha256: sha256(small), piece: undefined }]);
  await temporary.dispose();
});

test('what was damaged is remembered until it comes again', async () => {
  const temporary = await filled();
  const [pack = ''] = readdirSync(join(temporary.folder, 'packs'));
  flip(join(temporary.folder, 'packs', pack), 100);
  assert.equal(temporary.current.store.isDamaged(sha256(small)), false);
  assert.equal(await temporary.current.store.verify(sha256(small)), false);
  const { store } = await temporary.reopen();
  assert.equal(store.isDamaged(sha256(small)), true);
  await store.putBytes(small);
  assert.equal(store.isDamaged(sha256(small)), false);
  await temporary.dispose();
});
