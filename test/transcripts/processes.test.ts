import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { copyFile, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { existsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, beforeEach, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { buildPypiFixture } from '../../fixtures/upstream/pypi.js';
import { openStore } from '../../src/store/open-store.js';
import { startFixtures, type Fixtures } from '../../fixtures/upstream/fixtures.js';
import { run, whyNoNamespace } from '../../fixtures/namespace.js';
import { x, XProcess } from '../../fixtures/x-process.js';

const ROOT = fileURLToPath(new URL('../../../', import.meta.url));
const TARGET = ['--target', 'linux/amd64/glibc2.36,python=3.12'];
const DEADLINE_MS = 60_000;

let folder: string;
let fixtures: Fixtures;
let options: { cwd: string; env: Record<string, string> };

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'x-processes-'));
  fixtures = await startFixtures(join(folder, 'upstream'));
  await writeFile(join(folder, 'small.txt'), 'x-beta<2\n');
  await writeFile(join(folder, 'huge.txt'), 'x-huge\nx-large\n');
});
after(async () => {
  await fixtures.close();
  await rm(folder, { recursive: true });
});
beforeEach(async () => {
  fixtures.server.mend();
  const data = await mkdtemp(join(folder, 'data-'));
  options = { cwd: folder, env: { ...fixtures.allEnv, X_DATA: data } };
});

function source(...more: string[]): string[] {
  return ['source', '--no-mdns', '--listen', '0', ...TARGET, '-r', ...more];
}

describe('several processes', () => {
  test('a second source on one data folder is told who has it; ls goes on', async () => {
    const first = new XProcess(source('small.txt', '--json'), options);
    await first.waitFor('serving', DEADLINE_MS);
    const second = await x(source('small.txt'), options);
    assert.equal(second.code, 1);
    assert.match(
      second.stderr,
      /^x: the data folder \S+ is in use by x source \(process \d+, since /,
    );
    assert.ok(second.stderr.includes(`(process ${first.child.pid},`));
    assert.equal((await x(['ls'], options)).code, 0);
    assert.equal((await first.stop('SIGINT')).code, 0);
  });

  test('a taken port falls back to a free one, with a warning', async () => {
    const first = new XProcess(source('small.txt', '--json'), options);
    const serving = await first.waitFor('serving', DEADLINE_MS);
    const port = /\/tcp\/(\d+)/.exec(String((serving['addresses'] as string[])[0]))?.[1] ?? '';
    const data = await mkdtemp(join(folder, 'data-'));
    const args = [...source('small.txt', '--json'), '--listen', port];
    const second = new XProcess(
      args.filter((_, at) => at !== 2 && at !== 3),
      {
        ...options,
        env: { ...options.env, X_DATA: data },
      },
    );
    const invite = (await second.waitFor('serving', DEADLINE_MS))['invite'];
    assert.match(String(invite), /^x:\/\/did:key:z6Mk\w+@[\d.]+:\d+$/);
    const warning = await second.waitFor('warning', DEADLINE_MS);
    assert.match(
      String(warning['message']),
      new RegExp(`^port ${port} is taken; listening on \\d+ instead$`),
    );
    await second.stop();
    await first.stop();
  });

  test('killed in the middle of a download and run again, nothing whole is fetched again', async () => {
    fixtures.server.inject({ path: /x_huge.*whl$/, delayMs: 600_000 });
    const first = new XProcess(source('huge.txt', '--once', '--json'), options);
    const large = buildPypiFixture().files.find(({ project }) => project === 'x-large');
    await first.waitFor('plan', DEADLINE_MS);
    const { store, close } = await openStore({ folder: options.env['X_DATA']! });
    while (store.stat(large?.sha256 ?? '') === undefined) {
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    await close();
    await first.stop('SIGKILL');
    fixtures.server.mend();
    const seen = fixtures.server.requests.length;
    const second = await x(source('huge.txt', '--once'), options);
    assert.equal(second.code, 0, second.stderr);
    const wheels = fixtures.server.requests
      .slice(seen)
      .filter(({ path }) => path.endsWith('.whl'))
      .map(({ path }) => path.slice(path.lastIndexOf('/') + 1));
    assert.deepEqual(wheels, ['x_huge-1.0-py3-none-any.whl']);
  });

  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    test(`${signal} while an index hangs is a line, not a defect`, async () => {
      fixtures.server.inject({ path: '/pypi/simple/', delayMs: 600_000 });
      const seen = fixtures.server.requests.length;
      const hanging = new XProcess(source('small.txt'), options);
      while (fixtures.server.requests.length === seen) {
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
      const { code, stderr } = await hanging.stop(signal);
      assert.equal(code, 1);
      assert.match(stderr, new RegExp(`x: stopped by ${signal}\n   Run the same command again`));
    });
  }
});

test(
  'a full disk is one line, and the same command goes on afterwards',
  {
    skip: whyNoNamespace() ?? false,
  },
  async () => {
    const data = join(folder, 'small-disk');
    await mkdir(data);
    const flags = source('huge.txt', '--once', '--quiet').join(' ');
    const command = `${process.execPath} ${join(ROOT, 'bin/run.js')} ${flags} --data ${data}`;
    const script = `mount -t tmpfs -o size=2m tmpfs '${data}'
set +e
${command}; echo "first $?"
mount -o remount,size=64m '${data}'
${command}; echo "second $?"`;
    const { output } = await run('unshare', ['-m', 'sh', '-ec', script], {
      ...options,
      deadlineMs: DEADLINE_MS,
    });
    assert.match(output, /x: pkg:pypi\/x-\w+@1\.0: no space left in /, output);
    assert.match(output, /first 1\n/);
    assert.match(output, /second 0\n/);
  },
);

describe('bin/run.js, started by an old Node', () => {
  // Any Node can play the old one: what counts is what it says its version is.
  const asOld = [
    '--import',
    `data:text/javascript,Object.defineProperty(process.versions,'node',{value:'20.1.0'})`,
  ];

  test('hands over, with arguments and exit code', async () => {
    const { code, output } = await run(
      process.execPath,
      [...asOld, join(ROOT, 'bin/run.js'), 'ls', 'nothing'],
      options,
    );
    assert.equal(code, 4, output);
    assert.match(output, /^x: there is no bundle "nothing" here/);
  });

  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    test(`${signal} reaches a running source, whose exit code comes back`, async () => {
      const args = [...asOld, join(ROOT, 'bin/run.js'), ...source('small.txt', '--json')];
      const child = spawn(process.execPath, args, {
        cwd: folder,
        env: { ...process.env, ...options.env },
        stdio: ['ignore', 'pipe', 'inherit'],
      });
      const exited = new Promise((resolve) =>
        child.on('exit', (code, name) => resolve({ code, name })),
      );
      await new Promise<void>((resolve) => {
        child.stdout.on('data', (chunk) => {
          if (String(chunk).includes('"serving"')) resolve();
        });
      });
      child.kill(signal);
      assert.deepEqual(await exited, { code: 0, name: null });
    });
  }

  test('says in one line what is needed where there is no other Node', async () => {
    const bare = join(folder, 'bare');
    await mkdir(join(bare, 'bin'), { recursive: true });
    await copyFile(join(ROOT, 'bin/run.js'), join(bare, 'bin/run.js'));
    await writeFile(join(bare, 'package.json'), '{"type":"module"}');
    const { code, output } = await run(process.execPath, [
      ...asOld,
      join(bare, 'bin/run.js'),
      'ls',
    ]);
    assert.equal(code, 1);
    assert.equal(
      output,
      'x: needs Node 22.22.2 or newer of 22, 24.15 or newer of 24, or 26 and newer; this is 20.1.0\n',
    );
  });
});

test(
  'on a terminal progress is one live line; elsewhere plain lines',
  {
    skip: existsSync('/usr/bin/script') ? false : 'script is not installed',
  },
  async () => {
    const command = [
      process.execPath,
      join(ROOT, 'bin/run.js'),
      ...source('huge.txt', '--once'),
    ].join(' ');
    const log = join(folder, 'typescript');
    const { code } = await run('script', ['-qec', command, log], {
      ...options,
      env: { ...options.env, TERM: 'xterm' },
    });
    assert.equal(code, 0);
    const seen = await readFile(log, 'latin1');
    assert.match(seen, /% of 3\.7 MB/);
    assert.match(seen, /\r\u001b\[K/);
    assert.doesNotMatch(seen, /\u001b\[\d*m/, 'no colours');
  },
);
