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
  assert.ok(credentials.has('https://b.test/simple'));
  assert.ok(!credentials.has('https://c.test/simple'));
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
