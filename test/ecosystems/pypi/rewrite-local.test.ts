import assert from 'node:assert/strict';
import { test } from 'node:test';
import { rewriteLocalFile } from '../../../src/ecosystems/pypi/rewrite-local.js';

const GATEWAY = 'http://127.0.0.1:8470';
const rewritten = (text: string, path = 'requirements.txt'): string | undefined =>
  rewriteLocalFile({ path, text }, GATEWAY);

test('indexes of its own become the gateway, line by line', () => {
  assert.equal(
    rewritten(
      '# ours\r\n--index-url https://a.example/simple\r\n--extra-index-url https://b.example/simple\r\nsix==1.17.0\r\nx @ https://c.example/x-2.0-py3-none-any.whl\r\n',
    ),
    '# ours\r\n--index-url http://127.0.0.1:8470/pypi/simple/\r\n\r\nsix==1.17.0\r\nx==2.0\r\n',
  );
});

test('a file without any is left where it lies', () => {
  assert.equal(rewritten('six==1.17.0\n'), undefined);
});

test('so is one that names others beside it: a copy would not find them', () => {
  for (const line of [
    ...['-r other.txt', '-cother.txt', '-e .', './local', 'wheels/a-1.0-py3-none-any.whl'],
    ...['a-1.0.tar.gz', 'a @ file:///srv/a-1.0.tar.gz', '/srv/a'],
  ]) {
    assert.equal(rewritten(`--index-url https://a.example/simple\n${line}\n`), undefined, line);
  }
  assert.equal(rewritten('--index-url https://a.example/simple\n', 'pyproject.toml'), undefined);
});
