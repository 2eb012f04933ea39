import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { buildNpmFixture } from '../../../fixtures/upstream/npm.js';
import { startFixtureUpstream, type FixtureServer } from '../../../fixtures/upstream/server.js';
import { createNpmServer } from '../../../src/ecosystems/npm/server.js';
import type { CatalogEntry } from '../../../src/ports/catalog.js';
import type { HeldView, NativeResponse } from '../../../src/ports/ecosystem.js';
import type { NpmSourceOptions } from '../../../src/ecosystems/npm/source.js';
import { createNpmRegistry } from '../../../src/upstream/npm-registry.js';
import { ask, bundleOf, type MemoryBytes, viewOf } from './held.js';

const fixture = buildNpmFixture({ signed: true });
let server: FixtureServer;
let folder: string;
let options: NpmSourceOptions;
let entries: CatalogEntry[];
let bytes: MemoryBytes;
let view: HeldView;

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'x-npm-test-'));
  server = await startFixtureUpstream({ npm: fixture });
  const env = { PATH: '', HOME: folder, npm_config_registry: server.npmRegistry };
  options = { registry: createNpmRegistry({ env, folder }), keys: fixture.keys };
  const purls = [
    'pkg:npm/x-fix-leaf@1.0.0',
    'pkg:npm/x-fix-leaf@next',
    'pkg:npm/@x-fix/scoped',
    'pkg:npm/x-fix-native',
  ];
  ({ entries, bytes, view } = await bundleOf(options, { purls }, fixture, `${server.url}/npm`));
});

after(async () => {
  await server.close();
  await rm(folder, { recursive: true });
});

interface Packument {
  'dist-tags': Record<string, string>;
  time?: Record<string, string>;
  modified?: string;
  versions: Record<
    string,
    {
      license?: string;
      dist: { tarball: string; integrity: string };
      optionalDependencies?: Record<string, string>;
    }
  >;
}

function bodyOf<T>(answer: NativeResponse): T {
  assert.equal(answer.kind, 'bytes');
  assert.equal(answer.status, 200);
  return JSON.parse(Buffer.from(answer.bytes).toString('utf8')) as T;
}

test('a packument lists held versions only, with upstream’s times', async () => {
  const full = bodyOf<Packument>(await ask(view, 'x-fix-leaf'));
  assert.deepEqual(Object.keys(full.versions).sort(), ['1.0.0', '3.0.0-beta.1']);
  assert.deepEqual(full['dist-tags'], { latest: '1.0.0', next: '3.0.0-beta.1' });
  assert.equal(full.time?.['1.0.0'], '2026-01-01T00:00:00.000Z');
  const { dist } = full.versions['1.0.0']!;
  assert.equal(dist.tarball, 'http://gateway:8470/npm/x-fix-leaf/-/x-fix-leaf-1.0.0.tgz');
  assert.equal(dist.integrity, fixture.packages[0]?.integrity);
});

test('the registry itself, opened in a browser, says what it is', async () => {
  const root = await ask(view, '');
  assert.ok(root.kind === 'bytes' && root.status === 404, JSON.stringify(root));
  assert.match(Buffer.from(root.bytes).toString(), /ask it for a package by its name/);
});

test('npm’s abbreviated form leaves out what installing does not need', async () => {
  const headers = {
    accept: 'application/vnd.npm.install-v1+json; q=1.0, application/json; q=0.8, */*',
  };
  const answer = await ask(view, '@x-fix/scoped', { headers });
  assert.equal(
    answer.kind === 'bytes' && answer.headers['content-type'],
    'application/vnd.npm.install-v1+json',
  );
  const short = bodyOf<Packument>(answer);
  assert.equal(short.versions['1.0.0']?.license, undefined);
  assert.equal(short.time, undefined);
  assert.equal(short.modified, '2026-01-01T00:00:00.000Z');
});

test('single versions and tags answer with one manifest', async () => {
  assert.equal(
    bodyOf<{ _id: string }>(await ask(view, 'x-fix-leaf/next'))._id,
    'x-fix-leaf@3.0.0-beta.1',
  );
  assert.equal(
    bodyOf<{ _id: string }>(await ask(view, '@x-fix/scoped/1.0.0'))._id,
    '@x-fix/scoped@1.0.0',
  );
  for (const path of [
    'x-fix-leaf/2.0.0',
    'x-fix-leaf/constructor',
    'x-fix-nothing',
    '../x',
    'a/b/c',
    '-/nothing',
  ]) {
    assert.equal((await ask(view, path)).kind, 'not-found', path);
  }
});

test('a tarball is found under any prefix, by its package’s name', async () => {
  const paths = [
    '@x-fix/scoped/-/scoped-1.0.0.tgz',
    'some/old/prefix/@x-fix/scoped/-/scoped-1.0.0.tgz',
    '@x-fix/scoped/-/@x-fix/scoped-1.0.0.tgz',
  ];
  for (const path of paths) {
    const answer = await ask(view, path);
    assert.equal(
      answer.kind === 'artifact' && answer.entry.path,
      'npm/@x-fix/scoped/scoped-1.0.0.tgz',
      path,
    );
  }
  assert.equal((await ask(view, 'x-fix-leaf/-/x-fix-leaf-2.0.0.tgz')).kind, 'not-found');
  assert.equal((await ask(view, 'x-fix-leaf/-/scoped-1.0.0.tgz')).kind, 'not-found');
});

test('an unchanged packument is 304', async () => {
  const first = await ask(view, 'x-fix-leaf');
  assert.ok(first.kind === 'bytes');
  const again = await ask(view, 'x-fix-leaf', {
    headers: { 'if-none-match': `W/${first.headers['etag']}` },
  });
  assert.ok(again.kind === 'bytes');
  assert.equal(again.status, 304);
  assert.equal(again.bytes.length, 0);
});

test('optional dependencies that nobody holds are not listed', async () => {
  const native = bodyOf<Packument>(await ask(view, 'x-fix-native'));
  assert.deepEqual(native.versions['1.0.0']?.optionalDependencies, {
    '@x-fix/native-linux-x64': '1.0.0',
  });
});

test('the services that clients ask on the way answer', async () => {
  assert.deepEqual(bodyOf(await ask(view, '-/ping')), {});
  const keys = bodyOf<{ keys: { keyid: string }[] }>(await ask(view, '-/npm/v1/keys'));
  assert.ok(keys.keys.length >= 2 && keys.keys.every(({ keyid }) => keyid.startsWith('SHA256:')));
  const found = bodyOf<{ objects: { package: { name: string } }[]; total: number }>(
    await ask(view, '-/v1/search', { query: new URLSearchParams('text=leaf&size=5') }),
  );
  assert.deepEqual(
    found.objects.map((object) => object.package.name),
    ['x-fix-leaf'],
  );
});

test('bundles answer together; of two that have a version the one known first, unless the view passes it over', async () => {
  const other = await bundleOf(
    { ...options, keys: [], publicIndexes: [server.npmRegistry] },
    { purls: ['pkg:npm/x-fix-leaf@1.0.0', 'pkg:npm/x-fix-leaf@2.0.0'] },
    fixture,
    `${server.url}/npm`,
  );
  const unsigned = other.entries.map((entry) => ({
    ...entry,
    bundleId: 'first@other',
    ...(entry.version === '1.0.0' ? { sha512: 'ab'.repeat(64) } : {}),
  }));
  for (const [digest, body] of other.bytes.blobs) bytes.blobs.set(digest, body);
  const both = viewOf([...unsigned, ...entries], bytes);
  const merged = bodyOf<Packument>(await ask(both, 'x-fix-leaf'));
  assert.deepEqual(Object.keys(merged.versions).sort(), ['1.0.0', '2.0.0', '3.0.0-beta.1']);
  assert.deepEqual(merged['dist-tags'], { latest: '2.0.0', next: '3.0.0-beta.1' });
  const claimed = `sha512-${Buffer.from('ab'.repeat(64), 'hex').toString('base64')}`;
  assert.equal(merged.versions['1.0.0']?.dist.integrity, claimed);
  const tarball = await ask(both, 'x-fix-leaf/-/x-fix-leaf-1.0.0.tgz');
  assert.equal(tarball.kind === 'artifact' && tarball.entry.bundleId, 'first@other');

  const settled = viewOf(
    [...unsigned.filter(({ version }) => version !== '1.0.0'), ...entries],
    bytes,
  );
  const { versions } = bodyOf<Packument>(await ask(settled, 'x-fix-leaf'));
  assert.equal(versions['1.0.0']?.dist.integrity, fixture.packages[0]?.integrity);
});

test('a name private to one source is answered from that source alone', async () => {
  const foreign = entries.map((entry) => ({
    ...entry,
    bundleId: 'z@other',
    version: entry.version === '1.0.0' ? '9.0.0' : entry.version,
  }));
  const mine = entries.map((entry) => ({ ...entry, private: true }));
  const both = viewOf([...foreign, ...mine], bytes);
  const merged = bodyOf<Packument>(await ask(both, 'x-fix-leaf'));
  assert.deepEqual(Object.keys(merged.versions).sort(), ['1.0.0', '3.0.0-beta.1']);
  assert.equal((await ask(both, 'x-fix-leaf/-/x-fix-leaf-9.0.0.tgz')).kind, 'not-found');
});

test('checkProof tells a signature that holds from one that is unknown, missing or broken', async () => {
  const entry = entries.find(({ path }) => path === 'npm/x-fix-leaf/x-fix-leaf-1.0.0.tgz')!;
  const check = async (
    server: ReturnType<typeof createNpmServer>,
    changed: Partial<CatalogEntry> = {},
  ) => (await server.checkProof({ ...entry, ...changed }, view, new Date(0))).verdict;
  const known = createNpmServer({ keys: fixture.keys });
  assert.equal(await check(known), 'holds');
  assert.equal(await check(createNpmServer()), 'carried');
  assert.equal(await check(known, { sha512: '00'.repeat(64) }), 'broken');
  const plain = viewOf(
    entries.filter(({ kind }) => kind === 'package'),
    bytes,
  );
  assert.equal((await known.checkProof(entry, plain, new Date(0))).verdict, 'broken');
  assert.equal(
    (await known.checkProof({ ...entry, proof: 'index-hash' }, plain, new Date(0))).verdict,
    'carried',
  );
});

test('settings lead every client to the gateway, with files of its own', async () => {
  for (const command of createNpmServer().commands) {
    const settings = await createNpmServer().settings({
      command,
      gateway: 'http://127.0.0.1:8470',
      bundles: [],
      view,
    });
    assert.equal(settings.env['npm_config_registry'], 'http://127.0.0.1:8470/npm/');
    assert.equal(settings.env['npm_config_@x-fix:registry'], 'http://127.0.0.1:8470/npm/');
    assert.notEqual(settings.env['npm_config_userconfig'], settings.env['npm_config_globalconfig']);
    assert.equal(new Set(settings.files.map(({ path }) => path)).size, 2);
  }
});
