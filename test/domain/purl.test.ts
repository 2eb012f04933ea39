import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { formatPurl, parsePurl, purlOfLine } from '../../src/domain/purl.js';

test('the parts of purls as people write them', () => {
  assert.deepEqual(parsePurl('pkg:npm/lodash@^4'), {
    type: 'npm',
    namespace: undefined,
    name: 'lodash',
    version: '^4',
    qualifiers: {},
  });
  for (const text of ['pkg:npm/%40babel/core@7.1.0', 'pkg:npm/@babel/core@7.1.0']) {
    assert.deepEqual(parsePurl(text), {
      type: 'npm',
      namespace: '@babel',
      name: 'core',
      version: '7.1.0',
      qualifiers: {},
    });
  }
  assert.deepEqual(parsePurl('pkg:npm/@babel/core')?.version, undefined);
  assert.deepEqual(
    parsePurl('pkg:deb/debian/libstdc%2B%2B6@12.2.0-14?arch=amd64&distro=bookworm'),
    {
      type: 'deb',
      namespace: 'debian',
      name: 'libstdc++6',
      version: '12.2.0-14',
      qualifiers: { arch: 'amd64', distro: 'bookworm' },
    },
  );
});

for (const bad of [
  '',
  'npm/lodash',
  'pkg:',
  'pkg:npm',
  'pkg:npm/lodash@',
  'pkg:1x/a',
  'pkg:npm/%zz',
  'pkg:npm/a?b',
]) {
  test(`"${bad}" is no purl`, () => assert.equal(parsePurl(bad), undefined));
}

test('what is formatted parses back', () => {
  const part = fc
    .string({ minLength: 1, maxLength: 12, unit: 'binary' })
    .filter((text) => text.isWellFormed());
  fc.assert(
    fc.property(part, part, fc.option(part, { nil: undefined }), (name, value, version) => {
      const purl = { type: 'deb', namespace: 'debian', name, version, qualifiers: { arch: value } };
      assert.deepEqual(parsePurl(formatPurl(purl)), purl);
    }),
  );
});

test('a line is a purl line bare or behind #x, and nothing else is', () => {
  assert.equal(purlOfLine('#x pkg:npm/lodash@^4', 'f', 3)?.purl.name, 'lodash');
  assert.equal(purlOfLine('  pkg:npm/lodash@^4  # why', 'f', 3)?.purl.version, '^4');
  for (const line of ['pkg:npm/lodash@^3 || ^4.0', '#x pkg:npm/lodash@^3 || ^4.0  # either']) {
    assert.equal(purlOfLine(line, 'f', 3)?.purl.version, '^3 || ^4.0');
  }
  assert.equal(purlOfLine('requests>=2', 'f', 1), undefined);
  assert.equal(purlOfLine('# pkg:npm/lodash', 'f', 1), undefined);
  assert.equal(purlOfLine('# plain words', 'f', 1), undefined);
});

test('a line that means to be a purl and is none says where', () => {
  assert.throws(
    () => purlOfLine('#x pkg:npm', 'req.txt', 7),
    /req\.txt:7:4: not a package URL: #x pkg:npm/,
  );
  assert.throws(() => purlOfLine('#x lodash', 'req.txt', 7), /req\.txt:7:1: not a package URL/);
});
