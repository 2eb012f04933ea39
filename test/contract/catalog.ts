import assert from 'node:assert/strict';
import { comparePaths, type BundleEntry, type Manifest } from '../../src/domain/bundle.js';
import { sha256, sha512 } from '../../src/domain/digest.js';
import type { Catalog } from '../../src/ports/catalog.js';
import { checksOf } from './checks.js';

export interface CatalogUnderTest {
  catalog: Catalog;
  reopen(): Promise<Catalog>;
  dispose(): Promise<void>;
}

export const DID = 'did:key:z6MkiTBz1ymuepAQ4HEHYSF1H8quG5GLVVQR3djdX3mDooWp';
const OTHER_DID = 'did:key:z6MkjchhfUsD6mmvni8mCdXHw216Xrm9bQe2mBH1P5RDjVJG';

export function sampleEntry(path: string, over: Partial<BundleEntry> = {}): BundleEntry {
  return {
    path,
    lengthBytes: path.length,
    sha256: sha256(path),
    pieceRoot: sha256(`root of ${path}`),
    kind: 'package',
    ecosystem: 'pypi',
    name: 'alpha',
    version: '1.0',
    purl: 'pkg:pypi/alpha@1.0',
    proof: 'index-hash',
    requires: ['pkg:pypi/beta@2'],
    targets: ['linux/amd64/glibc2.36,python=3.12'],
    private: false,
    ...over,
  };
}

export function sampleManifest(entries: BundleEntry[], over: Partial<Manifest> = {}): Manifest {
  return {
    bundle: 'tools',
    source: DID,
    version: 1,
    digest: sha256(`manifest of ${String(entries.length)} ${String(over.version ?? 1)}`),
    signedAt: '2026-11-01T00:00:00.000Z',
    expiresAt: '2027-01-30T00:00:00.000Z',
    graceDays: 270,
    entries: entries.toSorted((a, b) => comparePaths(a.path, b.path)),
    ...over,
  };
}

/** What every Catalog promises. */
export function catalogContract(name: string, make: () => Promise<CatalogUnderTest>): void {
  const check = checksOf(name, make);
  bundlesAndEntries(check);
  lookups(check);
  smallThings(check);
}

type Check = (what: string, body: (under: CatalogUnderTest) => Promise<void>) => void;

const ENTRIES = [
  sampleEntry('pypi/alpha/alpha-1.0.whl', {
    sha512: sha512('a'),
    detail: { yanked: false, n: [1] },
  }),
  sampleEntry('npm/Ünïcode/z.tgz', { ecosystem: 'npm', name: 'ünïcode', private: true }),
  sampleEntry('npm/a\u{1F600}.tgz', { ecosystem: 'npm', name: 'zed' }),
  sampleEntry('npm/a\uFFFD.tgz', { ecosystem: 'npm', name: 'zed', version: '2.0' }),
  {
    path: 'inputs/requirements.txt',
    lengthBytes: 12,
    sha256: sha256('input'),
    pieceRoot: sha256('root'),
    kind: 'input' as const,
    proof: 'none' as const,
    requires: [],
    targets: [],
    private: true,
  },
];

function bundlesAndEntries(check: Check): void {
  check('a bundle is replaced only where its metadata is still what was held', ({ catalog }) => {
    const none = new Map<string, Uint8Array>();
    const one = new Map([['timestamp.json', Buffer.from('1')]]);
    const two = new Map([['timestamp.json', Buffer.from('2')]]);
    const [first, second] = [1, 2].map((version) => sampleManifest(ENTRIES, { version }));
    assert.ok(first && second);
    assert.equal(catalog.replaceBundle(one, first, 'client', one), undefined);
    assert.deepEqual(catalog.bundles(), []);
    const record = catalog.replaceBundle(none, first, 'client', one);
    assert.equal(record?.version, 1);
    for (const other of [none, two, new Map([['x.json', Buffer.from('1')]])]) {
      assert.equal(catalog.replaceBundle(other, second, 'client', two), undefined);
    }
    assert.deepEqual(catalog.metadata(record.id), one);
    assert.equal(catalog.replaceBundle(one, second, 'client', two)?.version, 2);
    assert.deepEqual(catalog.metadata(record.id), two);
    return Promise.resolve();
  });

  check('a bundle comes back as it was saved', async ({ catalog, reopen }) => {
    const manifest = sampleManifest(ENTRIES);
    const files = new Map([
      ['1.root.json', Buffer.from('{"root": 1}')],
      ['timestamp.json', Buffer.from([0, 255, 10])],
    ]);
    const record = catalog.saveBundle(manifest, 'source', files);
    assert.deepEqual(record, {
      id: `tools@${DID}`,
      name: 'tools',
      source: DID,
      role: 'source',
      version: 1,
      manifestDigest: manifest.digest,
      signedAt: manifest.signedAt,
      expiresAt: manifest.expiresAt,
      graceDays: 270,
      entries: ENTRIES.length,
      bytes: ENTRIES.reduce((sum, { lengthBytes }) => sum + lengthBytes, 0),
    });
    const next = await reopen();
    assert.deepEqual(next.bundles(), [record]);
    assert.deepEqual(next.bundle(record.id), record);
    assert.equal(next.bundle('none@x'), undefined);
    assert.deepEqual([...next.entries(record.id)], manifest.entries, 'in bytewise path order');
    assert.deepEqual(
      [...next.metadata(record.id)].map(([file, bytes]) => [file, Buffer.from(bytes)]),
      [...files],
    );
  });

  check('a new version replaces the old one whole', async ({ catalog }) => {
    const first = catalog.saveBundle(
      sampleManifest(ENTRIES),
      'client',
      new Map([['1.root.json', Buffer.from('1')]]),
    );
    const kept = [sampleEntry('pypi/beta/beta-2.whl', { name: 'beta' })];
    const second = catalog.saveBundle(
      sampleManifest(kept, { version: 2 }),
      'client',
      new Map([['2.root.json', Buffer.from('2')]]),
    );
    assert.equal(second.id, first.id);
    assert.equal(second.version, 2);
    assert.equal(catalog.bundles().length, 1);
    assert.deepEqual([...catalog.entries(first.id)], kept);
    assert.deepEqual([...catalog.metadata(first.id).keys()], ['2.root.json']);
    assert.deepEqual(catalog.entriesByName('pypi', 'alpha'), []);
  });

  check('a manifest that cannot be saved changes nothing', async ({ catalog }) => {
    await Promise.resolve();
    const { id } = catalog.saveBundle(sampleManifest(ENTRIES), 'client', new Map());
    const twice = [sampleEntry('a'), sampleEntry('a')];
    assert.throws(() =>
      catalog.saveBundle(sampleManifest(twice, { version: 2 }), 'client', new Map()),
    );
    assert.equal(catalog.bundle(id)?.version, 1);
    assert.equal([...catalog.entries(id)].length, ENTRIES.length);
  });

  check('a removed bundle leaves no entry behind', async ({ catalog }) => {
    await Promise.resolve();
    const { id } = catalog.saveBundle(sampleManifest(ENTRIES), 'client', new Map());
    const other = catalog.saveBundle(
      sampleManifest(ENTRIES, { source: OTHER_DID }),
      'client',
      new Map([['1.root.json', Buffer.from('1')]]),
    );
    catalog.removeBundle(id);
    assert.deepEqual(catalog.bundles(), [other]);
    assert.deepEqual([...catalog.entries(id)], []);
    assert.equal(catalog.entriesByName('pypi', 'alpha').length, 1);
    catalog.removeBundle(other.id);
    assert.deepEqual(catalog.entriesBySha256(sha256('input')), []);
    assert.equal(catalog.metadata(other.id).size, 0);
  });

  check('a long bundle is walked in pages, and other calls go in between', async ({ catalog }) => {
    await Promise.resolve();
    const many = Array.from({ length: 2_500 }, (_, at) =>
      sampleEntry(`pypi/n${String(at)}/f.whl`, { name: `n${String(at)}` }),
    );
    const manifest = sampleManifest(many);
    const { id } = catalog.saveBundle(manifest, 'client', new Map());
    let seen = 0;
    for (const entry of catalog.entries(id)) {
      assert.equal(entry.path, manifest.entries[seen]?.path);
      catalog.setValue('seen', String(seen));
      seen += 1;
    }
    assert.equal(seen, many.length);
    assert.equal([...catalog.names('pypi')].length, many.length);
    const walk = catalog.entries(id)[Symbol.iterator]();
    walk.next();
    catalog.saveBundle(sampleManifest(many, { version: 2 }), 'client', new Map());
    assert.throws(() => {
      for (let left = many.length; left > 0; left -= 1) walk.next();
    }, /replaced while/);
  });
}

function lookups(check: Check): void {
  check('entries are found by path, prefix, name and digest', async ({ catalog }) => {
    await Promise.resolve();
    const a = catalog.saveBundle(sampleManifest(ENTRIES), 'client', new Map());
    const b = catalog.saveBundle(
      sampleManifest([sampleEntry('pypi/alpha/alpha-1.0.whl'), sampleEntry('pypi%/x_y')], {
        bundle: 'more',
      }),
      'client',
      new Map(),
    );
    // Saved again: the order of bundles stays the one of their first saving.
    catalog.saveBundle(sampleManifest(ENTRIES, { version: 2 }), 'client', new Map());

    const found = catalog.entryByPath(a.id, 'pypi/alpha/alpha-1.0.whl');
    assert.deepEqual(found, { ...ENTRIES[0], bundleId: a.id, bundleName: 'tools' });
    assert.equal(catalog.entryByPath(a.id, 'pypi/alpha'), undefined);
    assert.deepEqual(
      [...catalog.entriesByPrefix(a.id, 'npm/a')].map(({ path }) => path),
      ['npm/a\uFFFD.tgz', 'npm/a\u{1F600}.tgz'],
    );
    assert.deepEqual([...catalog.entriesByPrefix(b.id, 'pypi_')], [], 'no wildcards');
    assert.deepEqual(
      catalog.entriesByName('pypi', 'alpha').map(({ bundleName, path }) => [bundleName, path]),
      [
        ['tools', 'pypi/alpha/alpha-1.0.whl'],
        ['more', 'pypi%/x_y'],
        ['more', 'pypi/alpha/alpha-1.0.whl'],
      ],
    );
    assert.equal(catalog.entriesBySha256(sha256('pypi/alpha/alpha-1.0.whl')).length, 2);
    assert.deepEqual(catalog.entriesBySha256(sha256('nothing')), []);
  });

  check('names are distinct, sorted, and of packages', async ({ catalog }) => {
    await Promise.resolve();
    const index = sampleEntry('npm/only-index', { ecosystem: 'npm', name: 'ghost', kind: 'index' });
    catalog.saveBundle(sampleManifest([...ENTRIES, index]), 'client', new Map());
    assert.deepEqual([...catalog.names('npm')], ['zed', 'ünïcode']);
    assert.deepEqual([...catalog.names('debian')], []);
  });
}

function smallThings(check: Check): void {
  check('a pin stays the first one', async ({ catalog, reopen }) => {
    catalog.pinSource(DID, 'trust-flag', '2026-11-01T00:00:00.000Z');
    catalog.pinSource(OTHER_DID, 'invitation', '2026-11-02T00:00:00.000Z');
    catalog.pinSource(DID, 'accept-new', '2026-11-03T00:00:00.000Z');
    const next = await reopen();
    assert.deepEqual(next.pinnedSources(), [
      { did: DID, firstSeen: '2026-11-01T00:00:00.000Z', how: 'trust-flag' },
      { did: OTHER_DID, firstSeen: '2026-11-02T00:00:00.000Z', how: 'invitation' },
    ]);
  });

  check('values are kept', async ({ catalog, reopen }) => {
    catalog.setValue('highest-signing-time', '1');
    catalog.setValue('highest-signing-time', '2');
    const next = await reopen();
    assert.equal(next.getValue('highest-signing-time'), '2');
    assert.equal(next.getValue('other'), undefined);
  });
}
