import assert from 'node:assert/strict';
import { mkdir, mkdtemp, realpath, rm, stat, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { unmountedPlace } from '../../src/archive/mounted.js';

test('a folder for a medium that is not in is told from one that is, and from any other', async (t) => {
  const dir = await realpath(await mkdtemp(join(tmpdir(), 'x-mounted-')));
  t.after(() => rm(dir, { recursive: true }));
  const place = join(dir, 'media');
  const places = [place];
  await mkdir(join(place, 'stick'), { recursive: true });
  await mkdir(join(dir, 'out'));
  await symlink(join(place, 'stick'), join(dir, 'link'));
  const seen = (path: string): Promise<string | undefined> => unmountedPlace(path, places);
  assert.equal(await seen(join(place, 'stick')), join(place, 'stick'));
  assert.equal(await seen(join(place, 'other', 'deep')), join(place, 'other', 'deep'));
  assert.equal(await seen(join(dir, 'link', 'below')), join(place, 'stick', 'below'));
  assert.equal(await seen(join(dir, 'out')), undefined);
  assert.equal(await seen(join(dir, 'media-2')), undefined);
});

test('what is mounted at such a place is a medium', async (t) => {
  const [proc, root] = await Promise.all([stat('/proc').catch(() => undefined), stat('/')]);
  if (proc === undefined || proc.dev === root.dev) {
    t.skip('nothing is mounted at /proc');
    return;
  }
  assert.equal(await unmountedPlace('/proc/self', ['/proc']), undefined);
});
