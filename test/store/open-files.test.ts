import assert from 'node:assert/strict';
import { constants, existsSync, readdirSync, readlinkSync } from 'node:fs';
import { mkdtemp, open, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { OpenFiles } from '../../src/store/open-files.js';

const FDS = '/proc/self/fd';
const noProc = existsSync(FDS) ? false : 'no /proc here to see open files in';

/** How often this process has a file open. */
function openings(path: string): number {
  return readdirSync(FDS).filter((fd) => {
    try {
      return readlinkSync(join(FDS, fd)) === path;
    } catch {
      return false; // The listing's own.
    }
  }).length;
}

test('a file that was being opened while all are closed does not stay open', async (t) => {
  if (noProc !== false) return t.skip(noProc);
  const folder = await mkdtemp(join(tmpdir(), 'x-open-files-'));
  try {
    const path = join(folder, 'blob');
    await writeFile(path, 'bytes');
    const files = new OpenFiles(4);
    (await files.take(path, constants.O_RDONLY)).release();
    const late = files.take(path, constants.O_RDWR);
    await files.close();
    const { handle, release } = await late;
    assert.equal((await handle.readFile()).toString(), 'bytes');
    assert.equal(openings(path), 1);
    release();
    for (let turns = 0; turns < 100 && openings(path) > 0; turns += 1) await wait(10);
    assert.equal(openings(path), 0);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});

test('a file that is written past the page cache stays open between uses, as long as it has its name', async (t) => {
  if (noProc !== false) return t.skip(noProc);
  const folder = await mkdtemp(join(tmpdir(), 'x-open-files-'));
  const files = new OpenFiles(4);
  try {
    const path = join(folder, 'blob');
    await writeFile(path, 'bytes');
    let opened = 0;
    const read = async (): Promise<string | undefined> => {
      const taken = await files.takePast(path, {
        openToWrite: (name) => {
          opened += 1;
          return open(name, 'r');
        },
      });
      const text = taken && (await taken.handle.read(Buffer.alloc(5), 0, 5, 0)).buffer.toString();
      taken?.release();
      return text;
    };
    assert.deepEqual([await read(), await read(), opened], ['bytes', 'bytes', 1]);
    (await files.take(path, constants.O_RDONLY)).release();
    assert.equal(openings(path), 2, 'each way has a file of its own');
    await writeFile(join(folder, 'other'), 'other');
    await rename(join(folder, 'other'), path);
    assert.deepEqual([await read(), opened], ['other', 2]);
    files.forget(path);
    const never = { openToWrite: () => Promise.resolve(undefined) };
    assert.equal(await files.takePast(path, never), undefined);
  } finally {
    await files.close();
    await rm(folder, { recursive: true, force: true });
  }
});
