import assert from 'node:assert/strict';
import { constants, existsSync, readdirSync, readlinkSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
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
