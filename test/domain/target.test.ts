import assert from 'node:assert/strict';
import { test } from 'node:test';
import { XError } from '../../src/domain/errors.js';
import { formatTarget, parseTarget } from '../../src/domain/target.js';

for (const text of [
  'linux/amd64/glibc2.36,python=3.12,node=22,debian=bookworm',
  'linux/arm64/musl1.2,python=3.13t',
  'macos14/arm64,node=24.1.0',
  'macos/amd64',
  'windows/amd64,python=pypy3.10',
]) {
  test(`${text} is its own canonical form`, () => {
    assert.equal(formatTarget(parseTarget(text)), text);
  });
}

test("other people's names of an architecture become Debian's", () => {
  assert.equal(formatTarget(parseTarget('linux/x86_64/glibc2.28')), 'linux/amd64/glibc2.28');
  assert.equal(formatTarget(parseTarget('linux/aarch64')), 'linux/arm64');
});

for (const [text, ...parts] of [
  ['', 'unknown system ""'],
  ['plan9/amd64', 'unknown system "plan9"'],
  ['linux', 'no architecture'],
  ['linux/amd64/uclibc1', 'unknown C library "uclibc1"'],
  ['windows/amd64/glibc2.36', 'unknown C library'],
  ['linux6/amd64', 'only macos takes a version'],
  ['linux/amd64/glibc2.36/more', 'too many parts'],
  ['plan9/amd64,python=two,ruby=3', 'unknown system', 'python=two', 'ruby=3'],
] as const) {
  test(`"${text}" is refused, every wrong part named`, () => {
    assert.throws(
      () => parseTarget(text),
      (error: unknown) =>
        error instanceof XError &&
        error.exitCode === 2 &&
        parts.every((part) => error.message.includes(part)),
    );
  });
}
