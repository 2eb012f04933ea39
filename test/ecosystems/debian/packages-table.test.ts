import assert from 'node:assert/strict';
import { mkdtemp, readdir, readFile, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { BOUNDS } from '../../../src/domain/bounds.js';
import { eachStanza } from '../../../src/ecosystems/debian/packages-index.js';
import { PackagesTable } from '../../../src/ecosystems/debian/packages-table.js';
import { mentionOrder } from '../../../src/ecosystems/debian/resolver/mentions.js';
import type { PackageNode } from '../../../src/ecosystems/debian/resolver/universe.js';
import { TableBuilder } from '../../../src/ecosystems/debian/table-builder.js';
import { openParsedIndexes } from '../../../src/upstream/debian-parsed-indexes.js';
import { openBench } from './support.js';

const TEXT = [
  'Package: zeta\nVersion: 1\nArchitecture: all\nDescription: long\n and longer\nProvides: virtual (= 3),\n other\nSHA256: aa\n',
  'Package: alpha\nEssential: yes\nVersion: 2\nArchitecture: amd64\nTag: x::y\nDepends: zeta,\n virtual\n',
  'package: alpha\nversion: 1\narchitecture: amd64\npriority: required\nMaintainer: nobody\nprovides: virtual\n',
].join('\n');

async function* inPieces(text: string, size: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < text.length; at += size) {
    yield await Promise.resolve(Buffer.from(text.slice(at, at + size), 'latin1'));
  }
}

async function build(text: string, size: number): Promise<PackagesTable> {
  const builder = new TableBuilder();
  await eachStanza(inPieces(text, size), 'here', (stanza) => {
    builder.add(stanza);
  });
  return builder.table();
}

test('stanzas are the same however the bytes come in', async () => {
  const whole = await build(TEXT, TEXT.length);
  assert.equal(whole.length, 3);
  for (const size of [1, 2, 3, 7, 64]) {
    const table = await build(TEXT, size);
    assert.deepEqual(Buffer.concat(table.parts()), Buffer.concat(whole.parts()), `by ${size}`);
  }
});

test('a table answers by name and by what is provided, and keeps what counts', async () => {
  const table = await build(TEXT, 50);
  assert.deepEqual(table.rowsNamed('alpha'), [1, 2]);
  assert.deepEqual(table.rowsNamed('alph'), []);
  assert.deepEqual(table.rowsNamed('zzz'), []);
  assert.deepEqual(table.rowsProviding('virtual'), [0, 2]);
  assert.deepEqual(table.rowsProviding('other'), [0]);
  assert.deepEqual([...table.baseRows], [1, 2]);
  assert.deepEqual([...table.rowsWith('virtual')], [0, 1, 2]);
  assert.doesNotMatch(table.stanza(0), /longer|Description/);
  assert.match(table.stanza(1), /^Package: alpha\n[^]*Depends: zeta,\n virtual\n$/);
});

test('a field that is there twice is what it says first, wherever it is asked for', async () => {
  const table = await build(
    'Package: one\npackage: two\nVersion: 1\nArchitecture: all\nprovides: first\nProvides: second\nVERSION: 2',
    9,
  );
  assert.equal(table.stanza(0), 'Package: one\nVersion: 1\nArchitecture: all\nprovides: first\n');
  assert.deepEqual(table.rowsProviding('first'), [0]);
  assert.deepEqual(table.rowsProviding('second'), []);
  assert.deepEqual(table.rowsNamed('two'), []);
});

/** Stanzas with a version and an architecture. */
function stanzas(starts: readonly string[]): string {
  return starts.map((start) => `${start}Version: 1\nArchitecture: all\n`).join('\n');
}

test('a table knows where each name is mentioned first, in the order in which apt reads fields', async () => {
  const table = await build(
    stanzas([
      'Package: one\nProvides: p1\nDepends: zeta (>= 1) | yota:any, kappa:i386,\n lambda\nPre-Depends: pre\n',
      'Package: two\nSuggests: yota, zeta\ndepends: two\nDepends: exact\n',
      'Package: three\nEnhances: p1x, p1\n',
    ]),
    50,
  );
  const seen = Object.fromEntries(
    ['pre', 'zeta', 'yota', 'kappa', 'lambda', 'p1', 'two', 'p1x', 'none', 'p', 'exact'].map(
      (name) => {
        const found = table.firstMention(name);
        return [name, found && `${found.row} ${found.place}`];
      },
    ),
  );
  assert.deepEqual(seen, {
    pre: '0 1',
    zeta: '0 2',
    // The third mention of the first stanza is of another package: yota:any.
    yota: '1 2',
    kappa: '0 4',
    lambda: '0 5',
    p1: '0 6',
    two: '1 1',
    p1x: '2 1',
    none: undefined,
    p: undefined,
    exact: undefined,
  });
});

test('apt comes to know packages by the first stanza or mention, index after index', async () => {
  const tables = [
    await build(
      stanzas(['Package: m\nDepends: c, b\n', 'Package: a\n', 'Package: d\nDepends: a, z\n']),
      50,
    ),
    await build(stanzas(['Package: e\nDepends: y\n', 'Package: c\n', 'Package: z\n']), 50),
  ];
  const order = mentionOrder(tables);
  const names = ['nowhere', 'e', 'y', 'z', 'd', 'a', 'b', 'c', 'm'];
  const sorted = names.toSorted((a, b) =>
    order.compare({ name: a } as PackageNode, { name: b } as PackageNode),
  );
  assert.deepEqual(sorted, ['m', 'c', 'b', 'a', 'd', 'z', 'e', 'y', 'nowhere']);
});

test('an empty index is a table without rows', async () => {
  const table = await build('', 1);
  assert.equal(table.length, 0);
  assert.deepEqual(table.rowsNamed('a'), []);
  assert.deepEqual([...table.rowsWith('a')], []);
  assert.equal(PackagesTable.read(Buffer.concat(table.parts()))?.length, 0);
});

test('a table is read back as it was written, and nothing else is taken for one', async () => {
  const table = await build(TEXT, 50);
  const bytes = Buffer.concat(table.parts());
  const again = PackagesTable.read(bytes);
  assert.ok(again);
  assert.deepEqual(Buffer.concat(again.parts()), bytes);
  assert.deepEqual(again.rowsNamed('alpha'), [1, 2]);
  for (const wrong of [
    bytes.subarray(1),
    bytes.subarray(0, -1),
    Buffer.alloc(0),
    Buffer.from('x'),
  ]) {
    assert.equal(PackagesTable.read(wrong), undefined);
  }
});

test('a stanza without an end is refused before it is held', async () => {
  let served = 0;
  const endless = async function* () {
    yield Buffer.from('Package: big\nVersion: 1\nArchitecture: all\nDescription: ');
    for (; served < 100 << 20; served += 1 << 16) {
      yield await Promise.resolve(Buffer.alloc(1 << 16, 'x'));
    }
  };
  await assert.rejects(
    eachStanza(endless(), 'here', () => {
      assert.fail('no stanza ended');
    }),
    { code: 'LIMIT_EXCEEDED', message: /stanza after the beginning is larger than/ },
  );
  assert.ok(served <= BOUNDS.stanzaBytes + (1 << 17));
});

test('parsed indexes are kept by digest; what is damaged counts as none', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'x-parsed-'));
  try {
    const kept = openParsedIndexes(join(folder, 'new'));
    const digest = 'a'.repeat(64);
    assert.equal(await kept.load(digest), undefined);
    await kept.save(digest, [Buffer.from('one'), Buffer.from('two')]);
    assert.equal((await kept.load(digest))?.toString(), 'onetwo');
    const path = join(folder, 'new', digest);
    const bytes = await readFile(path);
    bytes[bytes.length - 1] = (bytes.at(-1) ?? 0) ^ 1;
    await writeFile(path, bytes);
    assert.equal(await kept.load(digest), undefined);
    await assert.rejects(kept.load('../x'));
    await writeFile(`${path}.left.part`, 'torn');
    await utimes(`${path}.left.part`, new Date(0), new Date(0));
    await kept.save('b'.repeat(64), []);
    assert.deepEqual((await readdir(join(folder, 'new'))).sort(), [digest, 'b'.repeat(64)]);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});

test('a second plan parses nothing that did not change', async () => {
  await using bench = await openBench();
  const saved = new Map<string, Buffer>();
  const loads: string[] = [];
  const parsed = {
    load: (digest: string) => {
      loads.push(saved.has(digest) ? 'known' : 'new');
      return Promise.resolve(saved.get(digest));
    },
    save: (digest: string, parts: readonly Uint8Array[]) => {
      saved.set(digest, Buffer.concat(parts));
      return Promise.resolve();
    },
  };
  const first = await bench.plan('x-hello\nx-large\n', { parsed });
  const kept = saved.size;
  assert.ok(kept > 0);
  assert.deepEqual([...new Set(loads.splice(0))], ['new']);
  const second = await bench.plan('x-hello\nx-large\n', { parsed });
  assert.deepEqual(second, first);
  assert.deepEqual([...new Set(loads)], ['known']);
  assert.equal(saved.size, kept);
});
