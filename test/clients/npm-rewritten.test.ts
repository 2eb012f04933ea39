import assert from 'node:assert/strict';
import { execFileSync, spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import { connect, createServer as createTcpServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { run, whyNoClient, whyNoNamespace, type Ran } from '../../fixtures/namespace.js';
import { reachableUpstreams } from '../../fixtures/reachable.js';
import { startFixtures, type Fixtures } from '../../fixtures/upstream/fixtures.js';
import { packTarball } from '../../fixtures/upstream/npm.js';
import { x } from '../../fixtures/x-process.js';
import { besideResident, isolated, xIn } from './e2e-world.js';
import { installClients, pathOf, type Client } from './npm-clients.js';

interface Case {
  client: Client;
  lockfile: string;
  /** Makes the lockfile, online. */
  lock: string;
  /** Installs exactly it. */
  install: string;
  /** Yarn 4 checks repositories by archives of its own making, unless told otherwise: `x run` tells it. */
  onlyByRun?: true;
}

const NPM_LOCK = 'npm install --package-lock-only --ignore-scripts --no-audit --no-fund';
const NPM_CI = 'npm ci --ignore-scripts --no-audit';

const CASES: Case[] = [
  ...([1, 2, 3] as const).flatMap((version) =>
    (['npm10', 'npm11'] as const).map((client) => ({
      client,
      lockfile: 'package-lock.json',
      lock: `${NPM_LOCK} --lockfile-version=${version}`,
      install: NPM_CI,
    })),
  ),
  {
    client: 'npm11',
    lockfile: 'npm-shrinkwrap.json',
    lock: `${NPM_LOCK} && mv package-lock.json npm-shrinkwrap.json`,
    install: NPM_CI,
  },
  {
    client: 'pnpm8',
    lockfile: 'pnpm-lock.yaml',
    lock: 'pnpm install --lockfile-only --ignore-scripts',
    install: 'pnpm install --frozen-lockfile --ignore-scripts',
  },
  {
    client: 'pnpm',
    lockfile: 'pnpm-lock.yaml',
    lock: 'pnpm install --lockfile-only --ignore-scripts',
    install: 'pnpm install --frozen-lockfile --ignore-scripts',
  },
  {
    client: 'yarn1',
    lockfile: 'yarn.lock',
    lock: 'yarn install --ignore-scripts --no-bin-links',
    install: 'yarn install --frozen-lockfile --ignore-scripts',
  },
  {
    client: 'yarn4',
    lockfile: 'yarn.lock',
    lock: "touch yarn.lock; printf 'nodeLinker: node-modules\\n' >.yarnrc.yml; yarn install --mode=update-lockfile",
    install: 'yarn install --immutable --mode=skip-build',
    onlyByRun: true,
  },
];

const noGit =
  spawnSync('git', ['daemon', '-h']).status === 129
    ? undefined
    : 'git daemon is not installed here';
const skip = whyNoNamespace() ?? whyNoClient('npm') ?? noGit ?? false;

describe(
  'what comes from repositories and addresses installs from the carried files',
  { skip },
  () => {
    let folder: string;
    let fixtures: Fixtures;
    let web: Server;
    let daemon: ChildProcess;
    let dependencies: Record<string, string>;
    let unreachable: string | undefined;

    before(async () => {
      folder = await mkdtemp(join(tmpdir(), 'x-npm-rewritten-'));
      fixtures = await startFixtures(join(folder, 'fixtures'));
      const tarball = packTarball({
        'package.json': JSON.stringify({ name: 'from-web', version: '2.0.0' }),
        'index.js': 'module.exports = "web";\n',
      });
      web = createServer((request, response) => {
        const isThere = request.url === '/files/from-web.tgz';
        response.writeHead(isThere ? 200 : 404).end(isThere ? tarball : '');
      });
      await new Promise<void>((resolve) => web.listen(0, '127.0.0.1', resolve));
      const { port } = web.address() as AddressInfo;
      dependencies = {
        'x-fix-diamond': '^1',
        '@x-fix/scoped': '^1',
        'from-git': `${await repository('from-git')}#main`,
        'from-web': `http://127.0.0.1:${port}/files/from-web.tgz`,
      };
      if (!(await reachableUpstreams()).npm) unreachable = "npm's registry does not answer";
      else await installClients(join(folder, 'clients'));
    });

    after(async () => {
      daemon.kill();
      web.close();
      await fixtures.close();
      await rm(folder, { recursive: true, force: true });
    });

    /** One commit, served by git itself: an address that every client knows. */
    async function repository(name: string): Promise<string> {
      const root = join(folder, 'repositories');
      const place = join(root, `${name}.git`);
      await mkdir(place, { recursive: true });
      const manifest = { name, version: '1.0.0', dependencies: { 'x-fix-leaf': '^1' } };
      await writeFile(join(place, 'package.json'), JSON.stringify(manifest));
      await writeFile(join(place, 'index.js'), 'module.exports = "git";\n');
      const git = (...args: string[]): string =>
        execFileSync('git', ['-c', 'user.name=x', '-c', 'user.email=x@example.org', ...args], {
          cwd: place,
          encoding: 'utf8',
        });
      git('init', '--quiet', '--initial-branch=main');
      git('add', '.');
      git('commit', '--quiet', '--message=first');
      const port = await freePort();
      const served = ['daemon', '--export-all', `--base-path=${root}`, '--listen=127.0.0.1'];
      daemon = spawn('git', [...served, `--port=${port}`, root], { stdio: 'ignore' });
      for (let tries = 0; tries < 100 && !(await answers(port)); tries += 1) await sleep(100);
      return `git://127.0.0.1:${port}/${name}.git`;
    }

    /** Runs lines where a client is first on the path, its home a folder of its own. */
    function lines(client: Client, home: string, place: string, script: string): string {
      return `export HOME='${home}' PATH='${pathOf(join(folder, 'clients'), client)}'
mkdir -p '${home}'; cd '${place}'
${script}`;
    }

    async function locked(at: number, { client, lock, lockfile }: Case): Promise<string> {
      const project = join(folder, `project-${at}`);
      await mkdir(project);
      const manifest = { name: 'app', version: '1.0.0', private: true, dependencies };
      await writeFile(join(project, 'package.json'), JSON.stringify(manifest, null, 2));
      const registry = fixtures.server.npmRegistry;
      const script = lines(client, join(folder, `home-${at}`), project, lock);
      const made = await run('sh', ['-ec', script], {
        env: {
          ...fixtures.env.npm,
          YARN_REGISTRY: registry,
          YARN_NPM_REGISTRY_SERVER: registry.replace(/\/$/, ''),
          YARN_UNSAFE_HTTP_WHITELIST: '127.0.0.1',
          YARN_ENABLE_TELEMETRY: '0',
        },
      });
      assert.equal(made.code, 0, made.output);
      return join(project, lockfile);
    }

    async function offline(
      at: number,
      client: Client,
      place: string,
      script: string,
    ): Promise<Ran> {
      const home = join(folder, `offline-home-${at}`);
      return await isolated(lines(client, home, place, script), folder, 120_000);
    }

    async function installed(place: string): Promise<string> {
      const versions = ['from-git', 'from-web', 'x-fix-diamond', '@x-fix/scoped'].map(
        async (name) => {
          const file = join(place, 'node_modules', name, 'package.json');
          return (JSON.parse(await readFile(file, 'utf8')) as { version: string }).version;
        },
      );
      const source = await readFile(join(place, 'node_modules/from-git/index.js'), 'utf8');
      assert.match(source, /git/);
      return (await Promise.all(versions)).join(' ');
    }

    for (const [at, tried] of CASES.entries()) {
      const { client, lockfile, install, onlyByRun } = tried;
      const version = /version=(\d)/.exec(tried.lock)?.[1] ?? '';
      test(`${client}: ${lockfile} ${version}`.trim(), async (t) => {
        if (unreachable !== undefined) return t.skip(unreachable);
        const file = await locked(at, tried);
        const data = join(folder, `data-${at}`);
        const args = ['source', '-r', file, '--name', 'app', '--once', '--data', data];
        const made = await x(args, { env: fixtures.allEnv });
        assert.equal(made.code, 0, made.stdout + made.stderr);
        const place = join(folder, `carried-${at}`);
        const wrote = await x(['inputs', 'app', place, '--data', data]);
        assert.equal(wrote.code, 0, wrote.stdout + wrote.stderr);
        if (client === 'yarn4') {
          await cp(join(folder, `project-${at}`, '.yarnrc.yml'), join(place, '.yarnrc.yml'));
        }
        const before = await readFile(join(place, lockfile), 'utf8');
        assert.ok(!before.includes(fixtures.server.url), before);

        const ran = await offline(at, client, place, xIn(data)(`run -- ${install}`));
        assert.equal(ran.code, 0, `${ran.output}\n${before}`);
        assert.equal(await installed(place), '1.0.0 2.0.0 1.0.0 1.0.0');
        assert.equal(await readFile(join(place, lockfile), 'utf8'), before, 'the lockfile stays');
        if (onlyByRun === true) return;
        if (client === 'npm11') {
          // As it was where it was made, it asks what is not there, and is told what to do.
          const lost = await offline(
            at,
            client,
            join(folder, `project-${at}`),
            xIn(data)(`run -- ${install}`),
          );
          assert.notEqual(lost.code, 0, lost.output);
          assert.match(lost.output, /`x inputs app DIR` writes .*package\.json.* ask the gateway/);
        }

        await rm(join(place, 'node_modules'), { recursive: true });
        const used = await offline(
          at,
          client,
          place,
          besideResident(data, `${xIn(data)('use npm')}\n${install}`, 8470),
        );
        assert.equal(used.code, 0, used.output);
        assert.equal(await installed(place), '1.0.0 2.0.0 1.0.0 1.0.0');
      });
    }
  },
);

async function freePort(): Promise<number> {
  const server = createTcpServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

async function answers(port: number): Promise<boolean> {
  return await new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}
