import assert from 'node:assert/strict';
import { test } from 'node:test';
import { expandTargets, type TargetFlags } from '../../src/domain/expand-targets.js';
import { formatTarget, parseTarget } from '../../src/domain/target.js';

const host = parseTarget('linux/amd64/glibc2.36,python=3.11.7,node=20.20.2,debian=bookworm');
const none = { targets: [], pythons: [], nodes: [], platforms: [], libcs: [] };
const ids = (flags: Partial<TargetFlags>): string[] =>
  expandTargets(host, { ...none, ...flags }).map(formatTarget);

test('nothing said: the host', () => assert.deepEqual(ids({}), [formatTarget(host)]));

test('a whole target is taken as it is, once', () => {
  assert.deepEqual(ids({ targets: ['windows/amd64,python=3.12', 'windows/x86_64,python=3.12'] }), [
    'windows/amd64,python=3.12',
  ]);
});

test("lists multiply, and what is not listed is the host's", () => {
  assert.deepEqual(
    ids({
      pythons: ['3.9', '3.12'],
      platforms: ['linux/amd64', 'linux/arm64', 'windows/amd64', 'macos14/arm64'],
      nodes: ['22'],
    }),
    [
      'linux/amd64/glibc2.36,python=3.9,node=22,debian=bookworm',
      'linux/amd64/glibc2.36,python=3.12,node=22,debian=bookworm',
      'linux/arm64/glibc2.28,python=3.9,node=22,debian=bookworm',
      'linux/arm64/glibc2.28,python=3.12,node=22,debian=bookworm',
      'windows/amd64,python=3.9,node=22',
      'windows/amd64,python=3.12,node=22',
      'macos14/arm64,python=3.9,node=22',
      'macos14/arm64,python=3.12,node=22',
    ],
  );
});

test('a C library list applies to linux alone', () => {
  assert.deepEqual(ids({ libcs: ['glibc2.28', 'musl1.2'], pythons: ['3.12'] }), [
    'linux/amd64/glibc2.28,python=3.12,node=20.20.2,debian=bookworm',
    'linux/amd64/musl1.2,python=3.12,node=20.20.2',
  ]);
});

test('a bad value is a usage error', () => {
  assert.throws(() => ids({ pythons: ['three'] }), /cannot read "python=three"/);
});
