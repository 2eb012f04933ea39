import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { completionScript, type CompletedCommand } from '../../src/roles/completion.js';

const flag = (name: string, more: Partial<CompletedCommand['flags'][number]> = {}) => ({
  name,
  char: undefined,
  summary: `It's [what]: ${name} does.`,
  takesValue: false,
  options: [],
  ...more,
});
const COMMANDS: CompletedCommand[] = [
  {
    name: 'source',
    summary: 'Resolve, sign, serve.',
    words: [],
    flags: [
      flag('requirement', { char: 'r', takesValue: true }),
      flag('policy', { takesValue: true, options: ['pip', 'explicit'] }),
      flag('once'),
    ],
  },
  {
    name: 'key',
    summary: "This machine's key.",
    words: [['show', 'rotate'], ['signing']],
    flags: [flag('json')],
  },
];

/** What bash offers for a command line that ends in its last word. */
function offered(words: readonly string[], cwd = '/'): string[] {
  const script = `${completionScript('bash', COMMANDS)}
COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _x; printf '%s\\n' "\${COMPREPLY[@]}"`;
  const { stdout, stderr } = spawnSync('bash', ['-c', script, 'bash', ...words], {
    cwd,
    encoding: 'utf8',
  });
  assert.equal(stderr, '');
  return stdout.split('\n').filter(Boolean);
}

describe('bash', () => {
  test('offers commands, then the flags and words of the one typed', () => {
    assert.deepEqual(offered(['x', 's']), ['source']);
    assert.deepEqual(offered(['x', 'source', '--']), ['--requirement', '--policy', '--once']);
    assert.deepEqual(offered(['x', 'key', 'r']), ['rotate']);
    assert.deepEqual(offered(['x', 'key', 'rotate', 's']), ['signing']);
    assert.deepEqual(offered(['x', 'key', '']), ['show', 'rotate', '--json']);
  });

  test('offers the values that a flag can have, and files where it takes one', async () => {
    assert.deepEqual(offered(['x', 'source', '--policy', 'e']), ['explicit']);
    const folder = await mkdtemp(join(tmpdir(), 'x-completion-'));
    try {
      await writeFile(join(folder, 'requirements.txt'), '');
      assert.deepEqual(offered(['x', 'source', '-r', 'req'], folder), ['requirements.txt']);
    } finally {
      await rm(folder, { recursive: true });
    }
  });
});

for (const shell of ['zsh', 'fish'] as const) {
  const missing = spawnSync(shell, ['--version']).error !== undefined;
  test(`${shell} reads its script`, { skip: missing && `${shell} is not installed` }, async () => {
    const folder = await mkdtemp(join(tmpdir(), 'x-completion-'));
    try {
      await writeFile(join(folder, '_x'), completionScript(shell, COMMANDS));
      const { status, stderr } = spawnSync(shell, ['-n', join(folder, '_x')], { encoding: 'utf8' });
      assert.equal(stderr, '');
      assert.equal(status, 0);
    } finally {
      await rm(folder, { recursive: true });
    }
  });
}

const noFish = spawnSync('fish', ['--version']).error !== undefined && 'fish is not installed';

test('fish offers the words of the place where one is typed', { skip: noFish }, async () => {
  const folder = await mkdtemp(join(tmpdir(), 'x-completion-'));
  try {
    const path = join(folder, 'x.fish');
    await writeFile(path, completionScript('fish', COMMANDS));
    const offers = (line: string): string[] => {
      const { stdout } = spawnSync('fish', ['-c', `source ${path}; complete -C '${line}'`], {
        cwd: folder,
        env: { ...process.env, HOME: folder },
        encoding: 'utf8',
      });
      return stdout.split('\n').flatMap((one) => one.split('\t')[0] ?? []);
    };
    assert.ok(offers('x so').includes('source'));
    const first = offers('x key ');
    assert.ok(first.includes('rotate') && !first.includes('signing'), String(first));
    const second = offers('x key rotate ');
    assert.ok(second.includes('signing') && !second.includes('rotate'), String(second));
    assert.ok(offers('x source --pol').includes('--policy'));
  } finally {
    await rm(folder, { recursive: true });
  }
});
