import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { packTarball } from '../../../fixtures/upstream/npm.js';
import { integrityOfDigest, sha512 } from '../../../src/domain/digest.js';
import { parseTarget } from '../../../src/domain/target.js';
import { createNpmRegistry } from '../../../src/upstream/npm-registry.js';
import { chosen, fetchedOf, LINUX, MemoryBytes, planOf, sealOf } from './held.js';

/** A small registry: packages by `name@version`, and what their package.json says. */
const PACKAGES: Record<string, Record<string, unknown>> = {
  'leaf@1.0.0': {},
  'leaf@2.0.0': {},
  'wants-old@1.0.0': { dependencies: { leaf: '^1' } },
  'likes-new@1.0.0': {
    peerDependencies: { leaf: '^2' },
    peerDependenciesMeta: { leaf: { optional: true } },
  },
  'wants-peer@1.0.0': { peerDependencies: { leaf: '^1' } },
  'plugin@1.0.0': { dependencies: { own: '^1' } },
  'pnpm@12.0.0': {
    optionalDependencies: { '@pnpm/exe.linux': '12.0.0', '@pnpm/exe.mac': '12.0.0', gone: '1' },
  },
  '@pnpm/exe@12.0.0': { optionalDependencies: { '@pnpm/linux': '12.0.0' } },
  '@pnpm/exe.linux@12.0.0': { os: ['linux'] },
  '@pnpm/exe.mac@12.0.0': { os: ['darwin'] },
  'many@1.0.0': { optionalDependencies: { 'gone-a': '1', 'gone-b': '1' } },
  'addon@1.0.0': { dependencies: { nan: '^2' } },
  'nan@2.0.0': {},
};

let server: Server;
let folder = '';
let address = '';

function tarballOf(id: string): Uint8Array {
  const at = id.lastIndexOf('@');
  const manifest = { name: id.slice(0, at), version: id.slice(at + 1), ...PACKAGES[id] };
  return packTarball({ 'package.json': JSON.stringify(manifest) });
}

function packument(name: string): unknown {
  const ids = Object.keys(PACKAGES).filter((id) => id.slice(0, id.lastIndexOf('@')) === name);
  if (ids.length === 0) return undefined;
  const versions = Object.fromEntries(
    ids.map((id) => {
      const version = id.slice(id.lastIndexOf('@') + 1);
      const dist = {
        tarball: `${address}${name}/-/${version}.tgz`,
        integrity: integrityOfDigest('sha512', sha512(tarballOf(id))),
      };
      return [version, { name, version, dist, ...PACKAGES[id] }];
    }),
  );
  return { name, 'dist-tags': { latest: Object.keys(versions).at(-1) }, versions };
}

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'x-npm-locks-'));
  server = createServer((request, response) => {
    const found = packument(decodeURIComponent((request.url ?? '').slice(1)));
    response.writeHead(found === undefined ? 404 : 200).end(JSON.stringify(found));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  address = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
});

after(async () => {
  await new Promise((resolve) => server.close(resolve));
  await rm(folder, { recursive: true });
});

function options(): { registry: ReturnType<typeof createNpmRegistry> } {
  const env = {
    PATH: '', HOME: folder, npm_config_registry: address, npm_config_fetch_retries: '0',
  }; // prettier-ignore
  return { registry: createNpmRegistry({ env, folder }) };
}

const locked = (version: string, more: Record<string, unknown> = {}): Record<string, unknown> => ({
  version,
  ...more,
});

test('what a lockfile has as extraneous npm ci does not install', async () => {
  const dependencies = { 'wants-old': '^1', 'likes-new': '^1' };
  const files = {
    'package-lock.json': {
      lockfileVersion: 3,
      packages: {
        '': { dependencies },
        'node_modules/leaf': locked('2.0.0', { extraneous: true, peer: true }),
        'node_modules/likes-new': locked('1.0.0', PACKAGES['likes-new@1.0.0']),
        'node_modules/wants-old': locked('1.0.0', PACKAGES['wants-old@1.0.0']),
        'node_modules/wants-old/node_modules/leaf': locked('1.0.0'),
      },
    },
    'package.json': { dependencies },
  };
  const plan = await planOf(options(), { files });
  assert.deepEqual(chosen(plan), ['leaf@1.0.0', 'likes-new@1.0.0', 'wants-old@1.0.0']);
});

const BERRY = '__metadata:\n  version: 8\n\n';

/** A yarn.lock entry of a workspace that asks for things. */
const workspace = (path: string, name: string, asks: Record<string, string>): string =>
  `"${name}@workspace:${path}":\n  version: 0.0.0-use.local\n  resolution: "${name}@workspace:${path}"\n` +
  `  dependencies:\n${Object.entries(asks)
    .map(([asked, range]) => `    ${asked}: "${range}"\n`)
    .join('')}  languageName: unknown\n  linkType: soft\n\n`;

const entry = (key: string, resolution: string, version: string, more = ''): string =>
  `"${key}":\n  version: ${version}\n  resolution: "${resolution}"\n${more}  languageName: node\n  linkType: hard\n\n`;

test('what a yarn.lock binds to a workspace is found: folders, links and patches', async () => {
  const root = 'locator=root%40workspace%3A.';
  const asks = {
    por: 'portal:./p',
    lin: 'link:./l',
    leaf: 'patch:leaf@npm%3A1.0.0#./leaf.patch',
  };
  const lock =
    BERRY +
    workspace('.', 'root', asks) +
    entry(`por@portal:./p::${root}`, `por@portal:./p::${root}`, '0.0.0-use.local', '  dependencies:\n    nan: "npm:^2"\n') +
    entry(`lin@link:./l::${root}`, `lin@link:./l::${root}`, '0.0.0-use.local') +
    entry('leaf@npm:1.0.0', 'leaf@npm:1.0.0', '1.0.0') +
    entry(
      `leaf@patch:leaf@npm%3A1.0.0#./leaf.patch::${root}`,
      `leaf@patch:leaf@npm%3A1.0.0#./leaf.patch::version=1.0.0&hash=abc&${root}`,
      '1.0.0',
    ) +
    entry('nan@npm:^2', 'nan@npm:2.0.0', '2.0.0'); // prettier-ignore
  const manifest = { name: 'root', dependencies: asks };
  const plan = await planOf(options(), { files: { 'yarn.lock': lock, 'package.json': manifest } });
  assert.deepEqual(chosen(plan), ['leaf@1.0.0', 'nan@2.0.0']);
  assert.match(plan.warnings.join('\n'), /por@portal:\.\/p comes with the project/);
});

test('local folders outside the project are refused, in every kind of lockfile', async () => {
  const berry = (path: string): string =>
    BERRY +
    workspace('packages/a', 'a', { out: `portal:${path}` }) +
    entry(
      `out@portal:${path}::locator=a%40workspace%3Apackages%2Fa`,
      `out@portal:${path}::locator=a%40workspace%3Apackages%2Fa`,
      '0.0.0-use.local',
    );
  const cases: Record<string, string>[] = [
    { 'yarn.lock': berry('../../../out') },
    { 'yarn.lock': berry('/srv/out') },
    { 'yarn.lock': '# yarn lockfile v1\n\n\n"out@file:../out":\n  version "1.0.0"\n' },
    {
      'pnpm-lock.yaml':
        "lockfileVersion: '9.0'\nimporters:\n  .:\n    dependencies:\n      out:\n        specifier: file:../out\n        version: file:../out\npackages:\n  out@file:../out:\n    resolution: {directory: ../out, type: directory}\nsnapshots:\n  out@file:../out: {}\n",
    },
  ];
  for (const files of cases) {
    await assert.rejects(planOf(options(), { files }), {
      code: 'NOT_RESOLVABLE',
      message: /^(yarn\.lock|pnpm-lock\.yaml): out@.* lies outside the project$/,
    });
  }
  const inside = await planOf(options(), {
    files: {
      'yarn.lock': berry('../../out'),
      'package.json': { name: 'root', workspaces: ['packages/*'] },
    },
  });
  assert.deepEqual(inside.artifacts, []);
  const link =
    "lockfileVersion: '9.0'\nimporters:\n  app:\n    dependencies:\n      near:\n        specifier: link:../near\n        version: link:../near\n      far:\n        specifier: link:../../far\n        version: link:../../far\n";
  const linked = await planOf(options(), { files: { 'pnpm-lock.yaml': link } });
  assert.equal(linked.warnings.length, 1);
  assert.match(linked.warnings[0] ?? '', /far is linked to \.\.\/\.\.\/far, outside the project/);
});

test('a published package may be answered by a folder of the project', async () => {
  const lock =
    BERRY +
    workspace('.', 'root', { plugin: 'npm:^1' }) +
    workspace('packages/own', 'own', {}) +
    entry('plugin@npm:^1', 'plugin@npm:1.0.0', '1.0.0', '  dependencies:\n    own: "npm:^1"\n');
  const files = {
    'yarn.lock': lock,
    'package.json': {
      name: 'root',
      workspaces: ['packages/*'],
      resolutions: { own: 'workspace:*' },
    },
  };
  const given = options();
  const plan = await planOf(given, { files });
  assert.deepEqual(chosen(plan), ['plugin@1.0.0']);
  const bytes = new MemoryBytes();
  const fetched = plan.artifacts.map((artifact) =>
    fetchedOf(artifact, tarballOf(`${artifact.name}@${artifact.version}`), bytes),
  );
  await sealOf(given, fetched, bytes);
});

test('pnpm’s lockfile says what the project leaves out on purpose', async () => {
  const lock = (more: string): string =>
    `lockfileVersion: '9.0'\n${more}importers:\n  .:\n    dependencies:\n      many:\n        specifier: ^1\n        version: 1.0.0\npackages:\n  many@1.0.0:\n    resolution: {integrity: ${integrityOfDigest('sha512', sha512(tarballOf('many@1.0.0')))}}\nsnapshots:\n  many@1.0.0: {}\n`;
  const spoken = await planOf(options(), { files: { 'pnpm-lock.yaml': lock('') } });
  assert.match(
    spoken.warnings.join('\n'),
    /optional dependencies of many@1\.0\.0 that cannot be had are left out: gone-a \(the registry has no such package\), gone-b/,
  );
  const ignored = 'ignoredOptionalDependencies:\n  - gone-a\n  - gone-b\n';
  const silent = await planOf(options(), { files: { 'pnpm-lock.yaml': lock(ignored) } });
  assert.deepEqual(silent.warnings, []);
});

test('a pinned client that is a program for each platform comes with those of the targets', async () => {
  const files = { 'package.json': { packageManager: 'pnpm@12.0.0' } };
  const targets = [LINUX, parseTarget('windows/amd64,node=24')];
  const plan = await planOf(options(), { files, targets });
  assert.deepEqual(
    plan.artifacts.map(({ name, targets: { length } }) => `${name} ${length}`).sort(),
    ['@pnpm/exe 2', '@pnpm/exe.linux 1', 'pnpm 2'],
  );
  assert.deepEqual(plan.warnings, []);
});

test('what is written with the headers of addons is compiled, script or not', async () => {
  const plan = await planOf(options(), { purls: ['pkg:npm/addon'] });
  assert.match(plan.warnings.join('\n'), /compiled where they are installed.*: addon@1\.0\.0/);
});

test('a lockfile for a Node that came with npm 6 is carried for every platform', async () => {
  const locked = (name: string): unknown => ({ version: '12.0.0', optional: true, name });
  const lock = {
    lockfileVersion: 1,
    dependencies: {
      '@pnpm/exe.linux': locked('@pnpm/exe.linux'),
      '@pnpm/exe.mac': locked('@pnpm/exe.mac'),
    },
  };
  const optionalDependencies = { '@pnpm/exe.linux': '12.0.0', '@pnpm/exe.mac': '12.0.0' };
  const files = {
    'package-lock.json': lock,
    'package.json': { name: 'app', optionalDependencies },
  };
  const targets = [parseTarget('linux/amd64,node=14'), parseTarget('linux/amd64,node=24')];
  const plan = await planOf(options(), { files, targets });
  assert.deepEqual(
    plan.artifacts.map(({ name, targets: { length } }) => `${name} ${length}`).sort(),
    ['@pnpm/exe.linux 2', '@pnpm/exe.mac 1'],
  );
});

test('a yarn.lock of Berry alone is carried whole, whatever "resolutions" there were', async () => {
  const lock =
    BERRY +
    workspace('.', 'root', { 'wants-old': 'npm:^1' }) +
    entry('wants-old@npm:^1', 'wants-old@npm:1.0.0', '1.0.0', '  dependencies:\n    leaf: "npm:^1"\n') +
    entry('leaf@npm:2.0.0', 'leaf@npm:2.0.0', '2.0.0'); // prettier-ignore
  const plan = await planOf(options(), { files: { 'yarn.lock': lock } });
  assert.deepEqual(chosen(plan), ['leaf@2.0.0', 'wants-old@1.0.0']);
  assert.match(plan.warnings.join('\n'), /no package\.json beside it/);
  // With the package.json, which says nothing of it, the same is out of step.
  const files = { 'yarn.lock': lock, 'package.json': { name: 'root' } };
  await assert.rejects(planOf(options(), { files }), {
    code: 'INPUT_MALFORMED',
    message: /leaf@npm:\^1, which wants-old@1\.0\.0 needs, is not in it/,
  });
});

test('peers that npm 6 did not install stay out of what its lockfile gives', async () => {
  const lock = { lockfileVersion: 1, dependencies: { 'wants-peer': { version: '1.0.0' } } };
  const manifest = { name: 'app', dependencies: { 'wants-peer': '1.0.0' } };
  const given = options();
  const plan = await planOf(given, {
    files: { 'package-lock.json': lock, 'package.json': manifest },
  });
  assert.deepEqual(chosen(plan), ['wants-peer@1.0.0']);
  const bytes = new MemoryBytes();
  const fetched = plan.artifacts.map((artifact) =>
    fetchedOf(artifact, tarballOf(`${artifact.name}@${artifact.version}`), bytes),
  );
  await sealOf(given, fetched, bytes);
});

test('what a project has its client install for besides its own platform is carried too', async () => {
  const targets = [parseTarget('linux/amd64/glibc2.36,node=24')];
  const both = { '@pnpm/exe.linux': '12.0.0', '@pnpm/exe.mac': '12.0.0' };
  const berry =
    BERRY +
    entry(
      'root@workspace:.',
      'root@workspace:.',
      '0.0.0-use.local',
      '  dependencies:\n    "@pnpm/exe.linux": "npm:12.0.0"\n    "@pnpm/exe.mac": "npm:12.0.0"\n' +
        '  dependenciesMeta:\n    "@pnpm/exe.linux":\n      optional: true\n    "@pnpm/exe.mac":\n      optional: true\n',
    ) +
    entry('@pnpm/exe.linux@npm:12.0.0', '@pnpm/exe.linux@npm:12.0.0', '12.0.0') +
    entry('@pnpm/exe.mac@npm:12.0.0', '@pnpm/exe.mac@npm:12.0.0', '12.0.0');
  const integrity = (id: string): string => integrityOfDigest('sha512', sha512(tarballOf(id)));
  const pnpm = [
    "lockfileVersion: '9.0'\nimporters:\n  .:\n    optionalDependencies:",
    ...Object.entries(both).map(([name, version]) => `      '${name}':\n        specifier: ${version}\n        version: ${version}`),
    'packages:',
    ...Object.entries(both).map(([name, version]) => `  '${name}@${version}':\n    resolution: {integrity: ${integrity(`${name}@${version}`)}}`),
    'snapshots:',
    ...Object.entries(both).map(([name, version]) => `  '${name}@${version}': {}`),
  ].join('\n'); // prettier-ignore
  const manifest = { name: 'root', optionalDependencies: both };
  const settings = 'supportedArchitectures:\n  os: [current, darwin]\n  cpu: [current]\n';
  const cases: [files: Record<string, unknown>, carried: number][] = [
    [{ 'yarn.lock': berry, 'package.json': manifest }, 1],
    [{ 'yarn.lock': berry, 'package.json': manifest, '.yarnrc.yml': settings }, 2],
    [{ 'pnpm-lock.yaml': pnpm, 'package.json': manifest }, 1],
    [{ 'pnpm-lock.yaml': pnpm, 'package.json': manifest, 'pnpm-workspace.yaml': settings }, 2],
    [
      {
        'pnpm-lock.yaml': pnpm,
        'package.json': { ...manifest, pnpm: { supportedArchitectures: { os: ['darwin'] } } },
      },
      2,
    ],
  ];
  for (const [files, carried] of cases) {
    const plan = await planOf(options(), { files, targets });
    assert.equal(plan.artifacts.length, carried, Object.keys(files).join(', '));
  }
  const files = { 'yarn.lock': berry, 'package.json': manifest, '.yarnrc.yml': `${settings}\t- [` };
  await assert.rejects(planOf(options(), { files, targets }), {
    code: 'INPUT_MALFORMED',
    message: /^\.yarnrc\.yml: no YAML: /,
  });
});

test('what a lockfile lacks is carried, and said, for npm ci refuses such a lockfile', async () => {
  const dependencies = { 'wants-old': '^1' };
  const packages = {
    '': { dependencies },
    'node_modules/wants-old': locked('1.0.0', PACKAGES['wants-old@1.0.0']),
  };
  const whole = { ...packages, 'node_modules/leaf': locked('1.0.0') };
  const planned = (held: unknown): ReturnType<typeof planOf> =>
    planOf(options(), { files: { 'package-lock.json': { lockfileVersion: 3, packages: held } } });
  assert.deepEqual((await planned(whole)).warnings, []);
  const { warnings, ...plan } = await planned(packages);
  assert.deepEqual(chosen({ warnings, ...plan }), ['leaf@1.0.0', 'wants-old@1.0.0']);
  assert.equal(warnings.length, 1);
  assert.match(
    warnings[0] ?? '',
    /lacks 1 packages that it needs \(leaf@1\.0\.0\).*"npm ci" refuses/,
  );
});
