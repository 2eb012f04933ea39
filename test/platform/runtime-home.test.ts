import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { copyFile, mkdir, mkdtemp, readdir, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { InstalledRuntimes } from '../../src/platform/runtime-home.js';

async function installed(
  t: TestContext,
  ...ids: string[]
): Promise<{ versions: string; home: InstalledRuntimes }> {
  const folder = await mkdtemp(join(tmpdir(), 'x-runtimes-'));
  t.after(() => rm(folder, { recursive: true, force: true }));
  const versions = join(folder, 'versions');
  for (const id of ids) {
    await mkdir(join(versions, id, 'bin'), { recursive: true });
    await mkdir(join(versions, id, 'app'));
    await writeFile(join(versions, id, 'x-runtime.json'), '{}');
  }
  await symlink(join('versions', ids[0]!), join(folder, 'current'));
  const home = await InstalledRuntimes.ofThisProgram(join(folder, 'current', 'app'));
  return { versions, home };
}

test('runtimes that neither run nor are the last two are removed', async (t) => {
  if (process.platform !== 'linux') {
    t.skip('only Linux says which programs run');
    return;
  }
  const { versions, home } = await installed(t, 'a', 'b', 'c', 'runs');
  const program = join(versions, 'runs', 'bin', 'node');
  await copyFile('/bin/sleep', program);
  const running = spawn(program, ['60']);
  t.after(() => running.kill());
  await mkdir(join(versions, '.new-other'));
  await mkdir(join(versions, '.old-z', 'half'), { recursive: true });
  await mkdir(join(versions, 'not-ours'));
  await home.prune();
  assert.ok((await readdir(versions)).includes('c'), 'without one to go back to nothing is old');

  await home.select('b');
  await home.prune();
  assert.deepEqual((await readdir(versions)).sort(), ['.new-other', 'a', 'b', 'not-ours', 'runs']);
  assert.equal((await home.current()).id, 'b');
  assert.equal(await home.previous(), 'a');
});
