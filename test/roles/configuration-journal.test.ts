import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import {
  chmod,
  chown,
  mkdir,
  mkdtemp,
  readFile,
  readlink,
  rm,
  stat,
  symlink,
  writeFile,
} from 'node:fs/promises';
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
    assert.deepEqual(await (await open()).undo(), { restored: [at('old')], left: [], kept: [] });
    assert.equal(await textOf(at('old')), 'mine\n');
    assert.equal((await open()).isEmpty, true);
  }));

test('what somebody else changed since is left alone and named', () =>
  inFolder(async (at) => {
    await writeFile(at('a'), 'mine\n');
    await chmod(at('a'), 0o600);
    const journal = await ConfigurationJournal.open(at('journal.json'));
    await journal.apply([
      { path: at('a'), text: 'a\n' },
      { path: at('b'), text: 'b\n' },
    ]);
    await writeFile(at('a'), 'by hand\n');
    const again = await ConfigurationJournal.open(at('journal.json'));
    assert.deepEqual(await again.undo(), {
      restored: [at('b')],
      left: [at('a')],
      kept: [{ path: at('a'), copy: at('a.before-x') }],
    });
    assert.equal(await textOf(at('a.before-x')), 'mine\n');
    assert.equal((await stat(at('a.before-x'))).mode & 0o777, 0o600);
    assert.equal(await textOf(at('a')), 'by hand\n');
  }));

test('what somebody else wrote in between is not lost when it is applied again', () =>
  inFolder(async (at) => {
    const apply = async (text: string) => {
      const journal = await ConfigurationJournal.open(at('journal.json'));
      return await journal.apply([{ path: at('a'), text }]);
    };
    await writeFile(at('a'), 'mine\n');
    assert.deepEqual(await apply('one\n'), []);
    for (const [login, copy] of [
      ['one\ntoken=1\n', at('a.before-x')],
      ['one\ntoken=2\n', at('a.before-x-2')],
    ] as const) {
      await writeFile(at('a'), login);
      assert.deepEqual(await apply('two\n'), [{ path: at('a'), copy }]);
      assert.equal(await textOf(copy), login);
    }
    assert.deepEqual(await apply('three\n'), []);
    await (await ConfigurationJournal.open(at('journal.json'))).undo();
    assert.equal(await textOf(at('a')), 'mine\n');
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

test('folders that were not there go again, but for one that somebody uses since', () =>
  inFolder(async (at) => {
    await mkdir(at('home'));
    const open = () => ConfigurationJournal.open(at('journal.json'));
    const files = ['home/.config/pip/pip.conf', 'home/.config/uv/uv.toml'].map(at);
    const apply = async () => (await open()).apply(files.map((path) => ({ path, text: 'x\n' })));
    await apply();
    await apply();
    await (await open()).undo();
    assert.equal(existsSync(at('home/.config')), false);
    assert.equal(existsSync(at('home')), true);
    await apply();
    await writeFile(at('home/.config/pip/other'), 'mine\n');
    await (await open()).undo();
    assert.equal(existsSync(at('home/.config/uv')), false);
    assert.equal(await textOf(at('home/.config/pip/other')), 'mine\n');
  }));

test('a link stays a link, also one to a file that is not there', () =>
  inFolder(async (at) => {
    await mkdir(at('dotfiles'));
    await symlink('dotfiles/npmrc', at('.npmrc'));
    const open = () => ConfigurationJournal.open(at('journal.json'));
    for (const before of [undefined, 'a=b\r\n']) {
      if (before !== undefined) await writeFile(at('dotfiles/npmrc'), before);
      await (await open()).apply([{ path: at('.npmrc'), text: 'x\n' }]);
      assert.equal(await textOf(at('dotfiles/npmrc')), 'x\n');
      await (await open()).undo();
      assert.equal(await textOf(at('dotfiles/npmrc')), before);
      assert.equal(await readlink(at('.npmrc')), 'dotfiles/npmrc');
    }
  }));

test('killed between the note and the second change: what was comes back all the same', () =>
  inFolder(async (at) => {
    await writeFile(at('file'), 'mine\n');
    const open = () => ConfigurationJournal.open(at('journal.json'));
    await (await open()).apply([{ path: at('file'), text: 'one\n' }]);
    await (await open()).apply([{ path: at('file'), text: 'two\n' }]);
    // As if the second text had been noted, and not been written.
    await writeFile(at('file'), 'one\n');
    assert.deepEqual(await (await open()).undo(), { restored: [at('file')], left: [], kept: [] });
    assert.equal(await textOf(at('file')), 'mine\n');
  }));

const isRoot = process.getuid?.() === 0;

test(
  'a file of another user stays his, changed by root',
  { skip: isRoot ? false : 'only root can give files away' },
  () =>
    inFolder(async (at) => {
      await writeFile(at('file'), 'mine\n');
      await chown(at('file'), 65_534, 65_534);
      const open = () => ConfigurationJournal.open(at('journal.json'));
      await (await open()).apply([{ path: at('file'), text: 'one\n' }]);
      assert.equal((await stat(at('file'))).uid, 65_534);
      await (await open()).undo();
      assert.equal((await stat(at('file'))).uid, 65_534);
    }),
);

test('a folder made for one client that another uses goes with the other', () =>
  inFolder(async (at) => {
    const [npm, pip] = ['npm', 'pip'].map((name) => at(`data/${name}.json`));
    const open = (path = '') => ConfigurationJournal.open(path);
    await (await open(npm)).apply([{ path: at('home/config/pnpm/rc'), text: 'a' }]);
    await (await open(pip)).apply([{ path: at('home/config/pip/pip.conf'), text: 'b' }]);
    await (await open(npm)).undo();
    assert.equal(await textOf(at('home/config/pip/pip.conf')), 'b');
    assert.equal(existsSync(at('home/config/pnpm')), false);
    await (await open(pip)).undo();
    assert.equal(existsSync(at('home')), false);
  }));
