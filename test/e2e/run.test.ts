import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { chmod, mkdir, writeFile } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { XProcess } from '../../fixtures/x-process.js';
import { openWorld, STEP_MS } from './world.js';

/** Stands for pip: what it is told is how it ends. */
const PIP = `#!/bin/sh
case "$1" in
  heeds) trap 'exit 7' TERM; trap 'exit 9' INT; echo ready; while :; do sleep 0.1; done ;;
  heedless) echo ready; exec sleep 600 ;;
  asks) echo "$PIP_INDEX_URL" ;;
  *) exit "$1" ;;
esac
`;

async function scene(context: TestContext) {
  const world = await openWorld(context);
  await world.sign(['x-alpha']);
  const bin = join(world.folder, 'bin');
  await mkdir(bin);
  await writeFile(join(bin, 'pip'), PIP);
  await chmod(join(bin, 'pip'), 0o755);
  await writeFile(join(bin, 'npm'), '');
  const env = {
    PATH: `${bin}${delimiter}${process.env['PATH'] ?? ''}`,
    X_DATA: world.data('source'),
  };
  const run = (...args: string[]): XProcess => {
    const child = new XProcess(['run', ...args], { env });
    context.after(() => child.stop('SIGKILL'));
    return child;
  };
  return { run, bin, world, env };
}

async function isReady(child: XProcess): Promise<void> {
  for (const end = Date.now() + STEP_MS; !child.stdout.includes('ready');) {
    assert.ok(Date.now() < end, child.story());
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

test('the exit code of the command is that of x run', async (context) => {
  const { run } = await scene(context);
  assert.equal((await run('--', 'pip', '42').exited).code, 42);
  assert.equal((await run('--', 'pip', '0').exited).code, 0);
});

test('the two dashes may be left out, and flags after the command are its own', async (context) => {
  const { run } = await scene(context);
  const asked = await run('pip', 'asks', '--json').exited;
  assert.match(asked.stdout, /^http:\/\/127\.0\.0\.1:\d+\/pypi\/simple\/\n$/);
  assert.equal((await run('-q', '--', 'pip', '3', '--data').exited).code, 3);
});

test('signals reach the command, and how it ends is how x run ends', async (context) => {
  const { run } = await scene(context);
  for (const [word, signal, code] of [
    ['heeds', 'SIGTERM', 7],
    ['heeds', 'SIGINT', 9],
    ['heedless', 'SIGTERM', 143],
  ] as const) {
    const child = run('--', 'pip', word);
    await isReady(child);
    child.child.kill(signal);
    assert.equal((await child.exited).code, code, `${word} ${signal}`);
  }
});

test('a command that is not here, or no program, is said with what to do', async (context) => {
  const { run, bin } = await scene(context);
  const missing = await run('--', join(bin, 'pnpm'), 'install').exited;
  assert.equal(missing.code, 1);
  assert.match(missing.stderr, /pnpm is not installed here\n {3}Install it/);
  const barred = await run('--', join(bin, 'npm'), 'install').exited;
  assert.equal(barred.code, 1);
  assert.match(barred.stderr, /cannot start .*npm: .*EACCES\n {3}Is it a program/);
});

test('where a gateway of another data folder answers, that is said', async (context) => {
  const { world, env } = await scene(context);
  const service = world.start(['client', '--data', world.data('source'), '--port', '0']);
  const gateway = String((await service.waitFor('serving', STEP_MS))['gateway']);
  const said = async (): Promise<string> => {
    const own = { ...env, X_DATA: world.data('empty'), X_PORT: new URL(gateway).port };
    const { code, stderr } = await new XProcess(['run', '--', 'pip', '0'], { env: own }).exited;
    assert.equal(code, 4, stderr);
    return stderr;
  };
  assert.ok(
    (await said()).includes(
      `A gateway answers at ${gateway}, of another data folder: \`x use pip\``,
    ),
  );
  await service.stop();
  assert.doesNotMatch(await said(), /A gateway answers/);
});

test('the command that x request prints is one for a shell, whatever the file is called', async (context) => {
  const { world, env } = await scene(context);
  const file = join(world.folder, "it's me.xreq");
  const { code, stdout } = await new XProcess(['request', '-o', file], { env }).exited;
  assert.equal(code, 0);
  const [, command = ''] = /^Carry it to the source: x (.*)$/m.exec(stdout) ?? [];
  const words = spawnSync('sh', ['-c', `printf '%s\\n' ${command}`], { encoding: 'utf8' });
  assert.deepEqual(words.stdout.split('\n').slice(0, 5), ['source', '-r', 'FILE', '--for', file]);
});
