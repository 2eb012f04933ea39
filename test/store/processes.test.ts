import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import Database from 'better-sqlite3';
import { sha256 } from '../../src/domain/digest.js';
import { PIECE_SIZE_BYTES } from '../../src/domain/piece.js';
import { openStore, type OpenStore } from '../../src/store/open-store.js';
import { sampleEntry, sampleManifest } from '../contract/catalog.js';
import { hasCode, leavesOf, piecesOf, readAll, sampleBytes } from '../contract/store.js';
import { temporaryStore } from './temporary.js';

/** The same data folder opened twice, as by a resident process and a command beside it. */
async function twice(body: (a: OpenStore, b: OpenStore, folder: string) => Promise<void>) {
  const temporary = await temporaryStore();
  const second = await openStore({ folder: temporary.folder });
  try {
    await body(temporary.current, second, temporary.folder);
  } finally {
    await second.close();
    await temporary.dispose();
  }
}

const bytes = sampleBytes(12 * PIECE_SIZE_BYTES + 9, 'shared');
const name = sha256(bytes);
const leaves = leavesOf(bytes);
const pieces = piecesOf(bytes);

test('two writers append to packs of their own, and see each other’s blobs', () =>
  twice(async (a, b, folder) => {
    const all = Array.from({ length: 200 }, (_, at) => sampleBytes(300 + at, at));
    await Promise.all(
      all.map((small, at) =>
        (at % 2 === 0 ? a : b).store.putBytes(small, { sha256: sha256(small) }),
      ),
    );
    assert.equal(readdirSync(join(folder, 'packs')).length, 2);
    for (const small of all) {
      assert.ok(Buffer.from(await a.store.read(sha256(small), 1 << 20)).equals(small));
      assert.ok(Buffer.from(await b.store.read(sha256(small), 1 << 20)).equals(small));
    }
  }));

test('a pack that was let go is appended to by the next writer', async () => {
  const temporary = await temporaryStore();
  for (let round = 0; round < 3; round += 1) {
    await temporary.current.store.putBytes(sampleBytes(100, round));
    await temporary.reopen();
  }
  assert.deepEqual(readdirSync(join(temporary.folder, 'packs')), ['1.pack']);
  for (let round = 0; round < 3; round += 1) {
    assert.ok(await temporary.current.store.verify(sha256(sampleBytes(100, round))));
  }
  await temporary.dispose();
});

test('two writers of the same partial, pieces interleaved and repeated', () =>
  twice(async (a, b, folder) => {
    const mine = a.store.partial(name, bytes.length, leaves);
    const theirs = b.store.partial(name, bytes.length, leaves);
    const writes: Promise<void>[] = [];
    for (const [at, piece] of pieces.entries()) {
      if (at % 3 !== 0) writes.push(mine.write(at, [piece]));
      if (at % 3 !== 1) writes.push(theirs.write(at, [piece]));
    }
    await Promise.all(writes);
    const third = await openStore({ folder });
    assert.deepEqual(third.store.partials(), [
      { sha256: name, lengthBytes: bytes.length, heldPieces: pieces.length },
    ]);
    await third.store.complete(name);
    await third.close();
    for (const { store } of [a, b]) {
      assert.equal((await store.complete(name)).sha256, name);
      assert.ok((await readAll(store.open(name))).equals(bytes));
    }
    assert.deepEqual(readdirSync(join(folder, 'partials')), []);
  }));

test('one completes while the other still writes', () =>
  twice(async (a, b, folder) => {
    const mine = a.store.partial(name, bytes.length, leaves);
    const theirs = b.store.partial(name, bytes.length, leaves);
    await theirs.write(0, pieces.slice(0, 2));
    await mine.write(0, pieces);
    await Promise.all([
      a.store.complete(name),
      theirs.write(3, pieces.slice(3)),
      theirs.write(2, pieces.slice(2, 3)),
    ]);
    await theirs.write(0, pieces);
    assert.equal(theirs.heldCount(), pieces.length);
    assert.ok(Buffer.from(await theirs.read(5)).equals(pieces[5]!));
    assert.deepEqual(readdirSync(join(folder, 'partials')), []);
    assert.ok((await readAll(b.store.open(name))).equals(bytes));
  }));

test('one removes what the other is writing: nothing wrong comes of it', () =>
  twice(async (a, b) => {
    const mine = a.store.partial(name, bytes.length, leaves);
    await mine.write(0, pieces.slice(0, 6));
    b.store.partial(name, bytes.length, leaves);
    await Promise.all([mine.write(6, pieces.slice(6)), b.store.remove(name)]);
    await mine.write(0, pieces);
    await a.store.complete(name);
    assert.ok((await readAll(b.store.open(name))).equals(bytes));
  }));

test('both complete at once', () =>
  twice(async (a, b) => {
    await a.store.partial(name, bytes.length, leaves).write(0, pieces);
    const both = await Promise.allSettled([a.store.complete(name), b.store.complete(name)]);
    assert.deepEqual(
      both.map(({ status }) => status),
      ['fulfilled', 'fulfilled'],
    );
    assert.ok((await readAll(a.store.open(name))).equals(bytes));
  }));

test('a reader that has a blob open keeps it while another removes it', () =>
  twice(async (a, b) => {
    await a.store.putBytes(bytes);
    const reading = a.store.open(name)[Symbol.asyncIterator]();
    const first = await reading.next();
    await b.store.remove(name);
    const rest: Uint8Array[] = [first.value as Uint8Array];
    for (let next = await reading.next(); next.done !== true; next = await reading.next()) {
      rest.push(next.value);
    }
    assert.ok(Buffer.concat(rest).equals(bytes));
    assert.equal(a.store.stat(name), undefined);
    await assert.rejects(a.store.read(name, 1e9), hasCode('STORE_DAMAGED', 'not held'));
  }));

test('the last blob removed takes its pack along, once nobody appends to it', async () => {
  const temporary = await temporaryStore();
  const small = [sampleBytes(100, 'a'), sampleBytes(200, 'b')];
  for (const one of small) await temporary.current.store.putBytes(one);
  const packs = (): string[] => readdirSync(join(temporary.folder, 'packs'));
  const { store } = await temporary.reopen();
  await store.remove(sha256(small[0]!));
  assert.deepEqual(packs(), ['1.pack']);
  assert.ok(await store.verify(sha256(small[1]!)));
  await store.remove(sha256(small[1]!));
  assert.deepEqual(packs(), []);
  await store.putBytes(small[0]!);
  assert.deepEqual(packs(), ['2.pack'], 'numbers are not used twice');
  await temporary.dispose();
});

test('two catalogs: both write, both see the other’s writes', () =>
  twice(async (a, b) => {
    const many = Array.from({ length: 3_000 }, (_, at) => sampleEntry(`pypi/p${String(at)}`));
    const { id } = a.catalog.saveBundle(sampleManifest(many), 'client', new Map());
    for (let at = 0; at < 50; at += 1) {
      (at % 2 === 0 ? a : b).catalog.setValue('counter', String(at));
      assert.equal((at % 2 === 0 ? b : a).catalog.getValue('counter'), String(at));
    }
    assert.equal([...b.catalog.entries(id)].length, many.length);
  }));

test('a catalog that another process keeps locked: waited for, then DATA_FOLDER_BUSY', async () => {
  let elapsedMs = 0;
  let whileWaiting = (): void => assert.fail('nothing waits yet');
  const clock = {
    now: () => new Date(),
    // Each look at the clock is a second later, so that the bound comes soon.
    monotonicMs: () => (elapsedMs += 1_000),
    sleep: () => Promise.resolve(whileWaiting()),
  };
  const temporary = await temporaryStore({ clock });
  const { store, catalog } = temporary.current;
  const other = new Database(join(temporary.folder, 'catalog.sqlite'));
  other.exec('BEGIN IMMEDIATE');
  assert.throws(() => catalog.setValue('k', 'v'), hasCode('DATA_FOLDER_BUSY', temporary.folder));
  assert.equal(catalog.getValue('k'), undefined, 'reading goes on');
  let waits = 0;
  whileWaiting = () => {
    waits += 1;
    if (other.open) other.close();
  };
  assert.equal((await store.putBytes(bytes)).sha256, name);
  assert.equal(waits, 1);
  await temporary.dispose();
});

test('opening and closing leaves nothing of a writer behind', async () => {
  const temporary = await temporaryStore();
  await temporary.current.store.putBytes(bytes);
  await temporary.current.close();
  assert.deepEqual(readdirSync(join(temporary.folder, 'writers')), []);
  await temporary.reopen();
  await temporary.dispose();
});
