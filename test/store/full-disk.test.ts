import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmdirSync,
  rmSync,
  statfsSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { sha256 } from '../../src/domain/digest.js';
import { messageOf } from '../../src/domain/errors.js';
import { openStore, type OpenStore } from '../../src/store/open-store.js';
import { hasCode, inChunks, leavesOf, piecesOf, readAll, sampleBytes } from '../contract/store.js';

const DISK_BYTES = 12 << 20;

/** A file system of its own, small enough to fill. Skips where this user may not mount one. */
async function onSmallDisk(
  context: TestContext,
  body: (folder: string, open: OpenStore) => Promise<void>,
): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'x-full-'));
  try {
    const options = ['-t', 'tmpfs', '-o', `size=${String(DISK_BYTES)}`, 'x-full', folder];
    execFileSync('mount', options, { stdio: 'pipe' });
  } catch (error) {
    rmdirSync(folder);
    context.skip(`a small file system cannot be mounted here: ${messageOf(error)}`);
    return;
  }
  try {
    const open = await openStore({ folder });
    try {
      await body(folder, open);
    } finally {
      await open.close();
    }
  } finally {
    execFileSync('umount', [folder]);
    rmdirSync(folder);
  }
}

/** Leaves `freeBytes` of the disk. */
function fill(folder: string, freeBytes: number): void {
  const { bavail, bsize } = statfsSync(folder);
  writeFileSync(join(folder, 'filler'), Buffer.alloc(bavail * bsize - freeBytes));
}

const isFull = hasCode('DISK_FULL', 'bytes free', 'bytes to write');
const big = sampleBytes(5 << 20, 'big');

test('a long body on a full disk: DISK_FULL with the sizes, nothing left behind', (context) =>
  onSmallDisk(context, async (folder, { store }) => {
    const kept = await store.putBytes(sampleBytes(4_000, 'kept'));
    fill(folder, 3 << 20);
    const expected = { lengthBytes: big.length, maxBytes: 1e9 };
    await assert.rejects(store.put(inChunks(big, 65_536), expected), isFull);
    await assert.rejects(store.putBytes(big), isFull);
    assert.equal(store.stat(sha256(big)), undefined);
    const left = readdirSync(join(folder, 'writers'), { recursive: true, withFileTypes: true });
    assert.deepEqual(
      left.filter((entry) => entry.isFile() && !entry.name.endsWith('.lock')),
      [],
    );
    assert.ok(await store.verify(kept.sha256));
    rmSync(join(folder, 'filler'));
    await store.put(inChunks(big, 65_536), expected);
    assert.ok((await readAll(store.open(sha256(big)))).equals(big));
  }));

test('small blobs on a full disk: those that were stored stay, the rest can come later', (context) =>
  onSmallDisk(context, async (folder, { store }) => {
    await store.putBytes(sampleBytes(100, 'first'));
    fill(folder, 1 << 20);
    const small = Array.from({ length: 100 }, (_, at) => sampleBytes(40_000, at));
    const outcomes = [];
    for (const bytes of small) {
      outcomes.push((await Promise.allSettled([store.putBytes(bytes)]))[0]);
    }
    const failed = outcomes.filter((outcome) => outcome?.status === 'rejected');
    assert.ok(failed.length > 0 && failed.length < small.length, String(failed.length));
    for (const outcome of failed)
      if (outcome?.status === 'rejected') hasCode('DISK_FULL')(outcome.reason);
    for (const [at, outcome] of outcomes.entries()) {
      const name = sha256(small[at]!);
      if (outcome?.status === 'fulfilled') assert.ok(await store.verify(name));
      else assert.equal(store.stat(name), undefined);
    }
    rmSync(join(folder, 'filler'));
    for (const bytes of small) await store.putBytes(bytes);
    for (const bytes of small) assert.ok(await store.verify(sha256(bytes)));
  }));

test('pieces on a full disk: what was held stays held', (context) =>
  onSmallDisk(context, async (folder, { store }) => {
    const partial = store.partial(sha256(big), big.length, leavesOf(big));
    const pieces = piecesOf(big);
    await partial.write(0, pieces.slice(0, 4));
    fill(folder, 1 << 20);
    await assert.rejects(partial.write(4, pieces.slice(4)), isFull);
    assert.equal(partial.heldCount(), 4);
    rmSync(join(folder, 'filler'));
    await partial.write(4, pieces.slice(4));
    await store.complete(sha256(big));
    assert.ok((await readAll(store.open(sha256(big)))).equals(big));
  }));

test('a download on a full disk goes on where the disk ended', (context) =>
  onSmallDisk(context, async (folder, { store }) => {
    const expected = {
      digests: { sha256: sha256(big) },
      lengthBytes: big.length,
      maxBytes: 1e9,
    };
    const offsets: number[] = [];
    const fetch = async (offset: number) => {
      await Promise.resolve();
      offsets.push(offset);
      return { offset, stream: inChunks(big.subarray(offset), 65_536) };
    };
    fill(folder, 3 << 20);
    await assert.rejects(store.putResumable('k', fetch, expected), hasCode('DISK_FULL'));
    rmSync(join(folder, 'filler'));
    await store.putResumable('k', fetch, expected);
    assert.equal(offsets.length, 2);
    assert.ok((await readAll(store.open(sha256(big)))).equals(big));
  }));

test('a store on a disk without a byte left can still be read', (context) =>
  onSmallDisk(context, async (folder, { store }) => {
    const kept = await store.putBytes(big);
    fill(folder, 0);
    assert.ok(await store.verify(kept.sha256));
    await assert.rejects(store.putBytes(sampleBytes(50_000, 'no')), hasCode('DISK_FULL'));
  }));

test('a full disk on which a process died is opened and read, and cleared up when there is room', (context) =>
  onSmallDisk(context, async (folder, { store }) => {
    const kept = await store.putBytes(big);
    const dead = join(folder, 'writers', 'dead');
    mkdirSync(dead);
    writeFileSync(`${dead}.lock`, '');
    const read = async (): Promise<void> => {
      const again = await openStore({ folder });
      try {
        assert.ok((await readAll(again.store.open(kept.sha256))).equals(big));
      } finally {
        await again.close();
      }
    };
    fill(folder, 0);
    await read();
    rmSync(join(folder, 'filler'));
    mkdirSync(dead, { recursive: true });
    writeFileSync(`${dead}.lock`, '');
    writeFileSync(join(dead, '1'), Buffer.alloc(1 << 20));
    fill(folder, 0);
    await read();
    assert.ok(!existsSync(dead), 'what it left gave the room that clearing up takes');
  }));
