import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { judgeRequest, safePath } from '../../src/gateway/request-gate.js';

const names = new Set(['depot.example']);

function judge(target: string, ...hosts: string[]): ReturnType<typeof judgeRequest> {
  return judgeRequest({
    httpVersion: '1.1',
    scheme: 'http',
    target,
    hosts,
    localHost: '127.0.0.1:8470',
    names,
  });
}

test('which hosts are answered: addresses, localhost, configured names', () => {
  for (const host of [
    'localhost',
    'localhost:8470',
    'LOCALHOST.',
    '127.0.0.1:8470',
    '10.1.2.3',
    '[::1]:8470',
    '[fe80::1]',
    'Depot.Example:80',
  ]) {
    const judged = judge('/pypi/simple/', host);
    assert.ok(judged.accepted, host);
    assert.equal(judged.baseUrl, `http://${host}`);
  }
  for (const host of [
    'evil.example',
    'localhost.evil.example',
    '127.0.0.1.evil.example',
    'depot.example.evil',
    '2130706433',
    '0x7f.1',
    '127.1',
    'a_b',
  ]) {
    const judged = judge('/', host);
    assert.ok(!judged.accepted && judged.status === 421, host);
  }
  for (const host of [
    '',
    ' ',
    'a b',
    'me@127.0.0.1',
    '127.0.0.1/x',
    '[::1',
    '127.0.0.1:x',
    '[zz]',
    '"',
  ]) {
    const judged = judge('/', host);
    assert.ok(!judged.accepted && judged.status === 400, host);
  }
  assert.ok(!judge('/', '[1:2]').accepted);
});

test('only HTTP/1.0 and 1.1 are spoken', () => {
  const input = {
    target: '/',
    hosts: ['localhost'],
    scheme: 'http' as const,
    localHost: 'localhost',
    names,
  };
  for (const httpVersion of ['0.9', '1.0', '1.1', '1.2', '2.0']) {
    const judged = judgeRequest({ ...input, httpVersion });
    assert.equal(judged.accepted, ['1.0', '1.1'].includes(httpVersion), httpVersion);
  }
});

test('several hosts are refused; none stands for the address itself', () => {
  assert.ok(!judge('/', 'localhost', 'localhost').accepted);
  const judged = judge('/');
  assert.ok(judged.accepted);
  assert.equal(judged.baseUrl, 'http://127.0.0.1:8470');
});

test('an absolute target is held to its own host', () => {
  const judged = judge('http://127.0.0.1:8470/pypi/x?y=1', 'evil.example');
  assert.ok(judged.accepted);
  assert.deepEqual([judged.path, judged.query.get('y')], ['pypi/x', '1']);
  assert.equal(judge('http://evil.example/pypi/', '127.0.0.1').accepted, false);
  assert.equal(judge('http://u:p@127.0.0.1/', '127.0.0.1').accepted, false);
  assert.ok(judge('http://127.0.0.1', 'localhost').accepted);
  for (const target of ['ftp://127.0.0.1/', 'file:///etc/passwd', '*', 'pypi', '', 'http:/x']) {
    assert.equal(judge(target, '127.0.0.1').accepted, false, target);
  }
});

test('paths that lead elsewhere, or nowhere, are refused', () => {
  for (const path of [
    '/..',
    '/../etc/passwd',
    '/pypi/../../etc/passwd',
    '/pypi/..',
    '/pypi/./x',
    '/%2e%2e/etc/passwd',
    '/pypi/%2e%2e%2fetc%2fpasswd',
    '/pypi%2f..%2f..',
    '/pypi/.%2e/x',
    '/pypi\\..\\x',
    '/pypi/%5c..%5cx',
    '/pypi/%00',
    '/pypi/a%0d%0ab',
    '/pypi/%7f',
    '/pypi/%',
    '/pypi/%zz',
    '/pypi/%c0%ae%c0%ae/',
    '/pypi/%ff',
    '/pypi/#x',
  ]) {
    assert.equal(safePath(path), undefined, path);
  }
});

test('ordinary paths are decoded once', () => {
  const table: [string, string][] = [
    ['/', ''],
    ['/pypi/simple/', 'pypi/simple/'],
    ['//pypi///simple//', 'pypi/simple/'],
    ['/npm/@scope%2fname', 'npm/@scope/name'],
    ['/npm/@scope%2Fname/-/name-1.0.0.tgz', 'npm/@scope/name/-/name-1.0.0.tgz'],
    ['/debian/pool/g%2b%2b_1%3a2.deb', 'debian/pool/g++_1:2.deb'],
    ['/debian/a+b~c', 'debian/a+b~c'],
    ['/pypi/%252e%252e/x', 'pypi/%2e%2e/x'],
    ['/pypi/...', 'pypi/...'],
    ['/pypi/a%23b', 'pypi/a#b'],
    ['/pypi/%C3%A9', 'pypi/é'],
  ];
  for (const [encoded, expected] of table) assert.equal(safePath(encoded), expected);
});

test('no accepted path has a segment that climbs, whatever comes', () => {
  const bit = fc.constantFrom(
    '/',
    '.',
    '..',
    '%2e',
    '%2f',
    '%5c',
    '\\',
    'a',
    '%00',
    '%25',
    '//',
    '?',
  );
  fc.assert(
    fc.property(fc.array(bit, { maxLength: 12 }), (bits) => {
      const judged = judge(`/${bits.join('')}`, 'localhost');
      if (!judged.accepted) return;
      assert.ok(!judged.path.startsWith('/'));
      assert.ok(!judged.path.split('/').some((segment) => segment === '.' || segment === '..'));
      assert.doesNotMatch(judged.path, /[\\\u0000]/);
    }),
    { numRuns: 500 },
  );
});
