import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { get } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import type { BundleEntry } from '../../src/domain/bundle.js';
import { comparePaths } from '../../src/domain/bundle.js';
import { createServers } from '../../src/roles/ecosystem-servers.js';
import { createInsight } from '../../src/roles/insight.js';
import { nobodyToAsk } from '../../src/roles/held-view.js';
import { openData, type DataFolder } from '../../src/roles/open-data.js';
import { PrivateNames, publicCatalog } from '../../src/roles/public-view.js';
import { startGateway } from '../../src/roles/start-gateway.js';
import { systemClock } from '../../src/platform/clock.js';

/** Stands for an address that is not near. */
const FAR = '127.0.0.2';

async function entryOf(
  data: DataFolder,
  path: string,
  given: Pick<BundleEntry, 'kind' | 'ecosystem' | 'name' | 'private'>,
  body = path,
): Promise<BundleEntry> {
  const { sha256, lengthBytes, pieceRoot } = await data.store.putBytes(Buffer.from(body));
  const version = given.kind === 'package' ? '1.0' : undefined;
  return {
    ...{ path, lengthBytes, sha256, pieceRoot, version, ...given },
    ...{ proof: 'index-hash', requires: [], targets: [] },
  };
}

interface Served {
  url: string;
  data: DataFolder;
  privateWheel: string;
  publicWheel: string;
}

/** A gateway over two bundles: `ours` is private in one, and public under the same name in the other. */
async function served(t: TestContext): Promise<Served> {
  const folder = await mkdtemp(join(tmpdir(), 'x-private-names-'));
  const data = await openData(folder);
  const wheel = (name: string): string => `pypi/${name}/${name}-1.0-py3-none-any.whl`;
  const python = { kind: 'package', ecosystem: 'pypi' } as const;
  const ours = await entryOf(data, wheel('ours'), { ...python, name: 'ours', private: true });
  const theirs = await entryOf(
    data,
    'pypi/ours/ours-2.0-py3-none-any.whl',
    { ...python, name: 'ours', private: false },
    'another',
  );
  const open = await entryOf(data, wheel('open'), { ...python, name: 'open', private: false });
  const repository = await entryOf(data, 'debian/dists/ours/Release', {
    ...{ kind: 'index', ecosystem: 'debian', name: 'ours', private: true },
  });
  const save = (bundle: string, entries: BundleEntry[]): void => {
    const manifest = {
      ...{ bundle, source: 'did:key:z6MkhaXgBZDvotDkL5257faiztiGiC2QtKLGpbnnEGta2doK', version: 1 },
      digest: createHash('sha256').update(bundle).digest('hex'),
      ...{ signedAt: '2026-01-01T00:00:00.000Z', expiresAt: '2036-01-01T00:00:00.000Z' },
      ...{ graceDays: 270, entries: entries.sort((a, b) => comparePaths(a.path, b.path)) },
    };
    data.catalog.saveBundle(manifest, 'client', new Map());
  };
  save('team', [ours, open, repository]);
  save('other', [theirs]);
  const servers = createServers();
  const insightParts = {
    ...{ role: 'client' as const, did: undefined, folder, servers, shares: () => new Map() },
    ...{ store: data.store, marked: data.marked, clock: systemClock },
  };
  const gateway = await startGateway({
    ...{ host: '127.0.0.1', port: 0, data, servers, want: nobodyToAsk },
    insight: createInsight({ ...insightParts, catalog: data.catalog }),
    farInsight: createInsight({
      ...insightParts,
      catalog: publicCatalog(data.catalog, new PrivateNames(data.catalog)),
    }),
    options: { isNear: (address) => address !== FAR },
  });
  t.after(async () => {
    await gateway.close();
    await data.close();
    await rm(folder, { recursive: true, force: true });
  });
  const file = (entry: BundleEntry): string =>
    `/pypi/files/${entry.sha256}/${entry.path.split('/').at(-1) ?? ''}`;
  return { url: gateway.url, data, privateWheel: file(ours), publicWheel: file(open) };
}

function ask(url: string, localAddress: string): Promise<{ status: number; text: string }> {
  return new Promise((resolve, reject) => {
    const request = get(url, { localAddress, agent: false }, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('error', reject);
      response.on('end', () =>
        resolve({ status: response.statusCode ?? 0, text: Buffer.concat(chunks).toString() }),
      );
    });
    request.on('error', reject);
  });
}

const NEAR = '127.0.0.1';

test('what is private is answered to near addresses alone, whoever may use the gateway', async (t) => {
  const { url, data, privateWheel, publicWheel } = await served(t);
  // In both orders, so that an answer kept for the one would show in the other's.
  for (const address of [NEAR, FAR, NEAR, FAR]) {
    const isNear = address === NEAR;
    const told = isNear ? 200 : 404;
    assert.equal((await ask(`${url}/pypi/simple/ours/`, address)).status, told, address);
    assert.equal((await ask(url + privateWheel, address)).status, told, address);
    assert.equal((await ask(`${url}/pypi/simple/open/`, address)).status, 200);
    assert.equal((await ask(url + publicWheel, address)).status, 200);
    const names = await ask(`${url}/pypi/simple/`, address);
    assert.match(names.text, /open/);
    const found = await ask(`${url}/api/packages?q=o`, address);
    for (const { text } of [names, found]) assert.equal(text.includes('ours'), isNear, text);
    assert.equal((JSON.parse(found.text) as { total: number }).total, isNear ? 2 : 1);
  }
  assert.deepEqual(data.catalog.wishes(), [], 'what is here is nobody’s wish');
  await ask(`${url}/pypi/simple/absent/`, FAR);
  assert.deepEqual(
    data.catalog.wishes().map(({ name }) => name),
    ['absent'],
  );
});

test('a name that is private in one bundle is not answered from another', async (t) => {
  const { url, data } = await served(t);
  const [theirs] = data.catalog
    .entriesByName('pypi', 'ours')
    .filter((entry) => entry.private === false);
  const path = `/pypi/files/${theirs?.sha256 ?? ''}/ours-2.0-py3-none-any.whl`;
  assert.equal((await ask(url + path, FAR)).status, 404);
});

test('a name that becomes private is gone for who is not near', async (t) => {
  const { url, data } = await served(t);
  assert.equal((await ask(`${url}/pypi/simple/open/`, FAR)).status, 200);
  const [record] = data.catalog.bundles().filter(({ name }) => name === 'team');
  assert.ok(record !== undefined);
  const entries = [...data.catalog.entries(record.id)].map((one) => ({ ...one, private: true }));
  const { name: bundle, source, signedAt, expiresAt, graceDays } = record;
  const digest = createHash('sha256').update('next').digest('hex');
  data.catalog.saveBundle(
    { bundle, source, signedAt, expiresAt, graceDays, version: 2, digest, entries },
    'client',
    new Map(),
  );
  assert.equal((await ask(`${url}/pypi/simple/open/`, FAR)).status, 404);
  assert.equal((await ask(`${url}/pypi/simple/open/`, NEAR)).status, 200);
});
