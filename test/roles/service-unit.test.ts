import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { x } from '../../fixtures/x-process.js';
import { unitText } from '../../src/roles/service-unit.js';

const unit = {
  role: 'client' as const,
  node: process.execPath,
  run: '/opt/x/bin/run.js',
  folder: '/var/lib/x',
  cwd: '/srv/lists 100%',
  args: ['--master', 'x://did:key:z6Mk@10.0.0.5:8471', '--peer', 'a b', '--data', '50%$HOME"\\'],
  user: undefined,
};

test('arguments reach the process as they were typed: nothing in them is systemd’s', () => {
  const line = /^ExecStart=(.*)$/m.exec(unitText(unit))?.[1] ?? '';
  assert.ok(line.endsWith(String.raw`--peer "a b" --data "50%%$$HOME\"\\"`), line);
  assert.ok(line.includes(' client --data /var/lib/x --master x://did:key:z6Mk@10.0.0.5:8471 '));
});

test('relative paths among the arguments begin where the unit was made', () => {
  assert.match(unitText(unit), /^WorkingDirectory=\/srv\/lists 100%%$/m);
});

test('a folder with a dollar is itself: only ExecStart knows variables', () => {
  assert.match(unitText({ ...unit, folder: '/a$b%' }), /^ReadWritePaths=\/a\$b%%$/m);
});

test('a mistyped or missing argument is said before a unit is written', async () => {
  const data = await mkdtemp(join(tmpdir(), 'x-unit-data-'));
  try {
    const show = (...args: string[]) => x(['service', 'show', ...args], { env: { X_DATA: data } });
    const mistyped = await show('client', '--', '--mastr', '10.0.0.5');
    assert.equal(mistyped.code, 2);
    assert.match(mistyped.stderr, /unknown flag --mastr\n {3}Did you mean --master\?/);
    const missing = await show('source');
    assert.equal(missing.code, 2);
    assert.match(missing.stderr, /--requirement is missing/);
    const right = await show('client', '--', '--master', '10.0.0.5');
    assert.equal(right.code, 0, right.stderr);
    const node = await show('node', '--', '--quota', '20GB', '--peer', 'depot.lan');
    assert.equal(node.code, 0, node.stderr);
    assert.match(node.stdout, /^ExecStart=\S+ \S+ node --data \S+ --quota 20GB --peer depot.lan$/m);
    const strange = await show('node', '--', '--master', '10.0.0.5');
    assert.equal(strange.code, 2, 'a node has no master');
  } finally {
    await rm(data, { recursive: true });
  }
});

test('the machine’s unit may write to the data folder alone; a user’s own has no sandbox to ask for', () => {
  assert.match(unitText(unit), /^ProtectSystem=strict\nReadWritePaths=\/var\/lib\/x$/m);
  const own = unitText({ ...unit, user: 'mary' });
  assert.doesNotMatch(own, /ReadWritePaths/);
  assert.match(own, /^WantedBy=default\.target$/m);
});

const analyze = spawnSync('systemd-analyze', ['--version']);
const noSystemd = analyze.error === undefined ? false : 'systemd-analyze is not installed';

test('systemd takes the units of every role without a word', { skip: noSystemd }, async () => {
  const folder = await mkdtemp(join(tmpdir(), 'x-unit-'));
  try {
    const units = (['source', 'client', 'gateway', 'node'] as const).flatMap((role) =>
      [undefined, 'mary'].map((user) => ({ ...unit, role, user })),
    );
    for (const one of units) {
      const path = join(folder, `x-${one.role}.service`);
      await writeFile(path, unitText(one));
      const { stdout, stderr, status } = spawnSync('systemd-analyze', ['verify', path], {
        encoding: 'utf8',
      });
      assert.equal(`${stdout}${stderr}`, '');
      assert.equal(status, 0);
    }
  } finally {
    await rm(folder, { recursive: true });
  }
});
