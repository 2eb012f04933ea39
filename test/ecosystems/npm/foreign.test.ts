import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, before, test } from 'node:test';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { buildNpmFixture, packTarball } from '../../../fixtures/upstream/npm.js';
import { startFixtureUpstream, type FixtureServer } from '../../../fixtures/upstream/server.js';
import { integrityOfDigest, sha512 } from '../../../src/domain/digest.js';
import type { EcosystemPlan, PlannedArtifact } from '../../../src/domain/plan.js';
import type { FetchedArtifact } from '../../../src/ports/ecosystem.js';
import { readFromTarball } from '../../../src/ecosystems/npm/tarball.js';
import { createNpmRegistry, type NpmRegistryAdapter } from '../../../src/upstream/npm-registry.js';
import {
  ask,
  entriesOf,
  fetchedOf,
  MemoryBytes,
  planOf,
  sealOf,
  viewOf,
  type PlanInput,
} from './held.js';

const noGit = spawnSync('git', ['--version']).status === 0 ? false : 'git is not installed here';
const fixture = buildNpmFixture();
let registryServer: FixtureServer;
let files: Server;
let web = '';
let folder: string;
let registry: NpmRegistryAdapter;
/** What the web server has, by path. */
const hosted = new Map<string, Uint8Array>();

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'x-npm-foreign-test-'));
  registryServer = await startFixtureUpstream({ npm: fixture });
  files = createServer((request, response) => {
    const body = hosted.get(request.url ?? '');
    response.writeHead(body === undefined ? 404 : 200).end(body);
  });
  await new Promise<void>((resolve) => files.listen(0, '127.0.0.1', resolve));
  web = `http://127.0.0.1:${(files.address() as AddressInfo).port}`;
  const env = { PATH: '', HOME: folder, npm_config_registry: registryServer.npmRegistry };
  registry = createNpmRegistry({ env, folder });
});

after(async () => {
  await registry.close();
  await new Promise((resolve) => files.close(resolve));
  await registryServer.close();
  await rm(folder, { recursive: true });
});

/** A repository with one commit. */
async function repository(
  name: string,
  manifest: Record<string, unknown>,
  more: Record<string, string> = {},
): Promise<{ address: string; commit: string; git: (...args: string[]) => string }> {
  const place = join(folder, 'repositories', name);
  const texts = {
    'package.json': JSON.stringify({ name, version: '1.0.0', ...manifest }),
    ...more,
  };
  for (const [path, text] of Object.entries(texts)) {
    await mkdir(dirname(join(place, path)), { recursive: true });
    await writeFile(join(place, path), text);
  }
  const identity = ['-c', 'user.name=x', '-c', 'user.email=x@example.org'];
  const git = (...args: string[]): string =>
    execFileSync('git', [...identity, ...args], { cwd: place, encoding: 'utf8' }).trim();
  git('init', '--quiet', '--initial-branch=main');
  git('add', '.');
  git('commit', '--quiet', '--message=first');
  return { address: `git+${pathToFileURL(place).href}`, commit: git('rev-parse', 'HEAD'), git };
}

async function plan(input: PlanInput['files']): Promise<EcosystemPlan> {
  return planOf({ registry }, { files: input ?? {} });
}

const project = (dependencies: Record<string, string>): PlanInput['files'] => ({
  'package.json': { dependencies },
});

function found({ artifacts }: EcosystemPlan, name: string): PlannedArtifact {
  const artifact = artifacts.find((candidate) => candidate.name === name);
  assert.ok(artifact, name);
  return artifact;
}

async function bytesOf({ url }: PlannedArtifact): Promise<Uint8Array> {
  assert.match(url, /^file:/);
  return readFile(fileURLToPath(url));
}

async function innerFile(artifact: PlannedArtifact, name: string): Promise<string | undefined> {
  async function* stream(): AsyncGenerator<Uint8Array> {
    yield await bytesOf(artifact);
  }
  const read = await readFromTarball(stream(), [name], artifact.purl);
  return read[name] === undefined ? undefined : Buffer.from(read[name]).toString('utf8');
}

test(
  'a git dependency is packed as npm packs it, and what it needs comes along',
  { skip: noGit },
  async () => {
    const { address, commit } = await repository(
      'from-git',
      {
        dependencies: { 'x-fix-leaf': '^1' },
        files: ['lib'],
        scripts: { install: 'node lib/never.js' },
      },
      { 'lib/index.js': 'exports.git = 1;\n', 'test/secret.js': 'no\n' },
    );
    const planned = await plan(project({ 'from-git': `${address}#main` }));
    const artifact = found(planned, 'from-git');
    assert.equal(artifact.path, `npm/from-git/from-git-1.0.0-${commit.slice(0, 12)}.tgz`);
    assert.equal(artifact.private, true);
    assert.equal(artifact.proof, 'none');
    assert.match(artifact.purl, /^pkg:npm\/from-git@1\.0\.0\?vcs_url=git%2Bfile:/);
    assert.deepEqual(artifact.requires, ['pkg:npm/x-fix-leaf@1.1.0']);
    assert.deepEqual(found(planned, 'x-fix-leaf').requiredBy, [artifact.purl]);
    assert.equal(artifact.digests.sha512, sha512(await bytesOf(artifact)));
    assert.equal(await innerFile(artifact, 'lib/index.js'), 'exports.git = 1;\n');
    assert.equal(await innerFile(artifact, 'test/secret.js'), undefined);
    assert.match(planned.warnings.join('\n'), /install scripts.*from-git@1\.0\.0/);

    const again = createNpmRegistry({
      env: { PATH: '', HOME: folder, npm_config_registry: registryServer.npmRegistry },
      folder,
    });
    const second = await planOf({ registry: again }, { files: project({ 'from-git': address })! });
    assert.equal(
      found(second, 'from-git').digests.sha512,
      artifact.digests.sha512,
      'the same bytes',
    );
    const { url } = found(second, 'from-git');
    await again.close();
    assert.ok(!existsSync(fileURLToPath(url)), 'nothing stays behind');
  },
);

test('tags, ranges of tags and commits of lockfiles are followed', { skip: noGit }, async () => {
  const { address, commit, git } = await repository('tagged', {}, { 'index.js': '1' });
  git('tag', 'v1.0.0');
  await writeFile(
    join(folder, 'repositories/tagged/package.json'),
    JSON.stringify({ name: 'tagged', version: '2.0.0' }),
  );
  git('commit', '--all', '--quiet', '--message=second');
  git('tag', 'v2.0.0');
  for (const committish of ['#semver:^1', `#${commit}`]) {
    // npm's git asks again for what it cannot be sure of: one spec of each kind will do.
    const planned = await plan(project({ tagged: address + committish }));
    assert.equal(found(planned, 'tagged').version, '1.0.0', committish);
  }
  const lock = {
    lockfileVersion: 3,
    packages: {
      '': { dependencies: { tagged: address } },
      'node_modules/tagged': { version: '1.0.0', resolved: `${address}#${commit}` },
    },
  };
  const locked = await plan({ 'package-lock.json': lock });
  assert.equal(found(locked, 'tagged').detail['address'], `${address}#${commit}`);
});

test(
  'what has to be prepared by its own scripts is refused, with the step and a way out',
  { skip: noGit },
  async () => {
    const marker = join(folder, 'was-run');
    const { address } = await repository('prepared', {
      scripts: { prepare: `touch ${marker}`, prepack: `touch ${marker}` },
    });
    await assert.rejects(plan(project({ prepared: address })), {
      code: 'NOT_RESOLVABLE',
      message: /prepared .* has to be built before it is packed, by its "prepack" script/,
      hint: /npm pack/,
    });
    assert.ok(!existsSync(marker), 'no script ran');
    const hooks = await repository('hooks', { scripts: { prepare: 'husky install' } });
    assert.equal(found(await plan(project({ hooks: hooks.address })), 'hooks').version, '1.0.0');
  },
);

test(
  'a repository or a commit that is not there is said with what git says',
  { skip: noGit },
  async () => {
    await assert.rejects(plan(project({ gone: `git+file://${folder}/repositories/gone` })), {
      code: /UPSTREAM_REFUSED|NOT_RESOLVABLE/,
      message: /gone/,
    });
    const { address } = await repository('short', {});
    await assert.rejects(plan(project({ short: `${address}#no-such-branch` })), {
      code: /UPSTREAM_REFUSED|NOT_RESOLVABLE/,
      message: /no-such-branch|short/,
    });
  },
);

test('a tarball’s address is fetched, and held to the lockfile’s digest', async () => {
  const manifest = { name: 'from-url', version: '3.1.0', dependencies: { 'x-fix-tool': '1' } };
  const body = packTarball({ 'package.json': JSON.stringify(manifest), 'index.js': 'url' });
  hosted.set('/files/from-url.tgz', body);
  const address = `${web}/files/from-url.tgz`;
  const planned = await plan(project({ 'from-url': address }));
  const artifact = found(planned, 'from-url');
  assert.equal(artifact.detail['address'], address);
  assert.equal(artifact.digests.sha512, sha512(body));
  assert.deepEqual(artifact.requires, ['pkg:npm/x-fix-tool@1.0.0']);
  const lock = (integrity: string) => ({
    'package-lock.json': {
      lockfileVersion: 3,
      packages: {
        '': { dependencies: { 'from-url': address } },
        'node_modules/from-url': {
          version: '3.1.0',
          resolved: address,
          integrity,
          dependencies: { 'x-fix-tool': '1' },
        },
        'node_modules/x-fix-tool': { version: '1.0.0' },
      },
    },
  });
  const right = await plan(lock(integrityOfDigest('sha512', sha512(body))));
  assert.equal(found(right, 'from-url').proof, 'index-hash');
  await assert.rejects(plan(lock(integrityOfDigest('sha512', sha512('other')))), {
    code: 'DIGEST_MISMATCH',
    message: /from-url/,
  });
  hosted.set('/files/page.tgz', Buffer.from('<html>'));
  await assert.rejects(plan(project({ page: `${web}/files/page.tgz` })), /page\.tgz/);
  await assert.rejects(plan(project({ none: `${web}/files/none.tgz` })), /none/);
});

test('yarn.lock and pnpm-lock.yaml name the same sources', { skip: noGit }, async () => {
  const { address, commit } = await repository('shared', {});
  const body = packTarball({ 'package.json': '{"name": "hosted", "version": "1.0.0"}' });
  hosted.set('/hosted.tgz', body);
  const tarball = `${web}/hosted.tgz`;
  const integrity = integrityOfDigest('sha512', sha512(body));
  const manifest = { dependencies: { shared: address, hosted: tarball } };
  const inputs: PlanInput['files'][] = [
    {
      'yarn.lock': `# yarn lockfile v1\n\n\n"hosted@${tarball}":\n  version "1.0.0"\n  resolved "${tarball}"\n  integrity ${integrity}\n\n"shared@${address}":\n  version "1.0.0"\n  resolved "${address}#${commit}"\n`,
      'package.json': manifest,
    },
    {
      'pnpm-lock.yaml': `lockfileVersion: '9.0'\n\nimporters:\n\n  .:\n    dependencies:\n      hosted:\n        specifier: ${tarball}\n        version: ${tarball}\n      shared:\n        specifier: ${address}\n        version: ${address}#${commit}\n\npackages:\n\n  hosted@${tarball}:\n    resolution: {integrity: ${integrity}, tarball: ${tarball}}\n    version: 1.0.0\n\n  shared@${address}#${commit}:\n    resolution: {commit: ${commit}, repo: ${address.replace('git+', '')}, type: git}\n    version: 1.0.0\n\nsnapshots:\n\n  hosted@${tarball}: {}\n\n  shared@${address}#${commit}: {}\n`,
    },
  ];
  for (const input of inputs) {
    const planned = await plan(input);
    assert.deepEqual(planned.artifacts.map(({ name }) => name).sort(), ['hosted', 'shared']);
    assert.match(String(found(planned, 'shared').detail['address']), new RegExp(`#${commit}$`));
  }
});

test(
  'they are sealed and served under names of their own, and no packument lists them',
  { skip: noGit },
  async () => {
    // The same name and version as one that the registry has.
    const { address } = await repository('x-fix-leaf', { version: '1.1.0' }, { 'index.js': 'git' });
    const planned = await plan(
      project({ 'x-fix-leaf': '1.1.0', forked: address, '@x-fix/scoped': '^1' }),
    );
    const bytes = new MemoryBytes();
    const fetched: FetchedArtifact[] = [];
    for (const artifact of planned.artifacts) {
      const fixtureUrl = artifact.url.replace(`${registryServer.url}/npm`, '');
      const body = artifact.url.startsWith('file:')
        ? await bytesOf(artifact)
        : Buffer.from(fixture.handle(fixtureUrl, {}, '').body);
      fetched.push(fetchedOf(artifact, body, bytes));
    }
    const sealed = await sealOf({ registry }, fetched, bytes);
    const view = viewOf(entriesOf('demo', fetched, sealed, bytes), bytes);
    const packument = await ask(view, 'x-fix-leaf');
    assert.equal(packument.kind, 'bytes');
    const forked = planned.artifacts.find(({ detail }) => detail['address'] !== undefined);
    assert.ok(forked);
    const answers = await Promise.all([
      ask(view, `x-fix-leaf/-/${forked.filename}`),
      ask(view, 'x-fix-leaf/-/x-fix-leaf-1.1.0.tgz'),
    ]);
    const paths = answers.map((answer) =>
      answer.kind === 'artifact' ? answer.entry.path : answer,
    );
    assert.deepEqual(paths, [forked.path, 'npm/x-fix-leaf/x-fix-leaf-1.1.0.tgz']);
  },
);
