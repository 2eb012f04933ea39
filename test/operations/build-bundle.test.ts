import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { XError } from '../../src/domain/errors.js';
import { inputPaths } from '../../src/operations/input-paths.js';
import { Machine, TARGET } from './world.js';

let source: Machine;
before(async () => {
  source = await Machine.start('source');
});
after(() => source.end());

test('artifacts, documents and inputs become signed entries', async () => {
  const inputs = [
    {
      path: '/home/someone/app/requirements.txt',
      text: '-r dev/more.txt\n',
      rewritten: '-r dev/more.txt\n# gateway\n',
    },
    { path: '/home/someone/app/dev/more.txt', text: 'small\n' },
  ];
  const { manifest, record, changed } = await source.publish(
    { small: 5_000, large: 600_000 },
    { inputs },
  );
  assert.equal(changed, true);
  assert.equal(record.role, 'source');
  assert.equal(record.source, source.identity.did);
  assert.deepEqual(
    manifest.entries.map(({ path, kind }) => `${kind} ${path}`),
    [
      'input inputs/gateway/requirements.txt',
      'input inputs/original/dev/more.txt',
      'input inputs/original/requirements.txt',
      'package pypi/large/large-1.0-py3-none-any.whl',
      'proof pypi/large/large-1.0-py3-none-any.whl.proof',
      'package pypi/small/small-1.0-py3-none-any.whl',
      'proof pypi/small/small-1.0-py3-none-any.whl.proof',
    ],
  );
  const large = manifest.entries.find(({ name, kind }) => name === 'large' && kind === 'package')!;
  assert.equal(large.proof, 'pep740');
  assert.deepEqual(large.targets, [TARGET]);
  assert.equal(large.pieceRoot, source.store.stat(large.sha256)?.pieceRoot);
  assert.ok(
    manifest.entries.filter(({ kind }) => kind === 'input').every((entry) => entry.private),
  );
  assert.deepEqual([...source.catalog.entries(record.id)], manifest.entries);
});

test('no credentials of an address are carried, and a line says so', async () => {
  const text = [
    'aaa @ http://user:s3cret@host.example/a.whl',
    '--index-url https://${U}:${P}@host.example/simple',
    'bbb @ git+ssh://git@host.example/b.git',
    '{"resolved":"http:\\/\\/t0ken@host.example\\/c.tgz"}',
    'ccc @ https://user:s3@cret@host.example/a@1/c.whl  # me@host.example',
    '',
  ].join('\n');
  const inputs = [{ path: 'requirements.txt', text, rewritten: text }];
  const { manifest, warnings } = await source.publish({ small: 5 }, { inputs, name: 'secret' });
  for (const path of ['inputs/original/requirements.txt', 'inputs/gateway/requirements.txt']) {
    const entry = manifest.entries.find((one) => one.path === path)!;
    assert.equal(
      Buffer.from(await source.store.read(entry.sha256, 10_000)).toString(),
      [
        'aaa @ http://host.example/a.whl',
        '--index-url https://${U}:${P}@host.example/simple',
        'bbb @ git+ssh://git@host.example/b.git',
        '{"resolved":"http:\\/\\/host.example\\/c.tgz"}',
        'ccc @ https://host.example/a@1/c.whl  # me@host.example',
        '',
      ].join('\n'),
    );
  }
  assert.deepEqual(
    warnings.filter((line) => line.includes('credentials')),
    [
      'requirements.txt: the credentials in its addresses are left out of the copy that the bundle carries',
    ],
  );
});

test('published unchanged nothing is signed; changed, the version rises', async () => {
  const before = source.catalog.bundles()[0]!;
  const same = { small: 5_000, large: 600_000 };
  const first = await source.publish(same);
  assert.equal(first.record.version, before.version + 1);
  const again = await source.publish(same);
  assert.deepEqual([again.changed, again.record.version], [false, first.record.version]);
  const next = await source.publish({ ...same, more: 7 });
  assert.deepEqual([next.changed, next.record.version], [true, first.record.version + 1]);
  // Going back is publishing the old content again, at a higher version.
  const back = await source.publish(same);
  assert.equal(back.record.version, next.record.version + 1);
});

test('what several plans select is one entry; two files under one path are a conflict', async () => {
  const artifact = await source.fetched('shared', 100);
  const forNode = {
    ...artifact,
    artifact: { ...artifact.artifact, targets: ['linux/arm64'], requires: ['pkg:pypi/x@1'] },
  };
  const both = await source.publish({}, { artifacts: [artifact, forNode] });
  const [entry] = both.manifest.entries;
  assert.deepEqual(entry?.targets, ['linux/amd64/glibc2.36,python=3.12', 'linux/arm64']);
  assert.deepEqual(entry?.requires, ['pkg:pypi/x@1']);
  const other = await source.fetched('other', 101);
  const clash = { ...other, artifact: { ...other.artifact, path: artifact.artifact.path } };
  await assert.rejects(
    source.publish({}, { artifacts: [artifact, clash] }),
    (error: unknown) => error instanceof XError && error.code === 'CONFLICT',
  );
});

test('a name that cannot stand in file names is refused', async () => {
  for (const name of ['Demo', '../demo', '', 'a b']) {
    await assert.rejects(
      source.publish({ small: 5 }, { name }),
      (error: unknown) => error instanceof XError && error.code === 'USAGE',
    );
  }
});

test('input paths keep how files find each other, and nothing of the machine', () => {
  assert.deepEqual(inputPaths(['requirements.txt']), ['requirements.txt']);
  assert.deepEqual(inputPaths(['/srv/a/app/r.txt', '/srv/a/lib/c.txt']), [
    'app/r.txt',
    'lib/c.txt',
  ]);
  assert.deepEqual(inputPaths(['app/r.txt', 'app/../lib/./c.txt']), ['app/r.txt', 'lib/c.txt']);
  assert.deepEqual(inputPaths(['../up/r.txt', 'c.txt']), ['up/up/r.txt', 'c.txt']);
  assert.deepEqual(inputPaths(['a?.txt', 'a*.txt', 'A_.txt']), ['a_.txt', '2-a_.txt', '3-A_.txt']);
  assert.deepEqual(inputPaths(['C:\\work\\r.txt']), ['r.txt']);
  const fetched = [
    'https://a.test:8443/x/r.txt',
    '/srv/app/r.txt',
    'https://a.test:8443/y/r.txt',
    'https://b.test/',
    'https://b.test/my%20list..txt',
  ];
  assert.deepEqual(inputPaths(fetched), [
    'fetched/a.test_8443/r.txt',
    'r.txt',
    'fetched/a.test_8443/2-r.txt',
    'fetched/b.test/input',
    'fetched/b.test/my_20list..txt',
  ]);
  assert.deepEqual(inputPaths(['fetched', 'https://b.test/r.txt']), [
    'fetched',
    'fetched-2/b.test/r.txt',
  ]);
});
