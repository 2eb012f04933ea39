import assert from 'node:assert/strict';
import { readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { PIECE_SIZE_BYTES } from '../../src/domain/piece.js';
import { storeContent } from '../../src/gateway/content.js';
import type { CatalogEntry } from '../../src/ports/catalog.js';
import { temporaryStore } from '../store/temporary.js';
import { entryOf, raw, startGateway, statuses, type Running } from './harness.js';

const large = Uint8Array.from(
  { length: 5 * PIECE_SIZE_BYTES + 17 },
  (_, index) => (index * 13) >> 4,
);
const small = Uint8Array.from({ length: 3_000 }, (_, index) => (index * 5) >> 1);

interface Rotting extends Running {
  folder: string;
  /** Whether `want` finds the bytes somewhere. */
  reachable: boolean;
  wanted: string[];
}

/** A gateway over a real store that holds both blobs, and a peer that has them too. */
async function overStore(t: TestContext): Promise<Rotting> {
  const temporary = await temporaryStore();
  t.after(() => temporary.dispose());
  const { store } = temporary.current;
  const entries = new Map<string, CatalogEntry>();
  for (const [path, bytes] of Object.entries({ large, small })) {
    await store.putBytes(bytes);
    entries.set(path, entryOf(path, bytes));
  }
  const rotting = { folder: temporary.folder, reachable: true, wanted: [] as string[] };
  const content = storeContent(store, async (entry) => {
    rotting.wanted.push(entry.path);
    if (!rotting.reachable) throw new Error('no peer has it');
    await store.putBytes(entry.path === 'large' ? large : small);
  });
  const gateway = await startGateway(t, { content });
  for (const [path, entry] of entries) gateway.server.entries.set(path, entry);
  return Object.assign(rotting, gateway);
}

/** Flips a bit of `bytes` at `at` in whatever file of the folder holds them. */
async function rot(folder: string, bytes: Uint8Array, at: number): Promise<void> {
  let found = 0;
  for (const name of await readdir(folder, { recursive: true })) {
    const path = join(folder, name);
    if (!(await stat(path)).isFile() || /sqlite|\.db/.test(name)) continue;
    const file = await readFile(path);
    const start = file.indexOf(bytes);
    if (start < 0) continue;
    file.writeUInt8(file.readUInt8(start + at) ^ 1, start + at);
    await writeFile(path, file);
    found++;
  }
  assert.equal(found, 1, 'the bytes lie in one file of the store');
}

test('whole blobs and ranges of them come out of the store as they went in', async (t) => {
  const gateway = await overStore(t);
  for (const [path, bytes] of Object.entries({ large, small })) {
    const url = `${gateway.url}/tiny/${path}`;
    assert.deepEqual(Buffer.from(await (await fetch(url)).arrayBuffer()), Buffer.from(bytes));
    for (const [start, end] of [
      [0, 1],
      [1_000, 2_999],
      [bytes.length - 1, bytes.length],
    ] as const) {
      const part = await fetch(url, { headers: { range: `bytes=${start}-${end - 1}` } });
      assert.deepEqual(
        Buffer.from(await part.arrayBuffer()),
        Buffer.from(bytes.subarray(start, end)),
      );
    }
  }
});

test('a range over a piece border', async (t) => {
  const gateway = await overStore(t);
  const [start, end] = [PIECE_SIZE_BYTES - 1, 2 * PIECE_SIZE_BYTES + 1];
  const part = await fetch(`${gateway.url}/tiny/large`, {
    headers: { range: `bytes=${start}-${end - 1}` },
  });
  assert.equal(part.status, 206);
  assert.deepEqual(Buffer.from(await part.arrayBuffer()), Buffer.from(large.subarray(start, end)));
});

for (const [path, bytes, at] of [
  ['small', small, 1_500],
  ['large', large, 0],
  ['large', large, 3 * PIECE_SIZE_BYTES + 5],
] as const) {
  test(`${path} rotted at ${at}: fetched again, and the client gets the right bytes`, async (t) => {
    const gateway = await overStore(t);
    await rot(gateway.folder, bytes, at);
    const response = await fetch(`${gateway.url}/tiny/${path}`);
    assert.deepEqual(Buffer.from(await response.arrayBuffer()), Buffer.from(bytes));
    assert.deepEqual(gateway.wanted, [path]);
    const again = await fetch(`${gateway.url}/tiny/${path}`);
    assert.deepEqual(Buffer.from(await again.arrayBuffer()), Buffer.from(bytes));
    assert.deepEqual(gateway.wanted, [path]);
  });

  test(`${path} rotted at ${at} with nobody to ask: no wrong byte leaves, and later it works`, async (t) => {
    const gateway = await overStore(t);
    await rot(gateway.folder, bytes, at);
    gateway.reachable = false;
    const request = `GET /tiny/${path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n`;
    const answer = await raw(gateway.port, request);
    const body = Buffer.from(answer.slice(answer.indexOf('\r\n\r\n') + 4), 'latin1');
    if (at < PIECE_SIZE_BYTES) {
      assert.deepEqual(statuses(answer), [503]);
      assert.match(body.toString(), new RegExp(`^${path} is on its way`));
    } else {
      assert.deepEqual(statuses(answer), [200]);
      assert.ok(body.length < bytes.length, 'broken off');
      assert.deepEqual(body, Buffer.from(bytes.subarray(0, body.length)));
    }
    gateway.reachable = true;
    const later = await fetch(`${gateway.url}/tiny/${path}`);
    assert.deepEqual(Buffer.from(await later.arrayBuffer()), Buffer.from(bytes));
  });
}
