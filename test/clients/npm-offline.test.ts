import assert from 'node:assert/strict';
import { execFile, spawnSync } from 'node:child_process';
import { randomBytes, randomInt } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { buildNpmFixture } from '../../fixtures/upstream/npm.js';
import { startFixtureUpstream, type FixtureServer } from '../../fixtures/upstream/server.js';
import { BOUNDS } from '../../src/domain/bounds.js';
import { messageOf } from '../../src/domain/errors.js';
import { parseTarget } from '../../src/domain/target.js';
import type { CatalogEntry } from '../../src/ports/catalog.js';
import { createNpmSource } from '../../src/ecosystems/npm/source.js';
import { createUpstream } from '../../src/upstream/open-upstream.js';
import { createNpmRegistry } from '../../src/upstream/npm-registry.js';
import {
  bundleOf,
  entriesOf,
  fetchedOf,
  MemoryBytes,
  planOf,
  sealOf,
} from '../ecosystems/npm/held.js';
import type { OfflineResult, OfflineRun } from './npm-offline-run.js';

const run = promisify(execFile);
const fixture = buildNpmFixture();
const isolated = spawnSync('unshare', ['-n', 'true']).status === 0;
const skip = isolated ? false : 'this user may not make a network namespace (unshare -n)';
const ARCH = process.arch === 'x64' ? 'amd64' : process.arch;
const HERE = parseTarget(`linux/${ARCH}/glibc2.36,node=20`);

let server: FixtureServer;
let folder: string;

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'x-npm-offline-'));
  server = await startFixtureUpstream({ npm: fixture });
});

after(async () => {
  await server.close();
  await rm(folder, { recursive: true });
});

/** Runs commands in a project on a machine without a network, with a bundle's gateway on its loopback. */
async function offline(
  title: string,
  files: Record<string, unknown>,
  held: { entries: CatalogEntry[]; bytes: MemoryBytes },
  commands: string[][],
): Promise<{ results: OfflineResult[]; project: string }> {
  const place = await mkdtemp(join(folder, `${title}-`));
  const project = join(place, 'project');
  await mkdir(join(place, 'blobs'), { recursive: true });
  await mkdir(project);
  for (const [path, content] of Object.entries(files)) {
    const text = typeof content === 'string' ? content : JSON.stringify(content);
    await writeFile(join(project, path), text);
  }
  for (const { sha256 } of held.entries) {
    await writeFile(join(place, 'blobs', sha256), await held.bytes.read(sha256));
  }
  const path = (process.env['PATH'] ?? '')
    .split(':')
    .filter((part) => !part.includes('node_modules'))
    .join(':');
  const description: OfflineRun = {
    entries: held.entries,
    project,
    commands,
    env: { PATH: path, HOME: place },
  };
  await writeFile(join(place, 'run.json'), JSON.stringify(description));
  const script = fileURLToPath(new URL('./npm-offline-run.js', import.meta.url));
  const { stdout } = await run(
    'unshare',
    ['-n', 'bash', '-c', 'ip link set lo up; exec "$0" "$@"', process.execPath, script, place],
    { maxBuffer: 1 << 26, timeout: 180_000 },
  );
  const results = JSON.parse(stdout) as OfflineResult[];
  for (const { command, status, output } of results) {
    assert.equal(status, 0, `${command.join(' ')}: ${output}`);
  }
  return { results, project };
}

async function held(
  files: Record<string, unknown> | undefined,
  purls: string[] = [],
): Promise<{ entries: CatalogEntry[]; bytes: MemoryBytes }> {
  const env = { PATH: '', HOME: folder, npm_config_registry: server.npmRegistry };
  const options = { registry: createNpmRegistry({ env, folder }) };
  const input = { purls, targets: [HERE], ...(files === undefined ? {} : { files }) };
  return bundleOf(options, input, fixture, `${server.url}/npm`);
}

async function versionAt(project: string, path: string): Promise<string> {
  const text = await readFile(join(project, 'node_modules', path, 'package.json'), 'utf8');
  return (JSON.parse(text) as { version: string }).version;
}

test('npm installs by name and range, and from a package.json', { skip }, async () => {
  const bundle = await held(undefined, [
    'pkg:npm/x-fix-leaf@^1',
    'pkg:npm/x-fix-diamond',
    'pkg:npm/x-fix-plugin',
    'pkg:npm/x-fix-large',
  ]);
  const manifest = { name: 'app', version: '1.0.0', dependencies: { 'x-fix-diamond': '^1' } };
  // A project whose own settings lead outside still comes to the gateway.
  const npmrc = 'registry=https://registry.example/\n@x-fix:registry=https://scope.example/\n';
  const { project } = await offline(
    'names',
    { 'package.json': manifest, '.npmrc': npmrc },
    bundle,
    [
      ['npm', 'install', 'x-fix-leaf@^1', 'x-fix-plugin', 'x-fix-large'],
      ['npm', 'ls'],
      ['npm', 'ci'],
      ['npm', 'view', 'x-fix-leaf', 'version'],
      ['npm', 'search', 'x-fix-dia'],
      ['npm', 'ping'],
    ],
  );
  assert.equal(await versionAt(project, 'x-fix-leaf'), '1.1.0');
  assert.equal(await versionAt(project, 'x-fix-host'), '2.1.0');
  assert.equal(await versionAt(project, 'x-fix-base'), '1.1.0');
  assert.equal(await versionAt(project, 'x-fix-right/node_modules/x-fix-base'), '1.0.1');
});

test(
  'npm ci and npx work from a lockfile that names other hosts and platforms',
  { skip },
  async () => {
    const integrity = (name: string): string =>
      fixture.packages.find((candidate) => candidate.name === name)?.integrity ?? '';
    const elsewhere = 'https://registry.example/some/prefix';
    const manifest = {
      name: 'app',
      dependencies: { 'x-fix-native': '^1', 'x-fix-tool': '^1', '@x-fix/scoped': '^1' },
    };
    const natives = ['linux-x64', 'linux-arm64', 'darwin-arm64'].map((platform) => {
      const [os, cpu] = platform.split('-');
      const name = `@x-fix/native-${platform}`;
      const entry = {
        version: '1.0.0',
        resolved: `${elsewhere}/${name}/-/native-${platform}-1.0.0.tgz`,
        integrity: integrity(name),
        optional: true,
        os: [os],
        cpu: [cpu],
      };
      return [`node_modules/${name}`, entry];
    });
    const leaf = fixture.packages.find(
      ({ name, version }) => name === 'x-fix-leaf' && version === '1.0.0',
    );
    const lock = {
      name: 'app',
      lockfileVersion: 3,
      requires: true,
      packages: {
        '': manifest,
        'node_modules/@x-fix/scoped': {
          version: '1.0.0',
          resolved: `${elsewhere}/@x-fix/scoped/-/scoped-1.0.0.tgz`,
          dependencies: { 'x-fix-leaf': '^1.0.0' },
        },
        'node_modules/x-fix-leaf': {
          version: '1.0.0',
          resolved: `${elsewhere}/x-fix-leaf/-/x-fix-leaf-1.0.0.tgz`,
          integrity: leaf?.integrity,
        },
        'node_modules/x-fix-native': {
          version: '1.0.0',
          resolved: `${elsewhere}/x-fix-native/-/x-fix-native-1.0.0.tgz`,
          integrity: integrity('x-fix-native'),
          optionalDependencies: Object.fromEntries(
            natives.map(([location]) => [String(location).slice('node_modules/'.length), '1.0.0']),
          ),
        },
        ...Object.fromEntries(natives),
        'node_modules/x-fix-tool': {
          version: '1.0.0',
          resolved: `${elsewhere}/x-fix-tool/-/x-fix-tool-1.0.0.tgz`,
          bin: { 'x-fix-tool': 'cli.js' },
        },
      },
    };
    const bundle = await held({ 'package-lock.json': lock });
    const files = { 'package.json': manifest, 'package-lock.json': lock };
    const { project, results } = await offline('lock', files, bundle, [
      ['npm', 'ci'],
      ['npx', 'x-fix-tool'],
    ]);
    assert.equal(await versionAt(project, 'x-fix-leaf'), '1.0.0');
    assert.ok(existsSync(join(project, 'node_modules/@x-fix', `native-linux-${process.arch}`)));
    assert.match(results[1]?.output ?? '', /x-fix-tool runs/);
  },
);

test(
  'platform binaries are installed, and the lockfile npm writes then is one it accepts',
  { skip },
  async () => {
    const bundle = await held(undefined, ['pkg:npm/x-fix-native']);
    const { project } = await offline('native', { 'package.json': { name: 'app' } }, bundle, [
      ['npm', 'install', 'x-fix-native'],
      ['npm', 'ci'],
    ]);
    assert.ok(existsSync(join(project, 'node_modules/@x-fix', `native-linux-${process.arch}`)));
  },
);

test('shrinkwrapped and bundling packages install', { skip }, async () => {
  const bundle = await held(undefined, ['pkg:npm/x-fix-shrunk', 'pkg:npm/x-fix-bundler']);
  const { project } = await offline('inner', { 'package.json': { name: 'app' } }, bundle, [
    ['npm', 'install', 'x-fix-shrunk', 'x-fix-bundler'],
    ['npm', 'ci'],
  ]);
  assert.equal(await versionAt(project, 'x-fix-shrunk/node_modules/x-fix-leaf'), '1.0.0');
  assert.equal(await versionAt(project, 'x-fix-bundler/node_modules/x-fix-inner'), '1.0.0');
});

test('real packages install without a network', { skip, timeout: 180_000 }, async (t) => {
  const options = { registry: createNpmRegistry({ env: process.env, folder }) };
  try {
    await options.registry.release('express', '4.18.0');
  } catch (thrown) {
    return t.skip(`npm's registry cannot be reached: ${messageOf(thrown)}`);
  }
  const manifest = {
    name: 'app',
    dependencies: { express: '^4', esbuild: '^0.25' },
    devDependencies: { vite: '^6' },
  };
  const plan = await planOf(options, { files: { 'package.json': manifest }, targets: [HERE] });
  const bytes = new MemoryBytes();
  const { connection } = await options.registry.settings();
  const upstream = createUpstream({
    clock: {
      now: () => new Date(),
      monotonicMs: () => performance.now(),
      sleep: (ms) => sleep(ms),
    },
    random: { bytes: randomBytes, integer: (below) => randomInt(below) },
    ...connection,
    proxy: connection,
    credentialsFor: (url) => {
      const authorization = options.registry.npmAuthorization(url);
      return authorization === undefined ? undefined : { authorization };
    },
  });
  const fetched = await Promise.all(
    plan.artifacts.map(async (artifact) => {
      const request = { ecosystem: 'npm' as const, url: artifact.url };
      const { bytes: body } = await upstream.read(request, BOUNDS.packageJsonBytes * 8);
      return fetchedOf(artifact, body, bytes);
    }),
  );
  await upstream.close();
  const sealed = await sealOf(options, fetched, bytes, [HERE]);
  assert.deepEqual(sealed.warnings, []);
  const entries = entriesOf('real', fetched, sealed, bytes);
  const { project } = await offline('real', { 'package.json': manifest }, { entries, bytes }, [
    ['npm', 'install', '--ignore-scripts'],
    ['npm', 'ci', '--ignore-scripts'],
    ['node', '-e', 'require("express"); require("esbuild"); import("vite")'],
  ]);
  assert.ok(existsSync(join(project, 'node_modules/vite/package.json')));
  assert.equal(
    await createNpmSource(options).rewriteInput({ path: 'package.json', text: '{}' }, 'http://g'),
    undefined,
  );
});
