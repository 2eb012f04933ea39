import assert from 'node:assert/strict';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { packTarball } from '../../../fixtures/upstream/npm.js';
import { integrityOfDigest, sha512 } from '../../../src/domain/digest.js';
import { XError } from '../../../src/domain/errors.js';
import { isSafePath } from '../../../src/domain/bundle.js';
import { createNpmRegistry, type NpmRegistryAdapter } from '../../../src/upstream/npm-registry.js';
import { chosen, fetchedOf, MemoryBytes, planOf, sealOf } from './held.js';

let server: Server;
let address = '';
let folder = '';
let registry: NpmRegistryAdapter;
/** What the registry answers, by package name: text, or what becomes JSON. */
const answers = new Map<string, unknown>();

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'x-npm-hostile-'));
  server = createServer((request, response) => {
    const name = decodeURIComponent((request.url ?? '').slice(1));
    const found = answers.get(name);
    const body = typeof found === 'string' ? found : JSON.stringify(found);
    response.writeHead(found === undefined ? 404 : 200).end(body);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  address = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
});

after(async () => {
  await new Promise((resolve) => server.close(resolve));
  await rm(folder, { recursive: true });
});

/** Nothing that an earlier case was told is remembered. */
function fresh(): NpmRegistryAdapter {
  const env = {
    PATH: '', HOME: folder, npm_config_registry: address, npm_config_fetch_retries: '0',
  }; // prettier-ignore
  registry = createNpmRegistry({ env, folder });
  return registry;
}

type Manifest = Record<string, unknown>;

function release(name: string, version: string, more: Manifest = {}): Manifest {
  const dist = {
    tarball: `${address}${name}/-/${name}-${version}.tgz`,
    integrity: integrityOfDigest('sha512', sha512(name + version)),
  };
  return { name, version, dist, ...more };
}

function packument(
  name: string,
  versions: Record<string, Manifest>,
  more: Manifest = {},
): Manifest {
  return { name, 'dist-tags': { latest: Object.keys(versions).at(-1) }, versions, ...more };
}

/** What a packument of "evil" may say, and the code that it ends with; undefined where it is harmless. */
const PACKUMENTS: Record<string, [code: string | undefined, answer: () => unknown]> = {
  'no JSON': ['UPSTREAM_MALFORMED', () => '<html>sign in</html>'],
  'JSON that breaks off': ['UPSTREAM_MALFORMED', () => '{"name": "evil", "versions": {'],
  'a list': ['UPSTREAM_MALFORMED', () => []],
  'null': ['UPSTREAM_MALFORMED', () => 'null'],
  'no name': ['UPSTREAM_MALFORMED', () => ({ versions: {} })],
  'another package’s name': ['UPSTREAM_MALFORMED', () => packument('other', { '1.0.0': release('evil', '1.0.0') })],
  'no versions': ['VERSION_NOT_FOUND', () => packument('evil', {})],
  'versions in a list': ['VERSION_NOT_FOUND', () => ({ name: 'evil', versions: [release('evil', '1.0.0')] })],
  'a version that is a path': ['UPSTREAM_MALFORMED', () => packument('evil', { '../../../etc/x': release('evil', '../../../etc/x') })],
  'a version under another’s key': ['VERSION_NOT_FOUND', () => packument('evil', { '1.0.0': release('evil', '2.0.0') })],
  'a tarball in the file system': ['VERSION_NOT_FOUND', () => packument('evil', { '1.0.0': release('evil', '1.0.0', { dist: { tarball: 'file:///etc/passwd' } }) })],
  'a tarball of no scheme known': ['VERSION_NOT_FOUND', () => packument('evil', { '1.0.0': release('evil', '1.0.0', { dist: { tarball: 'javascript:alert(1)' } }) })],
  'a tarball without an address': ['VERSION_NOT_FOUND', () => packument('evil', { '1.0.0': release('evil', '1.0.0', { dist: {} }) })],
  'no dist at all': ['VERSION_NOT_FOUND', () => packument('evil', { '1.0.0': { name: 'evil', version: '1.0.0' } })],
  'a dist-tag of a version that is not there': [undefined, () => ({ ...packument('evil', { '1.0.0': release('evil', '1.0.0') }), 'dist-tags': { latest: '9.9.9' } })],
  'a prototype among the versions': [undefined, () => `{"name": "evil", "dist-tags": {"latest": "1.0.0"}, "versions": {"__proto__": {"version": "__proto__"}, "1.0.0": ${JSON.stringify(release('evil', '1.0.0'))}}}`],
  'dependencies that are no table': [undefined, () => packument('evil', { '1.0.0': release('evil', '1.0.0', { dependencies: ['a', 'b'] }) })],
  'platforms that are no list': [undefined, () => packument('evil', { '1.0.0': release('evil', '1.0.0', { os: 5, cpu: { x64: 1 }, libc: [[]], engines: 'all' }) })],
  'a dependency that is a path': ['NOT_RESOLVABLE', () => packument('evil', { '1.0.0': release('evil', '1.0.0', { dependencies: { x: 'file:../../../etc' } }) })],
  'a dependency whose name is a path': ['UPSTREAM_MALFORMED', () => packument('evil', { '1.0.0': release('evil', '1.0.0', { dependencies: { '../../x': '1' } }) })],
  'a dependency that nobody has': ['PACKAGE_NOT_FOUND', () => packument('evil', { '1.0.0': release('evil', '1.0.0', { dependencies: { nobody: '1' } }) })],
  'an integrity that is none': [undefined, () => packument('evil', { '1.0.0': release('evil', '1.0.0', { dist: { tarball: `${address}e.tgz`, integrity: 'sha512-!!' } }) })],
  'itself as its dependency': [undefined, () => packument('evil', { '1.0.0': release('evil', '1.0.0', { dependencies: { evil: '1.0.0' } }) })],
  'a login in the tarball’s address': [undefined, () => packument('evil', { '1.0.0': release('evil', '1.0.0', { dist: { tarball: `http://user:secret@127.0.0.1/e.tgz` } }) })],
  'versions of null': ['VERSION_NOT_FOUND', () => ({ name: 'evil', versions: null })],
  'a version of null': ['VERSION_NOT_FOUND', () => ({ name: 'evil', versions: { '1.0.0': null } })],
  'dist-tags that are no table': [undefined, () => ({ ...packument('evil', { '1.0.0': release('evil', '1.0.0') }), 'dist-tags': 'latest' })],
  'times that are none': ['VERSION_NOT_FOUND', () => ({ ...packument('evil', { '1.0.0': release('evil', '1.0.0') }), time: { '1.0.0': 'yesterday', created: 5 } })],
  'its name in capitals': ['PACKAGE_NOT_FOUND', () => packument('Evil', { '1.0.0': release('Evil', '1.0.0') })],
  'a version that no semver has': ['UPSTREAM_MALFORMED', () => packument('evil', { '99999999999999999999.0.0': release('evil', '99999999999999999999.0.0') })],
  'a version with a line break': ['UPSTREAM_MALFORMED', () => packument('evil', { '1.0.0\n': release('evil', '1.0.0\n') })],
  'a tarball inside a data address': ['VERSION_NOT_FOUND', () => packument('evil', { '1.0.0': release('evil', '1.0.0', { dist: { tarball: 'data:application/gzip;base64,AAAA' } }) })],
  'a tarball’s address that is a number': ['VERSION_NOT_FOUND', () => packument('evil', { '1.0.0': release('evil', '1.0.0', { dist: { tarball: 5 } }) })],
  'a tarball’s address that breaks a line': [undefined, () => packument('evil', { '1.0.0': release('evil', '1.0.0', { dist: { tarball: `${address}e.tgz\r\nX: y` } }) })],
  'signatures that are no list': [undefined, () => packument('evil', { '1.0.0': release('evil', '1.0.0', { dist: { tarball: `${address}e.tgz`, signatures: { keyid: 'x' }, attestations: 5 } }) })],
  'bundled dependencies in a number': [undefined, () => packument('evil', { '1.0.0': release('evil', '1.0.0', { bundleDependencies: 5 }) })],
  'programs that lie outside': [undefined, () => packument('evil', { '1.0.0': release('evil', '1.0.0', { bin: { '../../../bin/sh': '../../../etc/passwd' } }) })],
  'a dependency on a number': [undefined, () => packument('evil', { '1.0.0': release('evil', '1.0.0', { dependencies: { leaf: 5 } }) })],
  'a dependency in pnpm’s words': ['UPSTREAM_MALFORMED', () => packument('evil', { '1.0.0': release('evil', '1.0.0', { dependencies: { leaf: 'workspace:^' } }) })],
  'a dependency on no range': ['UPSTREAM_MALFORMED', () => packument('evil', { '1.0.0': release('evil', '1.0.0', { dependencies: { leaf: '>>1 foo' } }) })],
  'a dependency of an alias that is a path': ['INPUT_MALFORMED', () => packument('evil', { '1.0.0': release('evil', '1.0.0', { dependencies: { leaf: 'npm:../../etc@1' } }) })],
  'a dependency on a prototype': [undefined, () => `{"name": "evil", "dist-tags": {"latest": "1.0.0"}, "versions": {"1.0.0": ${JSON.stringify(release('evil', '1.0.0')).replace(/}$/, ', "dependencies": {"__proto__": "1"}}')}}}`],
  'a dependency whose name colours the terminal': ['UPSTREAM_MALFORMED', () => packument('evil', { '1.0.0': release('evil', '1.0.0', { dependencies: { '\u001b[31mred': '1' } }) })],
  'a dependency at an address that does not answer': ['UPSTREAM_UNREACHABLE', () => packument('evil', { '1.0.0': release('evil', '1.0.0', { dependencies: { x: 'http://127.0.0.1:1/x.tgz' } }) })],
  'a dependency in a repository of files': ['NOT_RESOLVABLE', () => packument('evil', { '1.0.0': release('evil', '1.0.0', { dependencies: { x: 'git+file:///etc' } }) })],
  'a dependency whose git address is an option': ['NOT_RESOLVABLE', () => packument('evil', { '1.0.0': release('evil', '1.0.0', { dependencies: { x: 'git+ssh://-oProxyCommand=touch%20x/y.git' } }) })],
  'a peer of itself in another version': ['NOT_RESOLVABLE', () => packument('evil', { '1.0.0': release('evil', '1.0.0', { peerDependencies: { evil: '2' } }) })],
  'a shrinkwrap that is not there': [undefined, () => packument('evil', { '1.0.0': release('evil', '1.0.0', { _hasShrinkwrap: 'yes' }) })],
}; // prettier-ignore

test('48 hostile packuments: a clear error each, or no harm', async () => {
  assert.equal(Object.keys(PACKUMENTS).length, 48);
  const around = await readdir(folder);
  for (const [title, [code, answer]] of Object.entries(PACKUMENTS)) {
    answers.set('evil', answer());
    const planned = planOf({ registry: fresh() }, { purls: ['pkg:npm/evil'] });
    if (code !== undefined) await refused(planned, code, title);
    else {
      const { artifacts } = await planned;
      assert.ok(artifacts.length > 0, title);
      for (const { path, url } of artifacts) {
        assert.ok(isSafePath(path), `${title}: ${path}`);
        assert.ok(!url.includes('secret'), `${title}: ${url}`);
      }
    }
  }
  assert.deepEqual(await readdir(folder), around, 'nothing is written beside');
});

async function refused(work: Promise<unknown>, code: string, title: string): Promise<void> {
  await assert.rejects(
    work,
    (thrown) => {
      assert.ok(thrown instanceof XError, `${title}: ${String(thrown)}`);
      assert.equal(thrown.code, code, `${title}: ${thrown.message}`);
      assert.ok(thrown.message.length > 10 && thrown.message.length < 2_000, title);
      const [, asked] =
        /^a dependency (whose name is a path|in pnpm’s words|on no range)/.exec(title) ?? [];
      if (asked !== undefined)
        assert.match(
          thrown.message,
          /evil@1\.0\.0 asks for "(\.\.\/\.\.\/x|workspace:\^|>>1 foo)"/,
        );
      return true;
    },
    title,
  );
}

const locked = (packages: Record<string, unknown>): Record<string, unknown> => ({
  'package-lock.json': { lockfileVersion: 3, packages },
});

/** Lockfiles that are broken, each with the code that it ends with. */
const LOCKFILES: Record<string, [code: string, files: Record<string, unknown>]> = {
  'no JSON': ['INPUT_MALFORMED', { 'package-lock.json': '{"lockfileVersion": 3,' }],
  'merge conflicts': ['INPUT_MALFORMED', { 'package-lock.json': '{\n<<<<<<< HEAD\n"a": 1\n=======\n>>>>>>> b\n}' }],
  'a list': ['INPUT_MALFORMED', { 'package-lock.json': '[]' }],
  'a version of the future': ['INPUT_MALFORMED', { 'package-lock.json': { lockfileVersion: 4 } }],
  'a location outside': ['INPUT_MALFORMED', locked({ '../../node_modules/evil': { version: '1.0.0' } })],
  'an absolute location': ['INPUT_MALFORMED', locked({ '/etc/node_modules/evil': { version: '1.0.0' } })],
  'a name that is a path': ['INPUT_MALFORMED', locked({ 'node_modules/x': { name: '../../x', version: '1.0.0' } })],
  'a version that is a path': ['INPUT_MALFORMED', locked({ 'node_modules/x': { version: '../1.0.0' } })],
  'a package that is a list': ['INPUT_MALFORMED', locked({ 'node_modules/x': [] })],
  'a folder outside': ['NOT_RESOLVABLE', locked({ '../shared': { version: '1.0.0' } })],
  'a version that the registry lacks': ['VERSION_NOT_FOUND', locked({ '': { dependencies: { evil: '1' } }, 'node_modules/evil': { version: '7.7.7' } })],
  'other bytes than the registry’s': ['DIGEST_MISMATCH', locked({ '': { dependencies: { evil: '1' } }, 'node_modules/evil': { version: '1.0.0', integrity: integrityOfDigest('sha512', sha512('x')) } })],
  'dependencies of version 1 that are a list': ['INPUT_MALFORMED', { 'package-lock.json': { lockfileVersion: 1, dependencies: [] } }],
  'yarn: no such syntax': ['INPUT_MALFORMED', { 'yarn.lock': '# yarn lockfile v1\n\na@^1:\n  version' }],
  'yarn: merge conflicts': ['INPUT_MALFORMED', { 'yarn.lock': '# yarn lockfile v1\n\n<<<<<<< HEAD\na@^1:\n  version "1.0.0"\n=======\n>>>>>>> b\n' }],
  'yarn: a name that is a path': ['INPUT_MALFORMED', { 'yarn.lock': '# yarn lockfile v1\n\n"../../x@^1":\n  version "1.0.0"\n' }],
  'yarn: a version that is a path': ['INPUT_MALFORMED', { 'yarn.lock': '# yarn lockfile v1\n\n"x@^1":\n  version "../../1"\n' }],
  'yarn: a dependency that is not in it': ['INPUT_MALFORMED', { 'yarn.lock': '# yarn lockfile v1\n\n"evil@^1":\n  version "1.0.0"\n  dependencies:\n    gone "^1"\n' }],
  'yarn: no workspace': ['INPUT_MALFORMED', { 'yarn.lock': '__metadata:\n  version: 8\n\n"evil@npm:^1":\n  version: 1.0.0\n  resolution: "evil@npm:1.0.0"\n' }],
  'pnpm: no YAML': ['INPUT_MALFORMED', { 'pnpm-lock.yaml': "lockfileVersion: '9.0'\n\t- x: [" }],
  'pnpm: nothing': ['INPUT_MALFORMED', { 'pnpm-lock.yaml': '' }],
  'pnpm: a version of the past': ['INPUT_MALFORMED', { 'pnpm-lock.yaml': "lockfileVersion: '5.4'\n" }],
  'pnpm: a snapshot of no package': ['INPUT_MALFORMED', { 'pnpm-lock.yaml': "lockfileVersion: '9.0'\nsnapshots:\n  a@1.0.0: {}\n" }],
  'pnpm: a name that is a path': ['INPUT_MALFORMED', { 'pnpm-lock.yaml': "lockfileVersion: '9.0'\npackages:\n  ../../x@1.0.0:\n    resolution: {integrity: sha512-x}\nsnapshots:\n  ../../x@1.0.0: {}\n" }],
  'pnpm: a bomb of aliases': ['INPUT_MALFORMED', { 'pnpm-lock.yaml': "lockfileVersion: '9.0'\na: &a [x, x]\nb: [*a, *a]\n" }],
  'pnpm: nested without end': ['INPUT_MALFORMED', { 'pnpm-lock.yaml': `lockfileVersion: '9.0'\nx: ${'['.repeat(5000)}` }],
  'a version that is a number': ['INPUT_MALFORMED', locked({ 'node_modules/x': { version: 1 } })],
  'packages in a list': ['INPUT_MALFORMED', { 'package-lock.json': { lockfileVersion: 3, packages: [{ version: '1.0.0' }] } }],
  'a link that leads outside': ['NOT_RESOLVABLE', locked({ '': { dependencies: { x: 'file:../x' } }, 'node_modules/x': { resolved: '../x', link: true }, '../x': { version: '1.0.0' } })],
  'a link to nothing': ['INPUT_MALFORMED', locked({ '': { dependencies: { x: 'file:x' } }, 'node_modules/x': { resolved: 'x', link: true } })],
  'a link to the password file': ['INPUT_MALFORMED', locked({ '': { dependencies: { x: 'file:x' } }, 'node_modules/x': { resolved: '/etc', link: true } })],
  'a required package that nobody has': ['PACKAGE_NOT_FOUND', locked({ '': { dependencies: { evil: '1' } }, 'node_modules/evil': { version: '1.0.0', dependencies: { gone: '1' } } })],
  'a location with a backslash': ['INPUT_MALFORMED', locked({ 'node_modules\\..\\x': { version: '1.0.0' } })],
  'an alias of another package than the registry’s': ['VERSION_NOT_FOUND', locked({ '': { dependencies: { y: 'npm:evil@1' } }, 'node_modules/y': { name: 'evil', version: '1.0.1' } })],
  'a git address that is an option': ['UPSTREAM_REFUSED', locked({ '': { dependencies: { x: 'git+ssh://-oProxyCommand=x/y.git' } }, 'node_modules/x': { version: '1.0.0', resolved: 'git+ssh://-oProxyCommand=x/y.git#' + 'a'.repeat(40) } })],
  'yarn: a prototype as its name': ['INPUT_MALFORMED', { 'yarn.lock': '# yarn lockfile v1\n\n__proto__@^1:\n  version "1.0.0"\n' }],
  'yarn: an entry that is a text': ['INPUT_MALFORMED', { 'yarn.lock': '# yarn lockfile v1\n\n"evil@^1" "1.0.0"\n' }],
  'yarn: an alias of a path': ['INPUT_MALFORMED', { 'yarn.lock': '# yarn lockfile v1\n\n"x@npm:../../evil@1":\n  version "1.0.0"\n' }],
  'yarn: a resolution that is a path': ['INPUT_MALFORMED', { 'yarn.lock': '__metadata:\n  version: 8\n\n"r@workspace:.":\n  version: 0.0.0-use.local\n  resolution: "r@workspace:."\n  dependencies:\n    x: "npm:^1"\n\n"x@npm:^1":\n  version: 1.0.0\n  resolution: "x@npm:../../1.0.0"\n' }],
  'yarn: a protocol that is unknown': ['INPUT_MALFORMED', { 'yarn.lock': '__metadata:\n  version: 8\n\n"r@workspace:.":\n  version: 0.0.0-use.local\n  resolution: "r@workspace:."\n\n"x@gopher:y":\n  version: 1.0.0\n  resolution: "x@gopher:y"\n' }],
  'yarn: other bytes than the registry’s': ['DIGEST_MISMATCH', { 'yarn.lock': `# yarn lockfile v1\n\nevil@^1:\n  version "1.0.0"\n  integrity ${integrityOfDigest('sha512', sha512('x'))}\n` }],
  'pnpm: an importer that asks for what is not there': ['INPUT_MALFORMED', { 'pnpm-lock.yaml': "lockfileVersion: '9.0'\nimporters:\n  .:\n    dependencies:\n      x:\n        specifier: ^1\n        version: 1.0.0\n" }],
  'pnpm: a folder outside': ['NOT_RESOLVABLE', { 'pnpm-lock.yaml': "lockfileVersion: '9.0'\npackages:\n  x@file:../../x:\n    resolution: {directory: ../../x, type: directory}\nsnapshots:\n  x@file:../../x: {}\n" }],
  'pnpm: a version that is a path': ['INPUT_MALFORMED', { 'pnpm-lock.yaml': "lockfileVersion: '9.0'\npackages:\n  x@../../1.0.0:\n    resolution: {integrity: sha512-x}\nsnapshots:\n  x@../../1.0.0: {}\n" }],
  'pnpm: an object of code': ['INPUT_MALFORMED', { 'pnpm-lock.yaml': "lockfileVersion: '9.0'\nx: !!js/function 'function () { process.exit(9) }'\n" }],
  'pnpm: a list': ['INPUT_MALFORMED', { 'pnpm-lock.yaml': '- a\n- b\n' }],
  'pnpm: a git address that is an option': ['UPSTREAM_REFUSED', { 'pnpm-lock.yaml': "lockfileVersion: '9.0'\nimporters:\n  .:\n    dependencies:\n      x:\n        specifier: y\n        version: git+ssh://-oProxyCommand=x/y.git#a\npackages:\n  x@git+ssh://-oProxyCommand=x/y.git#a:\n    resolution: {commit: a, repo: 'ssh://-oProxyCommand=x/y.git', type: git}\n    version: 1.0.0\nsnapshots:\n  x@git+ssh://-oProxyCommand=x/y.git#a: {}\n" }],
}; // prettier-ignore

const V1 = { lockfileVersion: 1 };

/** Files that npm would refuse, or take for something else than what they say. */
const FILES: Record<string, [code: string, files: Record<string, unknown>]> = {
  '1: nested without end': ['LIMIT_EXCEEDED', { 'package-lock.json': `{"lockfileVersion":1,"dependencies":${'{"evil":{"version":"1.0.0","dependencies":'.repeat(3000)}{}${'}}'.repeat(3000)}}` }],
  '1: a version that is a path': ['INPUT_MALFORMED', { 'package-lock.json': { ...V1, dependencies: { evil: { version: '../../x' } } } }],
  '1: a folder outside': ['INPUT_MALFORMED', { 'package-lock.json': { ...V1, dependencies: { evil: { version: 'file:../../x' } } } }],
  '1: a path inside a good one': ['INPUT_MALFORMED', { 'package-lock.json': { ...V1, dependencies: { evil: { version: '1.0.0', dependencies: { '../x': { version: '1.0.0' } } } } } }],
  '1: an entry that is none': ['INPUT_MALFORMED', { 'package-lock.json': { ...V1, dependencies: { evil: '1.0.0' } } }],
  '1: a repository that does not answer': ['NOT_RESOLVABLE', { 'package-lock.json': { ...V1, dependencies: { evil: { version: '1.0.0' }, gone: { version: `git+http://127.0.0.1:1/x.git#${'a'.repeat(40)}`, from: 'git+http://127.0.0.1:1/x.git' } } } }],
  '3: an integrity that is none': ['INPUT_MALFORMED', { 'package-lock.json': { lockfileVersion: 3, packages: { '': { dependencies: { evil: '1' } }, 'node_modules/evil': { version: '1.0.0', integrity: 'sha512-AAAA' } } } }],
  'pnpm’s word': ['INPUT_MALFORMED', { 'package.json': { dependencies: { evil: 'workspace:*' } } }],
  'Yarn’s word': ['INPUT_MALFORMED', { 'package.json': { dependencies: { evil: 'catalog:' } } }],
  'no range': ['INPUT_MALFORMED', { 'package.json': { dependencies: { evil: '>>1 foo' } } }],
  'an alias of nothing': ['INPUT_MALFORMED', { 'package.json': { dependencies: { evil: 'npm:' } } }],
  'an alias of an alias': ['INPUT_MALFORMED', { 'package.json': { dependencies: { evil: 'npm:a@npm:b@1' } } }],
  'an override against the project': ['INPUT_MALFORMED', { 'package.json': { dependencies: { evil: '^1' }, overrides: { evil: '2.0.0' } } }],
  'an override that refers to nothing': ['INPUT_MALFORMED', { 'package.json': { dependencies: { evil: '^1' }, overrides: { evil: '$nothing' } } }],
  'workspaces in a number': ['INPUT_MALFORMED', { 'package.json': { dependencies: { evil: '^1' }, workspaces: 5 } }],
  'workspaces outside': ['NOT_RESOLVABLE', { 'package.json': { dependencies: { evil: '^1' }, workspaces: ['../../**'] } }],
}; // prettier-ignore

test('16 files that npm would refuse: the file, a clear error and what to do, each', async () => {
  assert.equal(Object.keys(FILES).length, 16);
  answers.set('evil', packument('evil', { '1.0.0': release('evil', '1.0.0') }));
  for (const [title, [code, files]] of Object.entries(FILES)) {
    const planned = planOf({ registry: fresh() }, { files });
    await refused(planned, code, title);
    await planned.catch(({ hint }: XError) => assert.ok(hint, title));
  }
});

test('47 broken lockfiles: a clear error each', async () => {
  assert.equal(Object.keys(LOCKFILES).length, 47);
  answers.set('evil', packument('evil', { '1.0.0': release('evil', '1.0.0') }));
  for (const [title, [code, files]] of Object.entries(LOCKFILES))
    await refused(planOf({ registry: fresh() }, { files }), code, title);
});

test('cycles end, and a chain of 150 is followed to its end', async () => {
  for (const [name, other] of [
    ['ping', 'pong'],
    ['pong', 'ping'],
  ] as const) {
    const more = { dependencies: { [other]: '1' } };
    answers.set(name, packument(name, { '1.0.0': release(name, '1.0.0', more) }));
  }
  const cyclic = await planOf({ registry: fresh() }, { purls: ['pkg:npm/ping'] });
  assert.deepEqual(chosen(cyclic), ['ping@1.0.0', 'pong@1.0.0']);
  const depth = 150;
  for (let at = 0; at < depth; at += 1) {
    const dependencies = at + 1 < depth ? { [`deep-${at + 1}`]: '1' } : {};
    const name = `deep-${at}`;
    answers.set(name, packument(name, { '1.0.0': release(name, '1.0.0', { dependencies }) }));
  }
  const deep = await planOf({ registry: fresh() }, { purls: ['pkg:npm/deep-0'] });
  assert.equal(deep.artifacts.length, depth);
});

const honest = { name: 'evil', version: '1.0.0' };

/** Tarballs that lie, each with the code that sealing ends with. */
const TARBALLS: Record<string, [code: string, body: () => Uint8Array, isPromised: boolean]> = {
  'other bytes than promised': ['DIGEST_MISMATCH', () => packTarball({ 'package.json': JSON.stringify(honest) }), false],
  'no gzip': ['UPSTREAM_MALFORMED', () => Buffer.from('evil'), true],
  'a gzip that breaks off': ['UPSTREAM_MALFORMED', () => packTarball({ 'package.json': JSON.stringify(honest) }).subarray(0, 60), true],
  'no package.json': ['UPSTREAM_MALFORMED', () => packTarball({ 'index.js': '1' }), true],
  'a package.json that is none': ['UPSTREAM_MALFORMED', () => packTarball({ 'package.json': '{' }), true],
  'another package': ['UPSTREAM_MALFORMED', () => packTarball({ 'package.json': JSON.stringify({ ...honest, name: 'good' }) }), true],
  'another version': ['UPSTREAM_MALFORMED', () => packTarball({ 'package.json': JSON.stringify({ ...honest, version: '2.0.0' }) }), true],
  'more dependencies than the registry says': ['NOT_RESOLVABLE', () => packTarball({ 'package.json': JSON.stringify({ ...honest, dependencies: { hidden: '1' } }) }), true],
}; // prettier-ignore

test('8 tarballs that lie about what they are: a clear error each', async () => {
  assert.equal(Object.keys(TARBALLS).length, 8);
  for (const [title, [code, make, isPromised]] of Object.entries(TARBALLS)) {
    const body = make();
    const integrity = integrityOfDigest('sha512', sha512(isPromised ? body : 'promised'));
    const dist = { tarball: `${address}evil.tgz`, integrity };
    answers.set('evil', packument('evil', { '1.0.0': release('evil', '1.0.0', { dist }) }));
    const options = { registry: fresh() };
    const { artifacts } = await planOf(options, { purls: ['pkg:npm/evil'] });
    const bytes = new MemoryBytes();
    const fetched = artifacts.map((artifact) => fetchedOf(artifact, body, bytes));
    await refused(sealOf(options, fetched, bytes), code, title);
  }
});
