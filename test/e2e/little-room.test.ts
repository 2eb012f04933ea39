import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { messageOf } from '../../src/domain/errors.js';
import { openWorld } from './world.js';

test('no room for what x inputs and x use write: said, and nothing half-written stays', async (context) => {
  const world = await openWorld(context);
  await world.sign(['x-alpha']);
  const small = join(world.folder, 'small');
  await mkdir(small);
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=64k', 'x-small', small], { stdio: 'pipe' });
  } catch (error) {
    context.skip(`a small file system cannot be mounted here: ${messageOf(error)}`);
    return;
  }
  try {
    const rc = join(small, '.npmrc');
    await writeFile(rc, 'save-exact=true\n');
    await writeFile(join(small, 'fill'), Buffer.alloc(70_000)).catch(() => undefined);
    const data = ['--data', world.data('source')];
    const out = join(small, 'out');
    const inputs = await world.run(['inputs', 'bundle', out, ...data]);
    assert.equal(inputs.code, 1, inputs.stdout);
    assert.match(inputs.stdout, /DISK_FULL/);
    assert.match(inputs.stdout, /a disk that has room/);
    assert.equal(existsSync(join(out, 'bundle.txt')), false);
    const used = await world.run(['use', 'npm', ...data], {
      HOME: small,
      npm_config_userconfig: rc,
    });
    assert.equal(used.code, 1, used.stdout);
    assert.match(used.stdout, /DISK_FULL[^]*run it again/);
    assert.equal(await readFile(rc, 'utf8'), 'save-exact=true\n');
    const other = join(world.folder, 'other.npmrc');
    await writeFile(other, 'fund=false\n');
    const halfway = await world.run(['use', 'npm', ...data], {
      HOME: small,
      npm_config_userconfig: other,
    });
    assert.match(halfway.stdout, /DISK_FULL/);
    assert.equal(await readFile(other, 'utf8'), 'fund=false\n', 'where there was room either');
    const undo = await world.run(['use', 'npm', '--undo', ...data], { HOME: small });
    assert.match(undo.stdout, /not in force/);
  } finally {
    execFileSync('umount', [small]);
  }
});
