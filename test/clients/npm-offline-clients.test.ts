import assert from 'node:assert/strict';
import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { run, whyNoClient, whyNoNamespace, type Ran } from '../../fixtures/namespace.js';
import { reachableUpstreams } from '../../fixtures/reachable.js';
import { x } from '../../fixtures/x-process.js';
import { besideResident, isolated, xIn } from './e2e-world.js';
import { installClients, lock, pathOf, type Client } from './npm-clients.js';

/** Some 500 packages, with a weakness that an audit finds. */
const MANIFEST = {
  name: 'app',
  version: '1.0.0',
  private: true,
  dependencies: { express: '^4.21.0', lodash: '4.17.20', react: '^18', 'react-dom': '^18' },
  devDependencies: { jest: '^29', eslint: '^9', webpack: '^5', vite: '^6' },
};

const WEAKNESS = {
  id: 'GHSA-35jh-r3h4-6jhm',
  modified: '2026-01-01T00:00:00Z',
  summary: 'Command Injection in lodash',
  affected: [
    {
      package: { ecosystem: 'npm', name: 'lodash' },
      ranges: [{ type: 'SEMVER', events: [{ introduced: '0' }, { fixed: '4.17.21' }] }],
    },
  ],
  database_specific: { severity: 'HIGH', cwe_ids: ['CWE-77'] },
};

const LOCKFILES = {
  npm10: 'package-lock.json',
  pnpm: 'pnpm-lock.yaml',
  yarn1: 'yarn.lock',
  yarn4: 'yarn.lock',
} as const;

const skip = whyNoNamespace() ?? whyNoClient('npm') ?? false;

/** What one client may take for hundreds of packages on a busy machine. */
const INSTALL_MS = 300_000;

describe(
  'a project of hundreds of packages installs with every client and no network',
  { skip },
  () => {
    let folder: string;
    let data: string;
    let unreachable: string | undefined;

    before(async () => {
      folder = await mkdtemp(join(tmpdir(), 'x-npm-clients-'));
      if (!(await reachableUpstreams()).npm) {
        unreachable = "npm's registry does not answer";
        return;
      }
      await installClients(join(folder, 'clients'));
      const registry = (
        await run('npm', ['config', 'get', 'registry'], { cwd: folder })
      ).output.trim();
      const locks = await Promise.all(
        (Object.entries(LOCKFILES) as [keyof typeof LOCKFILES, string][]).map(
          async ([client, file]) => {
            const project = join(folder, client);
            await mkdir(project);
            await writeFile(join(project, 'package.json'), JSON.stringify(MANIFEST));
            const locked = await lock(join(folder, 'clients'), client, project, registry);
            assert.equal(locked.code, 0, `${client}: ${locked.output}`);
            await rm(join(project, 'node_modules'), { recursive: true, force: true });
            return join(project, file);
          },
        ),
      );
      await cp(join(folder, 'npm10'), join(folder, 'npm11'), { recursive: true });
      await cp(join(folder, 'pnpm'), join(folder, 'pnpm11'), { recursive: true });
      const advisories = join(folder, 'advisories.json');
      await writeFile(advisories, JSON.stringify(WEAKNESS));
      data = join(folder, 'data');
      const inputs = locks.flatMap((path) => ['-r', path]);
      const args = ['source', ...inputs, '--name', 'web', '--advisories', advisories, '--once'];
      const made = await x([...args, '--data', data], { deadlineMs: 300_000 });
      assert.equal(made.code, 0, made.stderr);
    });

    after(() => rm(folder, { recursive: true, force: true }));

    /** Runs lines in a client's project, in a namespace with loopback alone and a home that is empty. */
    async function offline(client: Client, lines: string): Promise<Ran> {
      const home = join(folder, `home-${client}`);
      return await isolated(
        `export HOME='${home}' PATH='${pathOf(join(folder, 'clients'), client)}'
mkdir -p '${home}'; cd '${join(folder, client)}'
${lines}`,
        folder,
        INSTALL_MS,
      );
    }

    async function isInstalled(client: Client): Promise<void> {
      const place = join(folder, client, 'node_modules/webpack/package.json');
      const { version } = JSON.parse(await readFile(place, 'utf8')) as { version: string };
      assert.match(version, /^5\./);
    }

    const xRun = (args: string): string => xIn(data)(`run -- ${args}`);

    for (const client of ['npm10', 'npm11'] as const) {
      test(`${client}: ci, install and audit`, async (t) => {
        if (unreachable !== undefined) return t.skip(unreachable);
        const { code, output } = await offline(
          client,
          `${xRun('npm ci --ignore-scripts')}
rm package-lock.json
${xRun('npm install --ignore-scripts')}
${xRun('npm audit')} || echo "audit said $?"`,
        );
        assert.equal(code, 0, output);
        await isInstalled(client);
        assert.match(output, /added 4\d\d packages/);
        assert.match(output, /Command Injection in lodash/);
        assert.match(output, /audit said 1/);
      });
    }

    test('pnpm: --frozen-lockfile and audit', async (t) => {
      if (unreachable !== undefined) return t.skip(unreachable);
      const { code, output } = await offline(
        'pnpm',
        `${xRun('pnpm install --frozen-lockfile --ignore-scripts')}
${xRun('pnpm audit')} || echo "audit said $?"`,
      );
      assert.equal(code, 0, output);
      await isInstalled('pnpm');
      assert.match(output, /Command Injection in lodash[^]*audit said 1/);
    });

    test('pnpm 11: --frozen-lockfile, by x run and by x use, though it asks when all was published', async (t) => {
      if (unreachable !== undefined) return t.skip(unreachable);
      const install = 'pnpm install --frozen-lockfile --ignore-scripts';
      const ran = await offline('pnpm11', xRun(install));
      assert.equal(ran.code, 0, ran.output);
      await isInstalled('pnpm11');
      const lines = `${xIn(data)('use npm')}
rm -rf node_modules
${install}
${xIn(data)('use npm --undo')}
test ! -e "$HOME/.config/pnpm/config.yaml" && echo nothing is left`;
      const used = await offline('pnpm11', besideResident(data, lines));
      assert.equal(used.code, 0, used.output);
      assert.match(used.output, /nothing is left/);
      await isInstalled('pnpm11');
    });

    test('yarn 1: --frozen-lockfile', async (t) => {
      if (unreachable !== undefined) return t.skip(unreachable);
      const { code, output } = await offline(
        'yarn1',
        xRun('yarn install --frozen-lockfile --ignore-scripts'),
      );
      assert.equal(code, 0, output);
      await isInstalled('yarn1');
    });

    test('yarn 4: --immutable, by x use from a resident gateway, and audit', async (t) => {
      if (unreachable !== undefined) return t.skip(unreachable);
      const { code, output } = await offline(
        'yarn4',
        besideResident(
          data,
          `${xIn(data)('use npm')}
yarn install --immutable --mode=skip-build
yarn npm audit --all --recursive --no-deprecations || echo "audit said $?"
${xIn(data)('use npm --undo')}
test ! -e "$HOME/.npmrc" && test ! -e "$HOME/.yarnrc.yml" && echo nothing is left`,
        ),
      );
      assert.equal(code, 0, output);
      assert.match(output, /Command Injection in lodash[^]*audit said 1/);
      assert.match(output, /nothing is left/);
    });
  },
);
