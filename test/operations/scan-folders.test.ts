import assert from 'node:assert/strict';
import { mkdir, symlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { sha512 } from '../../src/domain/digest.js';
import { scanCandidate } from '../../src/operations/scan-candidates.js';
import { scanFolders, type ScanProblem } from '../../src/operations/scan-folders.js';
import { walkFolder } from '../../src/platform/walk-folder.js';
import type { WalkFolder } from '../../src/ports/folder-walk.js';
import { hasCode, sampleBytes } from '../contract/store.js';
import { markedWorld, type MarkedWorld } from '../store/marked-world.js';

/** The beginning of a tar, packed. */
function tarGz(seed: string): Buffer {
  const header = Buffer.alloc(1_536);
  header.write('package/package.json');
  header.write('ustar', 257);
  return gzipSync(Buffer.concat([header, sampleBytes(4_000, seed)]));
}

function wheel(seed: string): Buffer {
  return Buffer.concat([Buffer.from('PK\u0003\u0004'), sampleBytes(3_000, seed)]);
}

function deb(seed: string): Buffer {
  return Buffer.concat([Buffer.from('!<arch>\ndebian-binary   '), sampleBytes(3_000, seed)]);
}

function cachePath(content: Uint8Array): string {
  const hex = sha512(content);
  return `_cacache/content-v2/sha512/${hex.slice(0, 2)}/${hex.slice(2, 4)}/${hex.slice(4)}`;
}

const PIP = `http-v2/a/b/c/d/e/abcde${'0'.repeat(51)}`;

/** Everything that the caches have, and what is no package. */
function files(): Record<string, Buffer> {
  const tarball = tarGz('npm');
  const packument = Buffer.from('{"name":"left"}');
  return {
    [cachePath(tarball)]: tarball,
    [cachePath(packument)]: packument,
    '_cacache/index-v5/aa/bb/cc': Buffer.from('an index'),
    [`${PIP}.body`]: wheel('pip'),
    [PIP]: Buffer.from('headers'),
    [PIP.replace('abcde', 'abcdf') + '.body']: gzipSync('{"files":[]}'),
    'wheels/aa/bb/x-1.0-py3-none-any.whl': wheel('built'),
    'archives/x_1%3a2_amd64.deb': deb('apt'),
    'archives/y.deb': Buffer.from('no package'),
    'deep/er/x-1.0.tar.gz': tarGz('sdist'),
    'notes.txt': Buffer.from('notes'),
  };
}

const PACKAGES = 5;

async function fill(world: MarkedWorld): Promise<string> {
  const root = world.path('root');
  for (const [name, bytes] of Object.entries(files())) {
    const path = join(root, name);
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, bytes);
  }
  return root;
}

interface Told {
  problems: ScanProblem[];
}

function scan(world: MarkedWorld, folder: string, told: Told, walk: WalkFolder = walkFolder) {
  return scanFolders(
    {
      marked: world.marked,
      walk,
      onProblem: (problem) => told.problems.push(problem),
      onProgress: () => undefined,
    },
    { folders: [folder], except: new Set(), signal: new AbortController().signal },
  );
}

async function inWorld(body: (world: MarkedWorld, root: string) => Promise<void>): Promise<void> {
  const world = await markedWorld();
  try {
    await body(world, await fill(world));
  } finally {
    await world.dispose();
  }
}

test('packages in the caches of pip, npm and apt and in folders are marked, and nothing else', () =>
  inWorld(async (world, root) => {
    const told: Told = { problems: [] };
    const first = await scan(world, root, told);
    assert.deepEqual(told.problems, []);
    assert.equal(first.marked.files, PACKAGES);
    assert.equal(first.read.files, PACKAGES);
    assert.deepEqual(world.marked.totals(), first.marked);
    const tarball = tarGz('npm');
    assert.equal(world.marked.findBySha512(sha512(tarball))?.lengthBytes, tarball.length);
    const second = await scan(world, root, told);
    assert.equal(second.marked.files, PACKAGES);
    assert.deepEqual(second.read, { files: 0, bytes: 0 });
  }));

test('two scans at once find what one finds', () =>
  inWorld(async (world, root) => {
    const told: Told = { problems: [] };
    const both = await Promise.all([scan(world, root, told), scan(world, root, told)]);
    for (const { marked } of both) assert.equal(marked.files, PACKAGES);
    assert.equal(world.marked.totals().files, PACKAGES);
    assert.deepEqual(told.problems, []);
  }));

test('links lead nowhere, and a damaged file of a cache is told and left out', () =>
  inWorld(async (world, root) => {
    await writeFile(world.path('outside.whl'), wheel('outside'));
    await symlink(world.path('outside.whl'), join(root, 'link.whl'));
    await symlink(world.folder, join(root, 'up'));
    const damaged = join(root, cachePath(Buffer.from('other bytes')));
    await mkdir(dirname(damaged), { recursive: true });
    await writeFile(damaged, tarGz('damaged'));
    const told: Told = { problems: [] };
    const result = await scan(world, root, told);
    assert.equal(result.marked.files, PACKAGES);
    assert.equal(result.passedOver, 2);
    assert.deepEqual(
      told.problems.map(({ path }) => path),
      [damaged],
    );
    assert.deepEqual(result.problemList, told.problems);
  }));

test('what cannot be looked into is told at once, and the rest is marked', () =>
  inWorld(async (world, root) => {
    const told: Told = { problems: [] };
    const heard: number[] = [];
    const walk: WalkFolder = async function* (folder, options) {
      yield { kind: 'problem', path: '/closed', reason: 'EACCES' };
      heard.push(told.problems.length);
      yield* walkFolder(folder, options);
    };
    const result = await scan(world, root, told, walk);
    assert.deepEqual(heard, [1]);
    assert.equal(result.problems, 1);
    assert.equal(result.marked.files, PACKAGES);
  }));

test('a walk keeps to its depth and its number of names, and says so', () =>
  inWorld(async (_, root) => {
    const met = async (depth: number, entries: number) => {
      const reasons: string[] = [];
      for await (const one of walkFolder(root, { depth, entries, except: new Set() }))
        if (one.kind === 'problem') reasons.push(one.reason);
      return reasons;
    };
    assert.deepEqual(await met(20, 1_000), []);
    const deep = await met(1, 1_000);
    assert.ok(deep.length > 0 && deep.every((reason) => reason.includes('deep')));
    const [many = '', ...more] = await met(20, 3);
    assert.ok(many.includes('more than 3 names') && more.length === 0);
  }));

test('a folder that is not there is an error; a stopped scan stops', () =>
  inWorld(async (world, root) => {
    const told: Told = { problems: [] };
    await assert.rejects(scan(world, join(root, 'nowhere'), told), hasCode('INPUT_NOT_FOUND'));
    const stopped = new AbortController();
    const reason = new Error('stopped');
    stopped.abort(reason);
    const deps = { marked: world.marked, walk: walkFolder, onProblem() {}, onProgress() {} };
    await assert.rejects(
      scanFolders(deps, { folders: [root], except: new Set(), signal: stopped.signal }),
      reason,
    );
  }));

test('whatever a file begins with, judging it ends well', () => {
  const paths = Object.keys(files()).map((path) => `/cache/${path}`);
  fc.assert(
    fc.property(
      fc.constantFrom(...paths),
      fc.constantFrom(Buffer.alloc(0), Buffer.from([0x1f, 0x8b, 8]), Buffer.from('PK')),
      fc.uint8Array({ maxLength: 600 }),
      (path, start, rest) => {
        const head = Buffer.concat([start, rest]);
        assert.equal(typeof (scanCandidate(path)?.accepts(head) ?? false), 'boolean');
      },
    ),
  );
});
