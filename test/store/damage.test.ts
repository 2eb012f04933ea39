import assert from 'node:assert/strict';
import {
  existsSync,
  openSync,
  readdirSync,
  readSync,
  rmSync,
  truncateSync,
  writeSync,
} from 'node:fs';
import { closeSync, mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import Database from 'better-sqlite3';
import { sha256 } from '../../src/domain/digest.js';
import { PIECE_SIZE_BYTES } from '../../src/domain/piece.js';
import { openStore } from '../../src/store/open-store.js';
import type { Damage } from '../../src/store/context.js';
import { hasCode, leavesOf, piecesOf, readAll, sampleBytes } from '../contract/store.js';
import { Machine } from '../operations/world.js';
import { temporaryStore, type TemporaryStore } from './temporary.js';

function flipBit(path: string, at: number): void {
  const file = openSync(path, 'r+');
  const byte = Buffer.alloc(1);
  readSync(file, byte, 0, 1, at);
  byte[0] = (byte[0] ?? 0) ^ 0x10;
  writeSync(file, byte, 0, 1, at);
  closeSync(file);
}

async function damaged(
  body: (temporary: TemporaryStore, damages: Damage[]) => Promise<void>,
): Promise<void> {
  const damages: Damage[] = [];
  const temporary = await temporaryStore({ onDamage: (damage) => damages.push(damage) });
  try {
    await body(temporary, damages);
  } finally {
    await temporary.dispose();
  }
}

function blobPath(folder: string, name: string): string {
  return join(folder, 'blobs', name.slice(0, 2), name);
}

const large = sampleBytes(4 * PIECE_SIZE_BYTES + 100, 'large');
const name = sha256(large);

test('a flipped bit in a file: the pieces before it come out, then the blob is dropped', () =>
  damaged(async ({ folder, current: { store } }, damages) => {
    await store.putBytes(large);
    flipBit(blobPath(folder, name), 2 * PIECE_SIZE_BYTES + 77);
    const got: Uint8Array[] = [];
    await assert.rejects(
      async () => {
        for await (const chunk of store.open(name)) got.push(chunk);
      },
      hasCode('STORE_DAMAGED', name, 'piece 2'),
    );
    assert.ok(Buffer.concat(got).equals(large.subarray(0, 2 * PIECE_SIZE_BYTES)));
    assert.deepEqual(
      damages.map((damage) => damage.sha256),
      [name],
    );
    assert.equal(store.stat(name), undefined);
    assert.ok(!existsSync(blobPath(folder, name)));
    await store.putBytes(large);
    assert.ok((await readAll(store.open(name))).equals(large));
  }));

test('a bit flipped a moment after its piece was read and found right is found at the next read', () =>
  damaged(async ({ folder, current: { store } }) => {
    await store.putBytes(large);
    assert.ok((await readAll(store.open(name))).equals(large));
    flipBit(blobPath(folder, name), 2 * PIECE_SIZE_BYTES + 77);
    await assert.rejects(readAll(store.open(name)), hasCode('STORE_DAMAGED', name, 'piece 2'));
    assert.equal(store.stat(name), undefined);
  }));

test('a range beside the damage is still good', () =>
  damaged(async ({ folder, current: { store } }, damages) => {
    await store.putBytes(large);
    flipBit(blobPath(folder, name), 0);
    const range = { start: PIECE_SIZE_BYTES, end: 2 * PIECE_SIZE_BYTES };
    assert.ok(
      (await readAll(store.open(name, range))).equals(large.subarray(range.start, range.end)),
    );
    assert.deepEqual(damages, []);
    assert.equal(await store.verify(name), false);
    assert.equal(damages.length, 1);
    assert.equal(await store.verify(name), false, 'gone by now');
  }));

test('a file that was cut short or is gone is damage too', () =>
  damaged(async ({ folder, current: { store } }, damages) => {
    for (const harm of [
      (path: string) => truncateSync(path, 1_000),
      (path: string) => rmSync(path),
    ]) {
      await store.putBytes(large);
      harm(blobPath(folder, name));
      await assert.rejects(readAll(store.open(name)), hasCode('STORE_DAMAGED', name));
      assert.equal(store.stat(name), undefined);
    }
    assert.equal(damages.length, 2);
  }));

test('a blob whose file is gone is stored again by the next put', () =>
  damaged(async ({ folder, current: { store } }) => {
    await store.putBytes(large);
    rmSync(blobPath(folder, name));
    await store.putBytes(large);
    assert.ok((await readAll(store.open(name))).equals(large));
  }));

test('a flipped bit in a pack costs its blob and no other', () =>
  damaged(async (temporary, damages) => {
    const small = Array.from({ length: 20 }, (_, at) => sampleBytes(1_000, at));
    for (const bytes of small) await temporary.current.store.putBytes(bytes);
    const { store } = await temporary.reopen();
    flipBit(join(temporary.folder, 'packs', '1.pack'), 7 * 1_000 + 3);
    for (const [at, bytes] of small.entries()) {
      const reading = store.read(sha256(bytes), 1 << 20);
      if (at === 7) await assert.rejects(reading, hasCode('STORE_DAMAGED', sha256(bytes)));
      else assert.ok(Buffer.from(await reading).equals(bytes));
    }
    assert.deepEqual(
      damages.map((damage) => damage.sha256),
      [sha256(small[7]!)],
    );
    await store.putBytes(small[7]!);
    assert.ok(Buffer.from(await store.read(sha256(small[7]!), 1_000)).equals(small[7]!));
  }));

test('read together, a flipped bit costs its blob and no other, and a pack that is gone all of them', () =>
  damaged(async (temporary, damages) => {
    const small = Array.from({ length: 20 }, (_, at) => sampleBytes(1_000, at));
    for (const bytes of small) await temporary.current.store.putBytes(bytes);
    const { store } = await temporary.reopen();
    const pack = join(temporary.folder, 'packs', '1.pack');
    flipBit(pack, 7 * 1_000 + 3);
    const names = small.map((bytes) => sha256(bytes));
    const read = await store.readSmall(names);
    for (const [at, bytes] of small.entries()) {
      if (at === 7) assert.equal(read[at], undefined);
      else assert.ok(Buffer.from(read[at]!).equals(bytes));
    }
    const lost = (): string[] => damages.map((damage) => damage.sha256);
    assert.deepEqual(lost(), [names[7]]);
    assert.equal(store.stat(names[7]!), undefined, 'it was dropped');
    const again = await temporary.reopen();
    rmSync(pack);
    assert.ok((await again.store.readSmall(names)).every((bytes) => bytes === undefined));
    assert.deepEqual(lost().sort(), [...names].sort());
  }));

test('a pack that is gone costs what was in it; new blobs go on', () =>
  damaged(async (temporary) => {
    const bytes = sampleBytes(500, 'packed');
    await temporary.current.store.putBytes(bytes);
    const { store } = await temporary.reopen();
    rmSync(join(temporary.folder, 'packs', '1.pack'));
    await assert.rejects(store.read(sha256(bytes), 1_000), hasCode('STORE_DAMAGED', 'gone'));
    await store.putBytes(bytes);
    assert.ok(Buffer.from(await store.read(sha256(bytes), 1_000)).equals(bytes));
  }));

test('a flipped bit in a partial costs that piece, found at reading or at completing', () =>
  damaged(async (temporary, damages) => {
    const pieces = piecesOf(large);
    await temporary.current.store.partial(name, large.length, leavesOf(large)).write(0, pieces);
    const { store } = await temporary.reopen();
    const path = join(temporary.folder, 'partials', name);
    const partial = store.partial(name, large.length, leavesOf(large));
    flipBit(path, PIECE_SIZE_BYTES + 5);
    await assert.rejects(partial.read(1), hasCode('STORE_DAMAGED', 'piece 1'));
    assert.equal(partial.holds(1), false);
    flipBit(path, 3 * PIECE_SIZE_BYTES);
    await partial.write(1, [pieces[1]!]);
    await assert.rejects(store.complete(name), hasCode('STORE_DAMAGED', 'piece 3'));
    assert.deepEqual(
      damages.map(({ piece }) => piece),
      [1, 3],
    );
    assert.deepEqual(store.partials(), [
      { sha256: name, lengthBytes: large.length, heldPieces: 4 },
    ]);
    await partial.write(3, [pieces[3]!]);
    await store.complete(name);
    assert.ok((await readAll(store.open(name))).equals(large));
  }));

test('a partial whose file is gone gives nothing wrong', () =>
  damaged(async (temporary) => {
    const pieces = piecesOf(large);
    await temporary.current.store.partial(name, large.length, leavesOf(large)).write(0, pieces);
    const { store } = await temporary.reopen();
    rmSync(join(temporary.folder, 'partials', name));
    const partial = store.partial(name, large.length, leavesOf(large));
    await assert.rejects(partial.read(0), hasCode('STORE_DAMAGED'));
    await assert.rejects(store.complete(name), hasCode('INCOMPLETE'));
  }));

test('a catalog that is none is said, and left alone', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'x-store-'));
  mkdirSync(folder, { recursive: true });
  const noise = sampleBytes(8_192, 'noise');
  writeFileSync(join(folder, 'catalog.sqlite'), noise);
  await assert.rejects(openStore({ folder }), hasCode('STORE_DAMAGED', folder));
  assert.deepEqual(readdirSync(join(folder, 'blobs')), []);
  rmSync(folder, { recursive: true });
});

test('a catalog of a newer x is refused', async () => {
  const temporary = await temporaryStore();
  await temporary.current.close();
  const sql = new Database(join(temporary.folder, 'catalog.sqlite'));
  sql.pragma('user_version = 999');
  sql.close();
  await assert.rejects(
    openStore({ folder: temporary.folder }),
    hasCode('RUNTIME_UNSUITED', 'schema 999'),
  );
  rmSync(temporary.folder, { recursive: true });
});

test('a catalog whose rows or columns rotted is said to be damaged', async () => {
  const machine = await Machine.start('rotten');
  const change = (sql: string): void => {
    const database = new Database(join(machine.dir, 'data', 'catalog.sqlite'));
    database.exec(sql);
    database.close();
  };
  const again = async (): Promise<void> => {
    await machine.close();
    await machine.open();
  };
  try {
    await machine.publish({ tiny: 10 });
    const [record] = machine.catalog.bundles();
    change('CREATE TABLE kept AS SELECT * FROM entries');
    for (const rot of [
      "requires = '[\"pkg:'",
      "targets = '{}'",
      "sha256 = 'text'",
      "detail = '{'",
    ]) {
      change(`UPDATE entries SET ${rot}`);
      assert.throws(() => [...machine.catalog.entries(record!.id)], hasCode('STORE_DAMAGED'), rot);
      change('DELETE FROM entries; INSERT INTO entries SELECT * FROM kept');
      assert.equal([...machine.catalog.entries(record!.id)].length, 2);
    }
    change('ALTER TABLE blobs RENAME COLUMN stamp TO stomp');
    await assert.rejects(again(), hasCode('STORE_DAMAGED', 'stamp'));
    change('ALTER TABLE blobs RENAME COLUMN stomp TO stamp');
    await machine.open();
  } finally {
    await machine.end();
  }
});
