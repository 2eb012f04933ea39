import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { XError } from '../../src/domain/errors.js';
import { acquireLock, residentOf } from '../../src/platform/lock.js';

async function inFolder(body: (folder: string) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'x-lock-'));
  try {
    await body(folder);
  } finally {
    await rm(folder, { recursive: true });
  }
}

function isBusy(...words: string[]) {
  return (error: unknown): boolean => {
    assert.ok(error instanceof XError);
    assert.equal(error.code, 'DATA_FOLDER_BUSY');
    for (const word of words) assert.ok(error.message.includes(word), error.message);
    return true;
  };
}

test('one resident at a time, named to the next', () =>
  inFolder(async (folder) => {
    const lock = await acquireLock(folder, 'client');
    assert.equal(residentOf(folder)?.role, 'client');
    await assert.rejects(
      acquireLock(folder, 'source'),
      isBusy(folder, 'x client', String(process.pid), lock.resident.startedAt),
    );
    lock.announceControl('/somewhere');
    assert.equal(residentOf(folder)?.control, '/somewhere');
    lock.release();
    lock.release();
    assert.equal(residentOf(folder), undefined);
    const next = await acquireLock(folder, 'source');
    assert.equal(next.resident.control, undefined);
    next.release();
  }));

test('two data folders do not disturb each other', () =>
  inFolder((a) =>
    inFolder(async (b) => {
      const locks = [await acquireLock(a, 'client'), await acquireLock(b, 'client')];
      for (const lock of locks) lock.release();
    }),
  ));

test('many at once: exactly one wins', () =>
  inFolder(async (folder) => {
    const tries = Array.from({ length: 8 }, () => acquireLock(folder, 'client'));
    const won = (await Promise.allSettled(tries)).filter((one) => one.status === 'fulfilled');
    assert.equal(won.length, 1);
    won[0]?.value.release();
  }));

test('a process that is killed leaves no lock, whatever its file says', () =>
  inFolder(async (folder) => {
    const module = new URL('../../src/platform/lock.js', import.meta.url).href;
    const script = `import { acquireLock } from ${JSON.stringify(module)};
      await acquireLock(${JSON.stringify(folder)}, 'source');
      process.stdout.write('held');
      setInterval(() => undefined, 1000);`;
    const child = spawn(process.execPath, ['--input-type=module', '-e', script], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    await once(child.stdout, 'data');
    assert.equal(residentOf(folder)?.pid, child.pid);
    await assert.rejects(acquireLock(folder, 'client'), isBusy('x source', String(child.pid)));
    child.kill('SIGKILL');
    await once(child, 'exit');
    assert.equal(residentOf(folder), undefined);
    const lock = await acquireLock(folder, 'client');
    assert.equal(residentOf(folder)?.pid, process.pid);
    lock.release();
  }));

test('a file that says nonsense is not believed', () =>
  inFolder(async (folder) => {
    const lock = await acquireLock(folder, 'client');
    for (const text of ['', '{', '[]', 'null', '{"pid": "1"}']) {
      writeFileSync(join(folder, 'resident.json'), text);
      assert.equal(residentOf(folder), undefined);
      await assert.rejects(acquireLock(folder, 'source'), isBusy('another process'));
    }
    lock.release();
  }));
