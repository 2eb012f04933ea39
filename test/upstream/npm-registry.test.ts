import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { buildNpmFixture } from '../../fixtures/upstream/npm.js';
import { startFixtureUpstream, type FixtureServer } from '../../fixtures/upstream/server.js';
import { nearestVersions } from '../../src/upstream/npm-errors.js';
import { parsePackument } from '../../src/upstream/npm-packuments.js';
import { createNpmRegistry } from '../../src/upstream/npm-registry.js';

const fixture = buildNpmFixture();
let folder: string;
let server: FixtureServer;

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'x-npm-test-'));
  server = await startFixtureUpstream({ npm: fixture });
});

after(async () => {
  await server.close();
  await rm(folder, { recursive: true });
});

async function project(npmrc: string): Promise<string> {
  const path = await mkdtemp(join(folder, 'project-'));
  await mkdir(path, { recursive: true });
  await writeFile(join(path, '.npmrc'), npmrc);
  await writeFile(join(path, 'package.json'), '{}');
  return path;
}

const environment = (): Record<string, string> => ({ PATH: '', HOME: folder });

test('project, user and environment configuration are read as npm reads them', async () => {
  await writeFile(
    join(folder, '.npmrc'),
    'registry=http://user.example/\n@mine:registry=http://mine.example/\n',
  );
  const path = await project('registry=http://project.example/npm\nomit[]=dev\n');
  const settings = await createNpmRegistry({ env: environment(), folder: path }).settings();
  assert.equal(settings.registry, 'http://project.example/npm');
  assert.deepEqual(settings.scopes, { '@mine': 'http://mine.example/' });
  assert.deepEqual(settings.omit, ['dev']);
  const env = { ...environment(), npm_config_registry: 'http://env.example/' };
  assert.equal(
    (await createNpmRegistry({ env, folder: path }).settings()).registry,
    'http://env.example/',
  );
  await rm(join(folder, '.npmrc'));
});

test('credentials go to their own host and path, and nowhere else', async () => {
  const path = await project(
    [
      'registry=https://private.example/npm/',
      '//private.example/npm/:_authToken=secret',
      '//other.example/:_auth=dXNlcjpwYXNz',
      '//third.example/:username=me',
      '//third.example/:_password=c2VjcmV0',
    ].join('\n'),
  );
  const registry = createNpmRegistry({ env: environment(), folder: path });
  assert.equal(registry.npmAuthorization('https://private.example/npm/a'), undefined);
  await registry.settings();
  assert.equal(
    registry.npmAuthorization('https://private.example/npm/a/-/a-1.0.0.tgz'),
    'Bearer secret',
  );
  assert.equal(
    registry.npmAuthorization('https://private.example/files/a-1.0.0.tgz'),
    'Bearer secret',
  );
  assert.equal(registry.npmAuthorization('https://other.example/a'), 'Basic dXNlcjpwYXNz');
  assert.equal(
    registry.npmAuthorization('https://third.example/a'),
    `Basic ${Buffer.from('me:secret').toString('base64')}`,
  );
  assert.equal(registry.npmAuthorization('https://elsewhere.example/npm/a'), undefined);
  assert.equal(registry.npmAuthorization('https://private.example.evil.example/npm/a'), undefined);
});

test('a private registry is asked with its token, and what it has is private', async () => {
  const host = new URL(server.url).host;
  const path = await project(
    `@x-fix:registry=${server.npmRegistry}\n//${host}/npm/:_authToken=secret\n`,
  );
  const registry = createNpmRegistry({ env: environment(), folder: path });
  const release = await registry.release('@x-fix/scoped', '1.0.0');
  assert.equal(release.isPublic, false);
  assert.equal(server.requests.at(-1)?.headers['authorization'], 'Bearer secret');
  assert.deepEqual(release.tags, ['latest']);
});

test('a packument is asked once, however many ask', async () => {
  const env = { ...environment(), npm_config_registry: server.npmRegistry };
  const registry = createNpmRegistry({ env, folder });
  const before = server.requests.length;
  await Promise.all(
    ['1.0.0', '1.1.0', '2.0.0'].map((version) => registry.release('x-fix-leaf', version)),
  );
  await registry.tree({ manifest: { dependencies: { 'x-fix-leaf': '*' } }, folders: [] });
  assert.equal(server.requests.length, before + 1);
});

test('a failing registry fails the tree, optional dependencies or not', async () => {
  server.inject({ path: '/npm/@x-fix%2fnative-linux-x64', status: 500 });
  const env = {
    ...environment(),
    npm_config_registry: server.npmRegistry,
    npm_config_fetch_retries: '0',
  };
  const registry = createNpmRegistry({ env, folder });
  const manifest = { dependencies: { 'x-fix-native': '1' } };
  await assert.rejects(registry.tree({ manifest, folders: [] }), {
    code: 'UPSTREAM_REFUSED',
    message: /500/,
  });
});

test('what a registry says is taken apart with care', () => {
  const parse = (value: unknown) =>
    parsePackument(
      typeof value === 'string' ? value : JSON.stringify(value),
      'http://r/a',
      (tarball) => tarball,
    );
  assert.throws(() => parse('<html>'), { code: 'UPSTREAM_MALFORMED' });
  assert.throws(() => parse([]), { code: 'UPSTREAM_MALFORMED' });
  const dist = { tarball: 'http://user:pass@r/a.tgz' };
  const packument = parse({
    name: 'a',
    versions: {
      '1.0.0': { name: 'a', version: '1.0.0', dist, scripts: { install: 'x', test: 'y' } },
      '1.0.1': { name: 'a', version: '9.9.9', dist },
      '1.0.2': { name: 'a', version: '1.0.2', dist: { tarball: 'file:///etc/passwd' } },
      '1.0.3': 'nonsense',
      '1.0.4': { name: 'a', version: '1.0.4' },
    },
    'dist-tags': { latest: 7 },
    time: null,
  });
  assert.deepEqual(Object.keys(packument.versions), ['1.0.0']);
  assert.deepEqual(packument.versions['1.0.0']?.['scripts'], { install: 'x' });
  assert.deepEqual(packument.versions['1.0.0']?.['dist'], { tarball: 'http://r/a.tgz' });
  assert.deepEqual(packument['dist-tags'], {});
});

test('official addresses in a mirror’s answers move to the mirror, others only when told', async () => {
  const official = (await createNpmRegistry({ env: environment(), folder }).settings()).registry;
  const answer = (name: string): Buffer =>
    Buffer.from(
      JSON.stringify({
        name,
        versions: {
          '1.0.0': {
            name,
            version: '1.0.0',
            dist: {
              tarball:
                name === 'a' ? `${official}a/-/a-1.0.0.tgz` : 'https://files.example/b-1.0.0.tgz',
            },
          },
        },
      }),
    );
  const mirror = await startFixtureUpstream({
    npm: {
      handle: (path) => ({
        status: 200,
        headers: { 'content-type': 'application/json' },
        body: answer(path.slice(1)),
      }),
    },
  });
  const tarballs = async (env: Record<string, string>): Promise<unknown[]> => {
    const registry = createNpmRegistry({
      env: { ...environment(), npm_config_registry: mirror.npmRegistry, ...env },
      folder,
    });
    const releases = await Promise.all(['a', 'b'].map((name) => registry.release(name, '1.0.0')));
    return releases.map(({ manifest }) => (manifest['dist'] as { tarball: string }).tarball);
  };
  assert.deepEqual(await tarballs({}), [
    `${mirror.url}/a/-/a-1.0.0.tgz`,
    'https://files.example/b-1.0.0.tgz',
  ]);
  assert.deepEqual(await tarballs({ npm_config_replace_registry_host: 'always' }), [
    `${mirror.url}/a/-/a-1.0.0.tgz`,
    `${mirror.url}/b-1.0.0.tgz`,
  ]);
  assert.deepEqual(await tarballs({ npm_config_replace_registry_host: 'never' }), [
    `${official}a/-/a-1.0.0.tgz`,
    'https://files.example/b-1.0.0.tgz',
  ]);
  await mirror.close();
});

test('the nearest versions surround what was asked for', () => {
  const versions = ['1.0.0', '2.0.0', '1.1.0', '3.0.0', '2.1.0-rc.1'];
  assert.deepEqual(nearestVersions(versions, '1.5.0'), ['1.0.0', '1.1.0', '2.0.0', '3.0.0']);
  assert.deepEqual(nearestVersions(versions, '^9'), ['2.0.0', '3.0.0']);
  assert.deepEqual(nearestVersions(versions, 'no-such-tag'), ['1.1.0', '2.0.0', '3.0.0']);
});
