import assert from 'node:assert/strict';
import { mkdtemp, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { buildNpmFixture, packTarball } from '../../../fixtures/upstream/npm.js';
import { startFixtureUpstream, type FixtureServer } from '../../../fixtures/upstream/server.js';
import { formatTarget, parseTarget } from '../../../src/domain/target.js';
import type { NpmSourceOptions } from '../../../src/ecosystems/npm/source.js';
import { createNpmSource } from '../../../src/ecosystems/npm/source.js';
import { createNpmRegistry } from '../../../src/upstream/npm-registry.js';
import {
  bundleOf,
  chosen,
  fetchAll,
  fetchedOf,
  filesOf,
  LINUX,
  MemoryBytes,
  planOf,
  sealOf,
} from './held.js';

const fixture = buildNpmFixture({ signed: true });
let server: FixtureServer;
let options: NpmSourceOptions;
let folder: string;

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'x-npm-test-'));
  server = await startFixtureUpstream({ npm: fixture });
  const env = { PATH: '', HOME: folder, npm_config_registry: server.npmRegistry };
  options = { registry: createNpmRegistry({ env, folder }), keys: fixture.keys };
});

after(async () => {
  await server.close();
  await rm(folder, { recursive: true });
});

test('ranges, tags, scopes and exact versions of purls resolve as npm resolves them', async () => {
  const plan = await planOf(options, {
    purls: [
      'pkg:npm/x-fix-leaf@^1',
      'pkg:npm/%40x-fix/scoped',
      'pkg:npm/x-fix-host@1.0.0',
      '#x pkg:npm/x-fix-tool@latest',
    ],
  });
  // 1.2.0 is deprecated, so npm prefers 1.1.0.
  assert.deepEqual(chosen(plan), [
    '@x-fix/scoped@1.0.0',
    'x-fix-host@1.0.0',
    'x-fix-leaf@1.1.0',
    'x-fix-tool@1.0.0',
  ]);
  const scoped = plan.artifacts.find(({ name }) => name === '@x-fix/scoped');
  assert.equal(scoped?.purl, 'pkg:npm/%40x-fix/scoped@1.0.0');
  assert.equal(scoped.path, 'npm/@x-fix/scoped/scoped-1.0.0.tgz');
  assert.deepEqual(scoped.requires, ['pkg:npm/x-fix-leaf@1.1.0']);
  assert.deepEqual(scoped.requiredBy, []);
  assert.equal(scoped.digests.sha512?.length, 128);
  const leaf = plan.artifacts.find(({ name }) => name === 'x-fix-leaf');
  assert.deepEqual(leaf?.requiredBy, ['pkg:npm/%40x-fix/scoped@1.0.0']);
});

test('one name twice gives both versions; a tag gives its version', async () => {
  const plan = await planOf(options, {
    purls: ['pkg:npm/x-fix-leaf@1.0.0', 'pkg:npm/x-fix-leaf@next', 'pkg:npm/x-fix-leaf@^2'],
  });
  assert.deepEqual(chosen(plan), [
    'x-fix-leaf@1.0.0',
    'x-fix-leaf@2.0.0',
    'x-fix-leaf@3.0.0-beta.1',
  ]);
});

test('a package.json brings optional, peer, dev, aliased and overridden dependencies', async () => {
  const plan = await planOf(options, {
    files: {
      'package.json': {
        dependencies: { 'x-fix-plugin': '*', other: 'npm:x-fix-tool@^1', 'x-fix-diamond': '1' },
        devDependencies: { 'x-fix-leaf': '~1.0' },
        overrides: { 'x-fix-right': { 'x-fix-base': '1.1.0' } },
      },
    },
  });
  assert.deepEqual(chosen(plan), [
    'x-fix-base@1.1.0',
    'x-fix-diamond@1.0.0',
    'x-fix-host@2.1.0',
    'x-fix-leaf@1.0.0',
    'x-fix-left@1.0.0',
    'x-fix-plugin@1.0.0',
    'x-fix-right@1.0.0',
    'x-fix-tool@1.0.0',
  ]);
  const bytes = new MemoryBytes();
  const fetched = await fetchAll(plan, fixture, `${server.url}/npm`, bytes);
  const sealed = await sealOf(options, fetched, bytes);
  assert.deepEqual(sealed.warnings, [], 'the override is what the closure is proved with');
});

test('without dev, devDependencies stay out', async () => {
  const files = {
    'package.json': { devDependencies: { 'x-fix-leaf': '1' }, dependencies: { 'x-fix-tool': '1' } },
  };
  assert.deepEqual(chosen(await planOf({ ...options, dev: false }, { files })), [
    'x-fix-tool@1.0.0',
  ]);
});

test('platform binaries follow the targets, and what no registry has is named', async () => {
  const mac = parseTarget('macos14/arm64,node=22');
  const musl = parseTarget('linux/amd64/musl1.2,node=22');
  const plan = await planOf(options, {
    purls: ['pkg:npm/x-fix-native'],
    targets: [LINUX, mac, musl],
  });
  assert.deepEqual(chosen(plan, LINUX), ['@x-fix/native-linux-x64@1.0.0', 'x-fix-native@1.0.0']);
  assert.deepEqual(chosen(plan, mac), ['@x-fix/native-darwin-arm64@1.0.0', 'x-fix-native@1.0.0']);
  assert.deepEqual(chosen(plan, musl), [
    '@x-fix/native-linux-x64-musl@1.0.0',
    'x-fix-native@1.0.0',
  ]);
  assert.match(
    plan.warnings.join('\n'),
    /of x-fix-native@1\.0\.0 that cannot be had are left out: @x-fix\/native-never-published \(/,
  );
});

test('a required package for another platform is refused with the target', async () => {
  const files = { 'package.json': { dependencies: { '@x-fix/native-darwin-arm64': '1' } } };
  await assert.rejects(planOf(options, { files }), {
    code: 'NOT_RESOLVABLE',
    message: new RegExp(
      `required by the project, does not run on ${formatTarget(LINUX)}: it is for darwin, arm64`,
    ),
  });
});

test('lockfiles of version 1, 2 and 3 are taken exactly and completed for the target', async () => {
  const old = {
    version: '1.0.0',
    integrity: fixture.packages.find(
      ({ name, version }) => name === 'x-fix-leaf' && version === '1.0.0',
    )?.integrity,
  };
  const v1 = {
    lockfileVersion: 1,
    requires: true,
    dependencies: {
      'x-fix-leaf': old,
      '@x-fix/scoped': { version: '1.0.0', requires: { 'x-fix-leaf': '^1.0.0' } },
    },
  };
  const packages = {
    '': { dependencies: { '@x-fix/scoped': '^1.0.0', 'x-fix-native': '^1.0.0' } },
    'node_modules/@x-fix/scoped': { version: '1.0.0', dependencies: { 'x-fix-leaf': '^1.0.0' } },
    'node_modules/x-fix-leaf': {
      ...old,
      resolved: 'https://elsewhere.example/x-fix-leaf/-/x-fix-leaf-1.0.0.tgz',
    },
    // Written on a Mac: the other platforms' binaries are lost.
    'node_modules/x-fix-native': {
      version: '1.0.0',
      optionalDependencies: {
        '@x-fix/native-linux-x64': '1.0.0',
        '@x-fix/native-darwin-arm64': '1.0.0',
      },
    },
    'node_modules/@x-fix/native-darwin-arm64': {
      version: '1.0.0',
      optional: true,
      os: ['darwin'],
      cpu: ['arm64'],
    },
  };
  const planV1 = await planOf(options, {
    files: {
      'package-lock.json': v1,
      'package.json': { dependencies: { '@x-fix/scoped': '*', 'x-fix-leaf': '*' } },
    },
  });
  assert.deepEqual(chosen(planV1), ['@x-fix/scoped@1.0.0', 'x-fix-leaf@1.0.0']);
  assert.deepEqual(chosen(await planOf(options, { files: { 'package-lock.json': v1 } })), [
    '@x-fix/scoped@1.0.0',
    'x-fix-leaf@1.0.0',
  ]);
  for (const lockfileVersion of [2, 3]) {
    const plan = await planOf(options, {
      files: { 'npm-shrinkwrap.json': { lockfileVersion, packages } },
    });
    assert.deepEqual(chosen(plan), [
      '@x-fix/native-linux-x64@1.0.0',
      '@x-fix/scoped@1.0.0',
      'x-fix-leaf@1.0.0',
      'x-fix-native@1.0.0',
    ]);
    for (const { url } of plan.artifacts) assert.ok(url.startsWith(server.npmRegistry), url);
  }
});

test('a lockfile that names other bytes than the registry is refused', async () => {
  const integrity = `sha512-${Buffer.alloc(64).toString('base64')}`;
  const lock = {
    lockfileVersion: 3,
    packages: {
      '': { dependencies: { 'x-fix-leaf': '1' } },
      'node_modules/x-fix-leaf': { version: '1.0.0', integrity },
    },
  };
  await assert.rejects(planOf(options, { files: { 'package-lock.json': lock } }), {
    code: 'DIGEST_MISMATCH',
  });
});

test('workspaces bring what their folders need, and not themselves', async () => {
  const project = join(folder, 'monorepo');
  await mkdir(join(project, 'packages', 'a'), { recursive: true });
  await writeFile(
    join(project, 'packages/a/package.json'),
    JSON.stringify({ name: 'a', version: '1.0.0', dependencies: { 'x-fix-tool': '^1' } }),
  );
  const source = createNpmSource(options);
  const file = {
    path: join(project, 'package.json'),
    text: JSON.stringify({ workspaces: ['packages/*'] }),
  };
  const { requirements, nested } = await source.read(file, async (path) => ({
    path: join(project, path),
    text: path === 'package.json' ? file.text : await readFile(join(project, path), 'utf8'),
  }));
  assert.deepEqual(
    nested.map(({ path }) => path),
    [join(project, 'packages/a/package.json')],
    'and their own files travel with the project’s',
  );
  const plan = await source.plan({
    requirements: [requirements],
    purls: [],
    targets: [LINUX],
    now: new Date(0),
    report: () => undefined,
  });
  assert.deepEqual(chosen(plan), ['x-fix-tool@1.0.0']);
});

test('what does not exist is named, with what is near', async () => {
  await assert.rejects(planOf(options, { purls: ['pkg:npm/x-fix-nothing'] }), {
    code: 'PACKAGE_NOT_FOUND',
    message: /x-fix-nothing/,
  });
  await assert.rejects(planOf(options, { purls: ['pkg:npm/x-fix-leaf@1.5.0'] }), {
    code: 'VERSION_NOT_FOUND',
    hint: /1\.1\.0, 1\.2\.0, 2\.0\.0/,
  });
  await assert.rejects(
    planOf(options, {
      files: { 'package.json': { dependencies: { 'x-fix-plugin': '1', 'x-fix-host': '1.0.0' } } },
    }),
    { code: 'NOT_RESOLVABLE', message: /x-fix-plugin@1\.0\.0 wants peer x-fix-host@\^2\.0\.0/ },
  );
});

test('a registry that cannot be reached is one clear line', async () => {
  const env = {
    PATH: '',
    HOME: folder,
    npm_config_registry: 'http://127.0.0.1:1/',
    npm_config_fetch_retries: '0',
  };
  const away = { ...options, registry: createNpmRegistry({ env, folder }) };
  await assert.rejects(planOf(away, { purls: ['pkg:npm/x-fix-leaf'] }), {
    code: 'UPSTREAM_UNREACHABLE',
    message: /^npm: x-fix-leaf: [^\n]+$/,
  });
});

test('local paths and malformed input are refused with the place', async () => {
  const read = (files: Record<string, unknown>): Promise<unknown> => {
    const { first, readFile } = filesOf(files);
    return createNpmSource(options).read(first, readFile);
  };
  await assert.rejects(read({ 'package.json': '{\n  "dependencies": {\n    "a": "1",\n  }\n}' }), {
    code: 'INPUT_MALFORMED',
    message: /^package\.json:4:3: /,
  });
  await assert.rejects(read({ 'package.json': '{"a": ' }), {
    code: 'INPUT_MALFORMED',
    message: /^package\.json:1:7: /,
  });
  await assert.rejects(read({ 'package.json': '[]' }), { code: 'INPUT_MALFORMED' });
  await assert.rejects(read({ 'package.json': { dependencies: { '../x': '1' } } }), {
    code: 'INPUT_MALFORMED',
    message: /^package\.json:3:5: .*\.\.\/x/,
  });
  await assert.rejects(
    read({
      'package-lock.json': {
        lockfileVersion: 3,
        packages: { '../../etc/node_modules/a': { version: '1.0.0' } },
      },
    }),
    { code: 'INPUT_MALFORMED' },
  );
  await assert.rejects(read({ 'package-lock.json': { lockfileVersion: 9 } }), {
    code: 'INPUT_MALFORMED',
  });
  await assert.rejects(read({ 'yarn.lock': '# yarn lockfile v1\n\na@^1:\n  version' }), {
    code: 'INPUT_MALFORMED',
  });
  await assert.rejects(read({ 'pnpm-lock.yaml': 'lockfileVersion: 5.4' }), {
    code: 'INPUT_MALFORMED',
    message: /5\.4/,
    hint: /pnpm 8/,
  });
  for (const spec of ['file:../outside', 'link:/etc', 'file:vendor/a-1.0.0.tgz', 'file:nowhere']) {
    await assert.rejects(read({ 'package.json': { dependencies: { a: spec } } }), {
      code: 'NOT_RESOLVABLE',
      message: new RegExp(`^npm: package\\.json: "a": "${spec}" is no folder of the project`),
    });
  }
  await assert.rejects(
    read({ 'package-lock.json': { lockfileVersion: 3, packages: { '../shared': {} } } }),
    { code: 'NOT_RESOLVABLE', message: /^package-lock\.json:4:5: \.\.\/shared lies outside/ },
  );
  await assert.rejects(planOf(options, { purls: ['pkg:npm/a@git+https://git.example/a.git'] }), {
    code: 'INPUT_MALFORMED',
    message: /^wanted\.txt:1: /,
  });
});

test('files are claimed by name and by content', () => {
  const { claims } = createNpmSource(options);
  assert.ok(claims({ path: 'a/package.json', text: 'broken' }));
  assert.ok(claims({ path: 'deps.json', text: '{"dependencies": {}}' }));
  assert.ok(claims({ path: 'my.lock', text: '{"lockfileVersion": 2}' }));
  assert.ok(!claims({ path: 'requirements.txt', text: 'requests\npkg:npm/lodash@^4\n' }));
  assert.ok(!claims({ path: 'a.json', text: '{"x": 1}' }));
});

test('signatures hold as proof; a broken one stops the plan, an unknown key is said', async () => {
  const purls = ['pkg:npm/x-fix-leaf@1.0.0'];
  const held = await planOf(options, { purls });
  assert.equal(held.artifacts[0]?.proof, 'npm-signature');
  assert.equal(held.artifacts[0].private, false, 'a signed package is public');
  const unknown = await planOf({ ...options, keys: [] }, { purls });
  assert.equal(unknown.artifacts[0]?.proof, 'index-hash');
  assert.equal(unknown.artifacts[0].private, true, 'another registry than the official one');
  const declared = await planOf(
    { ...options, keys: [], publicIndexes: [server.npmRegistry] },
    { purls },
  );
  assert.equal(declared.artifacts[0]?.private, false);
  const other = buildNpmFixture({ signed: true }).keys.map((key) => ({
    ...key,
    keyid: fixture.keys[0]!.keyid,
  }));
  await assert.rejects(planOf({ ...options, keys: other }, { purls }), {
    code: 'SIGNATURE_INVALID',
  });
});

test('a scoped package is not public for its signature: the registry signs private ones too', async () => {
  const purls = ['pkg:npm/@x-fix/scoped'];
  const held = await planOf(options, { purls });
  const isPrivate = (name: string, { artifacts } = held): boolean | undefined =>
    artifacts.find((one) => one.name === name)?.private;
  assert.equal(held.artifacts[0]?.proof, 'npm-signature');
  assert.deepEqual([isPrivate('@x-fix/scoped'), isPrivate('x-fix-leaf')], [true, false]);
  const declared = await planOf({ ...options, publicIndexes: [server.npmRegistry] }, { purls });
  assert.equal(isPrivate('@x-fix/scoped', declared), false);
});

test('seal refuses bytes that are not what the registry signed, and packages that lie', async () => {
  const plan = await planOf(options, { purls: ['pkg:npm/@x-fix/scoped'] });
  const bytes = new MemoryBytes();
  const fetched = await fetchAll(plan, fixture, `${server.url}/npm`, bytes);
  const sealed = await sealOf(options, fetched, bytes);
  assert.deepEqual(
    new Set([...sealed.proofs.values()].map(({ proof }) => proof)),
    new Set(['npm-signature']),
  );
  assert.deepEqual(
    sealed.documents.map(({ path }) => path),
    ['npm/@x-fix/scoped/packument.json', 'npm/x-fix-leaf/packument.json'],
  );

  const scoped = plan.artifacts[0]!;
  const replace = (manifest: Record<string, unknown>) => {
    const body = packTarball({ 'package.json': JSON.stringify(manifest) });
    return [fetchedOf({ ...scoped, digests: {}, detail: {} }, body, bytes), ...fetched.slice(1)];
  };
  const honest = { name: '@x-fix/scoped', version: '1.0.0' };
  await assert.rejects(sealOf(options, [fetchedOf(scoped, packTarball({}), bytes)], bytes), {
    code: 'DIGEST_MISMATCH',
  });
  await assert.rejects(sealOf(options, replace({ ...honest, name: 'other' }), bytes), {
    code: 'UPSTREAM_MALFORMED',
    message: /says it is "other@1\.0\.0"/,
  });
  await assert.rejects(
    sealOf(options, replace({ ...honest, dependencies: { 'x-fix-leaf': '^2' } }), bytes),
    { code: 'NOT_RESOLVABLE', message: /needs x-fix-leaf@\^2/ },
  );
  await assert.rejects(
    sealOf(
      options,
      [fetchedOf({ ...scoped, digests: {}, detail: {} }, Buffer.from('no gzip'), bytes)],
      bytes,
    ),
    { code: 'UPSTREAM_MALFORMED' },
  );
  await sealOf(options, replace({ ...honest, dependencies: { 'x-fix-leaf': '^1' } }), bytes);
});

test('what a shrinkwrapped package pins is held, and what a package bundles is not asked for', async () => {
  const purls = ['pkg:npm/x-fix-shrunk', 'pkg:npm/x-fix-bundler'];
  const { plan } = await bundleOf(options, { purls }, fixture, `${server.url}/npm`);
  const names = chosen(plan);
  assert.ok(names.includes('x-fix-leaf@1.0.0'), names.join(' '));
  assert.ok(!names.some((name) => name.startsWith('x-fix-inner')));
  const shrunk = plan.artifacts.find(({ name }) => name === 'x-fix-shrunk');
  assert.ok(shrunk?.requires.includes('pkg:npm/x-fix-leaf@1.0.0'));
});

test('install scripts are named in the plan', async () => {
  const plan = await planOf(options, { purls: ['pkg:npm/x-fix-scripted'] });
  assert.match(plan.warnings.join('\n'), /install scripts.*x-fix-scripted@1\.0\.0/);
});

test('lockfiles are rewritten for the gateway, everything else is left', async () => {
  const source = createNpmSource(options);
  const lock = {
    lockfileVersion: 3,
    packages: {
      '': { name: 'p' },
      'node_modules/@x-fix/scoped': {
        version: '1.0.0',
        resolved: 'https://registry.example/prefix/scoped/1.0.0/download',
      },
      'node_modules/alias': {
        name: 'x-fix-tool',
        version: '1.0.0',
        resolved: 'https://registry.example/x-fix-tool/-/x-fix-tool-1.0.0.tgz',
      },
      'node_modules/g': { version: '1.0.0', resolved: 'git+ssh://git.example/g.git#abc' },
    },
  };
  const file = { path: 'package-lock.json', text: JSON.stringify(lock, null, '\t') + '\n' };
  const rewritten = await source.rewriteInput(file, 'http://127.0.0.1:8470');
  assert.equal(
    rewritten?.text,
    file.text
      .replace(
        'https://registry.example/prefix/scoped/1.0.0/download',
        'http://127.0.0.1:8470/npm/@x-fix/scoped/-/scoped-1.0.0.tgz',
      )
      .replace('https://registry.example/x-fix-tool/-/', 'http://127.0.0.1:8470/npm/x-fix-tool/-/'),
  );
  assert.equal(
    await source.rewriteInput({ path: 'package.json', text: '{}' }, 'http://g'),
    undefined,
  );
});

test('a bundle of everything holds one packument a name', async () => {
  const { entries } = await bundleOf(
    options,
    { purls: ['pkg:npm/x-fix-diamond', 'pkg:npm/x-fix-large'] },
    fixture,
    `${server.url}/npm`,
  );
  assert.equal(entries.filter(({ kind }) => kind === 'index').length, 5);
});
