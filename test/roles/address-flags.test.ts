import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseEndpoint, parseIndexUrl } from '../../src/roles/address-flags.js';

test('HOST:PORT is taken as it is, and nothing else', async () => {
  for (const good of ['dht.example.org:6881', '192.0.2.7:1', '[2001:db8::1]:65535', 'a_b-c:80']) {
    assert.equal(await parseEndpoint(good), good);
  }
  for (const bad of [
    'foo',
    'foo:',
    ':6881',
    'foo:0',
    'foo:65536',
    '2001:db8::1:6881',
    'a b:1',
    '',
  ]) {
    await assert.rejects(parseEndpoint(bad), /is not HOST:PORT/, bad);
  }
});

test('an index has a web address', async () => {
  for (const good of ['https://pypi.example.org/simple/', 'http://[2001:db8::1]:8080/debian']) {
    assert.equal(await parseIndexUrl(good), good);
  }
  for (const bad of ['nope', 'pypi.example.org/simple', 'ftp://example.org/', 'https://', '']) {
    await assert.rejects(parseIndexUrl(bad), /is not the address of an index/, bad);
  }
});
