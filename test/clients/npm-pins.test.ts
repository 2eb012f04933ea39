import assert from 'node:assert/strict';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { run, whyNoClient, whyNoNamespace, type Ran } from '../../fixtures/namespace.js';
import { reachableUpstreams } from '../../fixtures/reachable.js';
import { x } from '../../fixtures/x-process.js';
import { isolated, xIn } from './e2e-world.js';
import { installClients, lock, pathOf } from './npm-clients.js';

const COREPACK = 'corepack@0.34.0';

interface Pin {
  title: string;
  /** What package.json names. */
  manifest: Record<string, unknown>;
  /** The client whose lockfile the project has, and the file. */
  client: 'npm10' | 'pnpm' | 'yarn1' | 'yarn4';
  lockfile: string;
  /** On the isolated machine: what is first on the path. */
  first: 'corepack' | 'pnpm' | 'pnpm11';
  install: string;
  /** Prints the version of what installs. */
  asks: string;
  says: string;
  /** What it prints where the registry gives no signature of the client that is named. */
  saysUnsigned?: string;
}

const PINS: Pin[] = [
  {
    title: 'corepack fetches the pnpm that is named',
    manifest: { packageManager: 'pnpm@10.19.0' },
    client: 'pnpm',
    lockfile: 'pnpm-lock.yaml',
    first: 'corepack',
    install: 'pnpm install --frozen-lockfile',
    asks: 'pnpm --version',
    says: '10.19.0',
  },
  {
    title: 'pnpm fetches the other version that is named, and hands over to it',
    manifest: { packageManager: 'pnpm@10.19.0' },
    client: 'pnpm',
    lockfile: 'pnpm-lock.yaml',
    first: 'pnpm',
    install: 'pnpm install --frozen-lockfile',
    asks: 'pnpm --version',
    says: '10.19.0',
  },
  {
    title: 'corepack fetches the pnpm that devEngines names',
    manifest: { devEngines: { packageManager: { name: 'pnpm', version: '10.19.0' } } },
    client: 'pnpm',
    lockfile: 'pnpm-lock.yaml',
    first: 'corepack',
    install: 'pnpm install --frozen-lockfile',
    asks: 'pnpm --version',
    says: '10.19.0',
  },
  {
    title: 'pnpm 11 hands over to the version that devEngines names, where that is signed',
    manifest: {
      devEngines: { packageManager: { name: 'pnpm', version: '10.19.0', onFail: 'download' } },
    },
    client: 'pnpm',
    lockfile: 'pnpm-lock.yaml',
    first: 'pnpm11',
    install: 'pnpm install --frozen-lockfile',
    asks: 'pnpm --version',
    says: '10.19.0',
    saysUnsigned: '11.19.0',
  },
  {
    title: 'pnpm 10 fetches pnpm 12, which is a program for each platform',
    manifest: { packageManager: 'pnpm@12.21.0' },
    client: 'pnpm',
    lockfile: 'pnpm-lock.yaml',
    first: 'pnpm',
    install: 'pnpm install --frozen-lockfile',
    asks: 'pnpm --version',
    says: '12.21.0',
  },
  {
    title: 'corepack fetches the Yarn 4 that is named',
    manifest: { packageManager: 'yarn@4.9.4' },
    client: 'yarn4',
    lockfile: 'yarn.lock',
    first: 'corepack',
    install: 'yarn install --immutable',
    asks: 'yarn --version',
    says: '4.9.4',
  },
  {
    title: 'corepack fetches the Yarn 1 that is named',
    manifest: { packageManager: 'yarn@1.22.21' },
    client: 'yarn1',
    lockfile: 'yarn.lock',
    first: 'corepack',
    install: 'yarn install --frozen-lockfile',
    asks: 'yarn --version',
    says: '1.22.21',
  },
  {
    title: 'corepack fetches the npm that is named',
    manifest: { packageManager: 'npm@11.5.2' },
    client: 'npm10',
    lockfile: 'package-lock.json',
    first: 'corepack',
    install: 'corepack npm ci --no-audit',
    asks: 'corepack npm --version',
    says: '11.5.2',
  },
];

const skip = whyNoNamespace() ?? whyNoClient('npm') ?? false;

describe('the client that a project names is there with no network', { skip }, () => {
  let folder: string;
  let registry: string;
  let unreachable: string | undefined;

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'x-npm-pins-'));
    if (!(await reachableUpstreams()).npm) {
      unreachable = "npm's registry does not answer";
      return;
    }
    registry = (await run('npm', ['config', 'get', 'registry'], { cwd: folder })).output.trim();
    await installClients(join(folder, 'clients'));
    const place = join(folder, 'clients', 'corepack');
    await mkdir(place);
    await writeFile(join(place, 'package.json'), '{"private": true}');
    const flags = ['--no-audit', '--no-fund', '--loglevel=error'];
    const brought = await run('npm', ['install', ...flags, COREPACK], { cwd: place });
    assert.equal(brought.code, 0, brought.output);
    const shims = join(place, 'node_modules/corepack/dist/corepack.js');
    await mkdir(join(place, 'shims'));
    const enabled = await run(process.execPath, [
      shims,
      'enable',
      '--install-directory',
      join(place, 'shims'),
    ]);
    assert.equal(enabled.code, 0, enabled.output);
  });

  after(() => rm(folder, { recursive: true, force: true }));

  async function projectOf(at: number, { manifest, client }: Pin): Promise<string> {
    const project = join(folder, `project-${at}`);
    await mkdir(project);
    const file = join(project, 'package.json');
    const plain = { name: 'app', version: '1.0.0', dependencies: { 'is-odd': '^3' } };
    await writeFile(file, JSON.stringify(plain));
    const locked = await lock(join(folder, 'clients'), client, project, registry);
    assert.equal(locked.code, 0, locked.output);
    await rm(join(project, 'node_modules'), { recursive: true, force: true });
    if (client === 'yarn4') {
      await writeFile(join(project, '.yarnrc.yml'), 'nodeLinker: node-modules\n');
    }
    await writeFile(file, JSON.stringify({ ...plain, ...manifest }));
    return project;
  }

  async function offline(at: number, { first }: Pin, script: string): Promise<Ran> {
    const clients = join(folder, 'clients');
    const home = join(folder, `home-${at}`);
    const node = `${dirname(process.execPath)}:/usr/bin:/bin`;
    const corepack = join(clients, 'corepack');
    const path =
      first !== 'corepack'
        ? pathOf(clients, first)
        : `${corepack}/shims:${corepack}/node_modules/.bin:${node}`;
    return await isolated(
      `export HOME='${home}' PATH='${path}'
mkdir -p '${home}'; cd '${folder}/project-${at}'
${script}`,
      folder,
      120_000,
    );
  }

  async function givesSignatures(): Promise<boolean> {
    const answer = await fetch(new URL('pnpm/10.19.0', registry));
    const { dist } = (await answer.json()) as { dist: { signatures?: unknown[] } };
    return (dist.signatures?.length ?? 0) > 0;
  }

  for (const [at, pin] of PINS.entries()) {
    test(pin.title, async (t) => {
      if (unreachable !== undefined) return t.skip(unreachable);
      const project = await projectOf(at, pin);
      const data = join(folder, `data-${at}`);
      const file = join(project, pin.lockfile);
      const made = await x(['source', '-r', file, '--name', 'app', '--once', '--data', data]);
      assert.equal(made.code, 0, made.stdout + made.stderr);
      const xRun = (command: string): string => xIn(data)(`run -- ${command}`);
      const ran = await offline(at, pin, `${xRun(pin.asks)}\n${xRun(pin.install)}`);
      assert.equal(ran.code, 0, ran.output);
      const { says: signed, saysUnsigned: unsigned = signed } = pin;
      const says = unsigned === signed || (await givesSignatures()) ? signed : unsigned;
      assert.ok(ran.output.split('\n').includes(says), ran.output);
      const installed = join(project, 'node_modules/is-odd/package.json');
      const { version } = JSON.parse(await readFile(installed, 'utf8')) as { version: string };
      assert.match(version, /^3\./);
    });
  }
});
