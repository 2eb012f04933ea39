import assert from 'node:assert/strict';
import { test } from 'node:test';
import { sha256, sha512, integrityOfDigest } from '../../src/domain/digest.js';
import { XError } from '../../src/domain/errors.js';
import { createNpmPassThrough } from '../../src/ecosystems/npm/pass-through.js';
import { parseIndexPage } from '../../src/ecosystems/pypi/index-page.js';
import { likelyFiles } from '../../src/ecosystems/pypi/likely-files.js';
import { createPypiPassThrough } from '../../src/ecosystems/pypi/pass-through.js';
import type { GatewayServer, NativeRequest, NativeResponse } from '../../src/ports/ecosystem.js';
import type { NpmPackument } from '../../src/ports/npm-registry.js';
import type { PassedArtifact, Prefetch } from '../../src/ports/passing.js';
import type { PypiIndex, PypiSettings } from '../../src/ports/pypi-settings.js';
import { emptyView } from '../gateway/harness.js';

const PUBLIC: PypiIndex = { url: 'https://public.test/simple', isPinned: false, isPublic: true };
const PRIVATE: PypiIndex = { url: 'https://private.test/simple', isPinned: true, isPublic: false };

function link(filename: string, hash: string | undefined): string {
  const fragment = hash === undefined ? '' : `#sha256=${hash}`;
  return `<a href="/files/${filename}${fragment}">${filename}</a>`;
}

function prefetchInto(brought: PassedArtifact[], loads: (() => Promise<unknown>)[]): Prefetch {
  return {
    artifact: (artifact) => void brought.push(artifact),
    index: (load) => void loads.push(load),
  };
}

/** A pip pass-through over pages by address. */
function pypi(indexes: PypiIndex[], pages: Record<string, string | XError>) {
  const warned: string[] = [];
  const asked: string[] = [];
  const brought: PassedArtifact[] = [];
  const none = { all: false, names: new Set<string>() };
  const settings: PypiSettings = {
    indexes,
    findLinks: [],
    noIndex: false,
    onlyBinary: none,
    noBinary: none,
    preReleases: false,
    preferBinary: false,
    requireHashes: false,
    constraints: [],
  };
  const server = createPypiPassThrough({
    upstream: {
      open: () => Promise.reject(new Error('nothing is opened here')),
      read: ({ url }) => {
        asked.push(url);
        const page = pages[url] ?? new XError('PACKAGE_NOT_FOUND', `GET ${url}: 404`);
        if (page instanceof XError) return Promise.reject(page);
        return Promise.resolve({ url, bytes: Buffer.from(page), contentType: 'text/html' });
      },
    },
    settings,
    listFolder: () => Promise.resolve([]),
    prefetch: prefetchInto(brought, []),
    warn: (message) => warned.push(message),
    onLastSeen: () => ({}),
  });
  return { server, warned, asked, brought };
}

function ask(
  server: GatewayServer,
  path: string,
  more: Partial<NativeRequest> = {},
): Promise<NativeResponse> {
  return server.respond(
    {
      method: 'GET',
      path,
      query: new URLSearchParams(),
      headers: {},
      baseUrl: 'http://gw.test',
      isNear: true,
      ...more,
    },
    emptyView,
  );
}

function text(response: NativeResponse): string {
  assert.equal(response.kind, 'bytes');
  return response.kind === 'bytes' ? Buffer.from(response.bytes).toString() : '';
}

const HASH = sha256('a wheel');
const WHEEL = 'demo-1.0-py3-none-any.whl';

test('pip: a file without a hash is not listed, and that is said', async () => {
  const { server, warned } = pypi([PUBLIC], {
    'https://public.test/simple/demo/':
      link(WHEEL, HASH) + link('demo-0.9-py3-none-any.whl', undefined),
  });
  const page = text(await ask(server, 'simple/demo/'));
  assert.ok(page.includes(`http://gw.test/pypi/files/${HASH}/${WHEEL}#sha256=${HASH}`));
  assert.ok(!page.includes('demo-0.9'));
  assert.match(warned.join('\n'), /1 of 2 files of demo have no hash/);
  const passed = await ask(server, `files/${HASH}/${WHEEL}`);
  assert.ok(passed.kind === 'passed');
  assert.deepEqual(passed.artifact.digests, { sha256: HASH });
  assert.deepEqual(passed.artifact.urls, [`https://public.test/files/${WHEEL}`]);
});

test('pip: a hash or a name that no index has is not fetched', async () => {
  const { server } = pypi([PUBLIC], { 'https://public.test/simple/demo/': link(WHEEL, HASH) });
  for (const path of [
    `files/${sha256('another')}/${WHEEL}`,
    `files/${HASH}/demo-2.0-py3-none-any.whl`,
    `files/${HASH}/../${WHEEL}`,
    `files/${HASH}/${WHEEL}.metadata`,
    `files/${HASH}`,
    'simple',
    'simple/demo/more',
    'simple/..%2f/',
  ]) {
    assert.equal((await ask(server, path)).kind, 'not-found', path);
  }
});

test('pip: what is private is there for near ones alone, and marked as private', async () => {
  const { server } = pypi([PUBLIC, PRIVATE], {
    'https://private.test/simple/demo/': link(WHEEL, HASH),
    'https://public.test/simple/demo/': link('demo-9.0-py3-none-any.whl', sha256('confusion')),
  });
  const near = text(await ask(server, 'simple/demo/'));
  // The private index answers alone for its name.
  assert.ok(near.includes(WHEEL) && !near.includes('demo-9.0'));
  const passed = await ask(server, `files/${HASH}/${WHEEL}`);
  assert.ok(passed.kind === 'passed' && passed.artifact.isPrivate);
  for (const path of ['simple/demo/', `files/${HASH}/${WHEEL}`]) {
    assert.equal((await ask(server, path, { isNear: false })).kind, 'not-found', path);
  }
});

test('pip: a private index that does not answer is not replaced by a public one', async () => {
  const { server } = pypi([PUBLIC, PRIVATE], {
    'https://private.test/simple/demo/': new XError('UPSTREAM_UNREACHABLE', 'down'),
    'https://public.test/simple/demo/': link('demo-9.0-py3-none-any.whl', sha256('confusion')),
  });
  await assert.rejects(ask(server, 'simple/demo/'), /down/);
});

test('pip: many who ask for one page at once cost one request, and it is kept a while', async () => {
  const { server, asked, brought } = pypi([PUBLIC], {
    'https://public.test/simple/demo/': link(WHEEL, HASH),
  });
  await Promise.all(Array.from({ length: 20 }, () => ask(server, 'simple/Demo/')));
  await ask(server, 'simple/demo/');
  assert.equal(asked.length, 1);
  assert.deepEqual(
    brought.map(({ name }) => name),
    [WHEEL],
  );
});

test('pip: likely is the newest release that is neither yanked nor a pre-release', () => {
  const page = (names: string[]) =>
    parseIndexPage(
      Buffer.from(names.map((name) => link(name, sha256(name))).join('')),
      'text/html',
      'https://public.test/simple/demo/',
    ).files;
  const likely = (names: string[]) => {
    const { artifacts } = likelyFiles(page(names));
    return artifacts.map(({ filename }) => filename);
  };
  assert.deepEqual(likely([]), []);
  assert.deepEqual(likely(['demo-1.0.tar.gz', 'demo-2.0rc1.tar.gz']), ['demo-1.0.tar.gz']);
  assert.deepEqual(likely([WHEEL, 'demo-1.0.tar.gz', 'demo-0.9-py3-none-any.whl']), [WHEEL]);
  assert.deepEqual(
    likely(['demo-1.0-cp311-cp311-manylinux_2_17_x86_64.whl', 'demo-1.0.tar.gz']),
    [],
  );
});

const TARBALL = Buffer.from('a tarball');

function packument(more: Partial<NpmPackument> = {}): NpmPackument {
  const version = (number: string, dist: object) => ({
    name: 'demo',
    version: number,
    dependencies: { left: '^1.0.0' },
    dist: { tarball: `https://registry.test/demo/-/demo-${number}.tgz`, ...dist },
  });
  return {
    name: 'demo',
    distTags: { latest: '1.0.0', old: '0.1.0' },
    time: {},
    versions: {
      '1.0.0': version('1.0.0', {
        integrity: integrityOfDigest('sha512', sha512(TARBALL)),
        unpackedSize: 100,
      }),
      '0.1.0': version('0.1.0', { shasum: 'aa'.repeat(20) }),
    },
    isPublic: true,
    seenAt: undefined,
    ...more,
  };
}

function npm(answer: NpmPackument) {
  const warned: string[] = [];
  const brought: PassedArtifact[] = [];
  const loads: (() => Promise<unknown>)[] = [];
  const asked: string[] = [];
  const server = createNpmPassThrough({
    packuments: {
      packument: (name, isFull) => {
        asked.push(`${name} ${isFull ? 'full' : 'short'}`);
        return Promise.resolve({ ...answer, name });
      },
    },
    prefetch: prefetchInto(brought, loads),
    warn: (message) => warned.push(message),
    onLastSeen: (what) => ({ warning: what }),
  });
  return { server, warned, brought, loads, asked };
}

test('npm: a version without integrity is left out with its tags, and that is said', async () => {
  const { server, warned, brought, loads, asked } = npm(packument());
  const body = JSON.parse(text(await ask(server, 'demo'))) as {
    versions: Record<string, { dist: { tarball: string } }>;
    'dist-tags': Record<string, string>;
  };
  assert.deepEqual(Object.keys(body.versions), ['1.0.0']);
  assert.deepEqual(body['dist-tags'], { latest: '1.0.0' });
  assert.equal(body.versions['1.0.0']?.dist.tarball, 'http://gw.test/npm/demo/-/demo-1.0.0.tgz');
  assert.match(warned.join('\n'), /1 versions of demo have no integrity/);
  assert.deepEqual(
    brought.map(({ name }) => name),
    ['demo-1.0.0.tgz'],
  );
  // One step ahead, and no further.
  assert.equal(loads.length, 1);
  await loads[0]?.();
  assert.deepEqual([loads.length, asked], [1, ['demo full', 'left short']]);
});

test('npm: a tarball is found by its name alone, with the hash that it must have', async () => {
  const { server } = npm(packument());
  const passed = await ask(server, 'demo/-/demo-1.0.0.tgz');
  assert.ok(passed.kind === 'passed');
  assert.deepEqual(passed.artifact.digests, { sha512: sha512(TARBALL) });
  for (const path of [
    'demo/-/demo-0.1.0.tgz',
    'demo/-/other-1.0.0.tgz',
    'demo/-/demo-.tgz',
    '-/all',
  ]) {
    const answer = await ask(server, path);
    assert.ok(
      answer.kind === 'not-found' || (answer.kind === 'bytes' && answer.status === 404),
      path,
    );
  }
});

test('npm: what is private is there for near ones alone', async () => {
  const { server } = npm(packument({ isPublic: false }));
  assert.equal((await ask(server, 'demo')).kind, 'bytes');
  const passed = await ask(server, 'demo/-/demo-1.0.0.tgz');
  assert.ok(passed.kind === 'passed' && passed.artifact.isPrivate);
  for (const path of ['demo', 'demo/-/demo-1.0.0.tgz', '-/package/demo/dist-tags', 'demo/latest']) {
    assert.equal((await ask(server, path, { isNear: false })).kind, 'not-found', path);
  }
});

test('npm: the age of a packument that stands in is in the answer, for npm to show', async () => {
  const { server } = npm(packument({ seenAt: new Date(0) }));
  const answer = await ask(server, 'demo');
  assert.ok(answer.kind === 'bytes');
  assert.equal(answer.headers['npm-notice'], 'the packument of demo');
});
