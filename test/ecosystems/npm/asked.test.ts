import assert from 'node:assert/strict';
import { test } from 'node:test';
import { askedVersions, neverCarried } from '../../../src/ecosystems/npm/asked.js';

test('the versions that a command line names; files, addresses and aliases name none', () => {
  const words =
    'install lodash@1 @a/b@^2 left-pad ./local.tgz git+ssh://git@host/x.git -D c@latest';
  assert.deepEqual(askedVersions(words.split(' ')), [
    { name: 'lodash', version: '1' },
    { name: '@a/b', version: '^2' },
    { name: 'c', version: 'latest' },
  ]);
});

test('who makes a project names no package: create vite@latest asks for create-vite', () => {
  for (const command of ['create', 'init', 'innit'])
    assert.deepEqual(askedVersions([command, 'vite@latest', '--', '--help']), []);
});

test('what asks for an account, or changes a registry, is said to be in vain', () => {
  for (const words of [['publish'], ['login'], ['npm', 'publish']])
    assert.match(neverCarried(words) ?? '', /nothing can be published to it/);
  assert.equal(neverCarried(['install', 'publish']), undefined);
});
