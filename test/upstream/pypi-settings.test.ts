import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readPipConfiguration } from '../../src/upstream/pypi-settings.js';

function configured(env: Record<string, string>, files: Record<string, string>) {
  const readText = (path: string): Promise<string | undefined> => Promise.resolve(files[path]);
  return readPipConfiguration({ env, home: '/home/u', readText });
}

test('nothing configured: the default index, public', async () => {
  const { settings } = await configured({}, {});
  assert.deepEqual(settings.indexes, [
    { url: 'https://pypi.org/simple', isPinned: false, isPublic: true },
  ]);
});

test('files, sections and environment in pip’s order; credentials taken out of addresses', async () => {
  const files = {
    '/etc/pip.conf': '[global]\nindex-url = https://low.test/simple\n[install]\npre = true\n',
    '/home/u/.config/pip/pip.conf':
      '[global]\nindex_url = https://u:p%40ss@mid.test/simple/\nextra-index-url =\n    file:///srv/a\n    https://b.test/simple\n',
    '/home/u/.netrc': 'machine b.test login n password s\n',
  };
  const { settings, credentialsFor } = await configured(
    { PIP_FIND_LINKS: '/srv/wheels', PIP_NO_BINARY: '' },
    files,
  );
  assert.deepEqual(settings.indexes, [
    { url: 'https://mid.test/simple', isPinned: true, isPublic: false },
    { url: 'file:///srv/a', isPinned: false, isPublic: false },
    { url: 'https://b.test/simple', isPinned: true, isPublic: false },
  ]);
  assert.deepEqual(settings.findLinks, ['file:///srv/wheels']);
  assert.ok(settings.preReleases);
  const basic = (pair: string): string => `Basic ${Buffer.from(pair).toString('base64')}`;
  assert.equal(credentialsFor('https://mid.test/files/x')?.['authorization'], basic('u:p@ss'));
  assert.equal(credentialsFor('https://b.test/simple/x/')?.['authorization'], basic('n:s'));
  assert.equal(credentialsFor('https://mid.test.evil/x'), undefined);
});

test('the null device switches every file off', async () => {
  const files = { '/etc/pip.conf': '[global]\nindex-url = https://low.test/simple\n' };
  const { settings } = await configured({ PIP_CONFIG_FILE: '/dev/null' }, files);
  assert.equal(settings.indexes[0]?.url, 'https://pypi.org/simple');
});

test('a line that is no setting is named with its place', async () => {
  const files = { '/etc/pip.conf': '[global]\nnonsense\n' };
  await assert.rejects(configured({}, files), /\/etc\/pip\.conf:2:1: not a setting: nonsense/);
});

test('credentials that inputs name count for their origin, those of the configuration before them', async () => {
  const { credentialsFor, credentials } = await configured(
    { PIP_INDEX_URL: 'https://own:1@a.test/simple' },
    {},
  );
  credentials.remember('https://other:2@a.test/simple');
  credentials.remember('https://u:p@b.test/simple');
  const basic = (pair: string): string => `Basic ${Buffer.from(pair).toString('base64')}`;
  assert.equal(credentialsFor('https://a.test/x')?.['authorization'], basic('own:1'));
  assert.equal(credentialsFor('https://b.test/x')?.['authorization'], basic('u:p'));
  assert.ok(credentials.addIndex('https://b.test/simple'));
  assert.ok(!credentials.addIndex('https://c.test/simple'));
});

test('constraint, require-hashes and prefer-binary, from files and from the environment', async () => {
  const files = {
    '/etc/pip.conf':
      '[install]\nconstraint = /srv/a.txt\n    file:///srv/b.txt\nrequire-hashes = 1\n',
    '/srv/a.txt': 'a<1',
    '/srv/b.txt': 'b<1',
  };
  const { settings } = await configured({ PIP_PREFER_BINARY: 'true' }, files);
  assert.deepEqual(settings.constraints, [
    { path: '/srv/a.txt', text: 'a<1' },
    { path: '/srv/b.txt', text: 'b<1' },
  ]);
  assert.ok(settings.preferBinary && settings.requireHashes);
  await assert.rejects(
    configured({ PIP_CONSTRAINT: '/srv/none.txt' }, {}),
    /none\.txt is not there/,
  );
  await assert.rejects(configured({ PIP_CONSTRAINT: 'https://a.test/c.txt' }, {}), /is no file/);
});

test('logins of one host are told apart by the address they stand in', async () => {
  const { credentialsFor } = await configured(
    {
      PIP_INDEX_URL: 'https://a:1@h.test/one/simple',
      PIP_EXTRA_INDEX_URL: 'https://b:2@h.test/two/simple',
    },
    {},
  );
  const basic = (pair: string): string => `Basic ${Buffer.from(pair).toString('base64')}`;
  assert.equal(credentialsFor('https://h.test/one/simple/x/')?.['authorization'], basic('a:1'));
  assert.equal(credentialsFor('https://h.test/two/simple/x/')?.['authorization'], basic('b:2'));
  assert.equal(credentialsFor('https://h.test/files/x.whl')?.['authorization'], basic('a:1'));
});

test('the keyring file: by address, by host, and for a user that an address names', async () => {
  const base64 = (text: string): string => Buffer.from(text).toString('base64');
  const files = {
    '/home/u/.local/share/python_keyring/keyring_pass.cfg': `[https_3A_2F_2Fa_2Etest_2Fsimple]
alice = 
\t${base64('one')}

[b_2Etest]
bob_40example_2ecom = ${base64('two')}
[c_2Etest]
carol = ${base64('three')}
dave = ${base64('four')}
`,
  };
  const { credentialsFor, settings } = await configured(
    { PIP_INDEX_URL: 'https://a.test/simple', PIP_EXTRA_INDEX_URL: 'https://dave@c.test/simple' },
    files,
  );
  const basic = (pair: string): string => `Basic ${base64(pair)}`;
  assert.equal(credentialsFor('https://a.test/simple/x/')?.['authorization'], basic('alice:one'));
  // As in pip, what lies elsewhere on an index's host has its login: its files do.
  assert.equal(credentialsFor('https://a.test/files/x.whl')?.['authorization'], basic('alice:one'));
  assert.equal(credentialsFor('https://other.test/simple/x/'), undefined);
  assert.equal(credentialsFor('https://b.test/x')?.['authorization'], basic('bob@example.com:two'));
  assert.equal(credentialsFor('https://c.test/simple/x')?.['authorization'], basic('dave:four'));
  assert.deepEqual(
    settings.indexes.map(({ isPinned, isPublic }) => [isPinned, isPublic]),
    [
      [true, false],
      [true, false],
    ],
  );
});

test('nonsense in a keyring file is passed over', async () => {
  for (const text of [
    '[',
    '=\n\n',
    '[a\nb = c',
    '[%zz]\nx = ????',
    '[a]\n   lonely\n_ZZ=\n'.repeat(10_000),
  ]) {
    const files = { '/home/u/.local/share/python_keyring/keyring_pass.cfg': text };
    const { credentialsFor } = await configured({}, files);
    assert.equal(credentialsFor('https://a.test/'), undefined);
  }
});
