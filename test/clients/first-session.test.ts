import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';
import { whyNoClient, whyNoNamespace } from '../../fixtures/namespace.js';
import { startFixtures, type Fixtures } from '../../fixtures/upstream/fixtures.js';
import { XProcess, x, type XExit } from '../../fixtures/x-process.js';

const RECORD = fileURLToPath(new URL('../../../test/clients/first-session.txt', import.meta.url));
const DEADLINE_MS = 60_000;
/** What nobody who sits down needs to know. */
const MOST_COMMANDS = 5;

/** `X_UPDATE_TRANSCRIPTS=1` writes what is answered now; then read the difference. */
const isUpdate = process.env['X_UPDATE_TRANSCRIPTS'] !== undefined;

const skip = whyNoNamespace() ?? whyNoClient('python3') ?? false;

test(
  'a new user installs offline in at most five commands, each told by the one before',
  { skip },
  async (t) => {
    const { fixtures, online, isolated } = await twoMachines(t);
    const session = new Session();

    const help = await x([], online);
    session.record('x', help.stdout);
    assert.equal(help.code, 0);
    const first = session.shown(/\$ (x source -r requirements\.txt)$/m);

    const source = start(t, first, online);
    session.record(first, await said(source, 'Ctrl-C stops.'));
    const second = session.shown(/^ {2}(x client --master '[^']+')$/m);

    const client = start(t, second, isolated);
    session.record(second, await said(client, /^ {2}x run -- pip .*\n/m));
    const third = session.shown(/^ {2}(x run -- pip install '[^']+')$/m);

    // The cable is pulled; the index that pip would ask is gone too.
    await source.stop();
    await fixtures.close();
    const installed = await x(wordsOf(third), isolated);
    // What pip says of its work differs from version to version.
    session.record(third, /^Successfully .*\n/m.exec(installed.stdout)?.[0] ?? installed.stdout);
    assert.equal(installed.code, 0, installed.stdout + installed.stderr);
    assert.equal(runsThere(isolated), 'x-tool runs\n');

    // So it is where there is no network at all, and nothing that stays.
    await client.stop();
    const again = await inNoNetwork([...wordsOf(third), '--force-reinstall'], isolated);
    assert.equal(again.code, 0, again.stdout + again.stderr);

    assert.ok(session.commands <= MOST_COMMANDS, `${session.commands} commands`);
    if (isUpdate) await writeFile(RECORD, session.text());
    else assert.equal(session.text(), await readFile(RECORD, 'utf8'));
  },
);

interface Machine {
  cwd: string;
  env: NodeJS.ProcessEnv;
}

/** Each with a home, and nothing of x in it; the isolated one has a Python environment. */
async function twoMachines(
  t: TestContext,
): Promise<{ fixtures: Fixtures; online: Machine; isolated: Machine }> {
  const folder = await mkdtemp(join(tmpdir(), 'x-first-'));
  t.after(() => rm(folder, { recursive: true, force: true }));
  const fixtures = await startFixtures(join(folder, 'upstream'));
  const machine = async (name: string, env: NodeJS.ProcessEnv): Promise<Machine> => {
    const cwd = join(folder, name);
    await mkdir(cwd);
    return { cwd, env: { ...withoutSettings(), HOME: cwd, X_LISTEN: '0', X_PORT: '0', ...env } };
  };
  const online = await machine('online', fixtures.env.pypi);
  await writeFile(join(online.cwd, 'requirements.txt'), 'x-tool\n');
  const isolated = await machine('isolated', { PIP_INDEX_URL: fixtures.server.pypiIndex });
  execFileSync('python3', ['-m', 'venv', join(isolated.cwd, 'venv')]);
  isolated.env['PATH'] = [join(isolated.cwd, 'venv', 'bin'), process.env['PATH']].join(delimiter);
  return { fixtures, online, isolated };
}

/** This machine's own settings of pip and x, undefined each. */
function withoutSettings(): NodeJS.ProcessEnv {
  const names = Object.keys(process.env).filter((name) =>
    /^(pip_|xdg_|x_|virtual_env)/i.test(name),
  );
  return Object.fromEntries(names.map((name) => [name, undefined]));
}

/** What stays runs until the test is over. */
function start(t: TestContext, line: string, machine: Machine): XProcess {
  const running = new XProcess(wordsOf(line), machine);
  t.after(() => running.stop('SIGKILL'));
  return running;
}

/** Standard output, as soon as it has what a person waits for. */
async function said(running: XProcess, what: string | RegExp): Promise<string> {
  const deadline = Date.now() + DEADLINE_MS;
  while (running.stdout.search(what) < 0) {
    assert.equal(running.child.exitCode, null, running.story());
    assert.ok(Date.now() < deadline, running.story());
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  return running.stdout;
}

function inNoNetwork(words: readonly string[], machine: Machine): Promise<XExit> {
  const prefix = ['unshare', '-n', 'sh', '-c', 'ip link set lo up; exec "$0" "$@"'];
  return new XProcess(words, { ...machine, prefix }).exited;
}

function runsThere({ cwd, env }: Machine): string {
  const code = 'import x_tool, x_alpha; print("x-tool runs")';
  return execFileSync(join(cwd, 'venv/bin/python'), ['-c', code], { env, encoding: 'utf8' });
}

/** The words behind `x`, as a shell takes them. */
function wordsOf(line: string): string[] {
  const words = [...line.matchAll(/'([^']*)'|(\S+)/g)].map((match) => match[1] ?? match[2] ?? '');
  assert.equal(words.shift(), 'x', line);
  return words;
}

/** What was typed, and what the screen showed. */
class Session {
  commands = 0;
  #text = '';

  record(command: string, answer: string): void {
    this.commands += 1;
    this.#text += `$ ${command}\n${answer}`;
  }

  /** What the last answers tell to type next. */
  shown(what: RegExp): string {
    const found = what.exec(this.#text)?.[1];
    assert.ok(found !== undefined, `${String(what)} in ${this.#text}`);
    return found;
  }

  /** What differs from run to run, by its name. */
  text(): string {
    return this.#text
      .replace(/^x\/.*$/m, 'x/{version}')
      .replace(/did:key:z6Mk\w+/g, '{did}')
      .replace(/@(\[[^\]]*\]|[\d.]+):\d+/g, '@{address}')
      .replace(/^connected to master .*\n/m, '')
      .replace(/127\.0\.0\.1:\d+/g, '{gateway}')
      .replace(/^(Plan ".*" for ).*:$/m, '$1{target}:')
      .replace(/in \d+ s$/m, 'in {n} s');
  }
}
