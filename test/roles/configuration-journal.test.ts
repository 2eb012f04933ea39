import assert from 'node:assert/strict';
import { chmod, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { ConfigurationJournal } from '../../src/roles/configuration-journal.js';

async function inFolder(use: (at: (name: string) => string) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'x-use-'));
  try {
    await use((name) => join(folder, name));
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

const textOf = (path: string) => readFile(path, 'utf8').catch(() => undefined);

test('what was is brought back, however often it was changed', () =>
  inFolder(async (at) => {
    await writeFile(at('old'), 'mine\n');
    await chmod(at('old'), 0o600);
    const open = () => ConfigurationJournal.open(at('data/journal.json'));
    assert.equal((await open()).isEmpty, true);
    await (
      await open()
    ).apply([
      { path: at('old'), text: 'one\n' },
      { path: at('new/file'), text: 'one\n' },
    ]);
    assert.equal(await textOf(at('old')), 'one\n');
    assert.equal((await stat(at('old'))).mode & 0o777, 0o600);
    assert.equal((await stat(at('new/file'))).mode & 0o777, 0o644);
    assert.equal(await (await open()).original(at('old')), 'mine\n');
    assert.equal(await (await open()).original(at('new/file')), undefined);
    await (await open()).apply([{ path: at('old'), text: 'two\n' }]);
    assert.equal(await textOf(at('new/file')), undefined, 'what is no longer wanted goes');
    assert.deepEqual(await (await open()).undo(), { restored: [at('old')], left: [] });
    assert.equal(await textOf(at('old')), 'mine\n');
    assert.equal((await open()).isEmpty, true);
  }));

test('what somebody else changed since is left alone and named', () =>
  inFolder(async (at) => {
    const journal = await ConfigurationJournal.open(at('journal.json'));
    await journal.apply([
      { path: at('a'), text: 'a\n' },
      { path: at('b'), text: 'b\n' },
    ]);
    await writeFile(at('a'), 'by hand\n');
    const again = await ConfigurationJournal.open(at('journal.json'));
    assert.deepEqual(await again.undo(), { restored: [at('b')], left: [at('a')] });
    assert.equal(await textOf(at('a')), 'by hand\n');
  }));

test('a journal that is none is said, and nothing is changed', () =>
  inFolder(async (at) => {
    for (const text of ['', '{}', '[{"path":1}]']) {
      await writeFile(at('journal.json'), text);
      await assert.rejects(ConfigurationJournal.open(at('journal.json')), {
        code: 'STORE_DAMAGED',
      });
    }
  }));
