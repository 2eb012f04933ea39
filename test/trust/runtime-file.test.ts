import assert from 'node:assert/strict';
import { test } from 'node:test';
import { XError } from '../../src/domain/errors.js';
import { decodeRuntime, encodeRuntime, runtimeId } from '../../src/trust/runtime-file.js';
import { identity } from './sample.js';

const source = identity('source');
const told = {
  createdAt: '2026-11-01T10:00:00Z',
  version: '1.2.3',
  platform: 'linux/amd64/glibc',
  node: 'v24.1.0',
  sums: 'ab'.repeat(32),
  archive: { name: 'x-1.2.3.tar.gz', lengthBytes: 5, sha256: 'cd'.repeat(32) },
};
const bytes = Buffer.from(encodeRuntime(told, source));
const codeOf = (altered: Uint8Array): string => {
  try {
    decodeRuntime(altered, 'here');
    return 'taken';
  } catch (thrown) {
    assert.ok(thrown instanceof XError, String(thrown));
    return thrown.code;
  }
};

test('what was signed is read back, and names its folder', () => {
  const read = decodeRuntime(bytes, 'here');
  assert.equal(read.source, source.did);
  assert.deepEqual({ ...told, ...read }, read);
  assert.deepEqual(read.archive, told.archive);
  const id = runtimeId({ ...told, source: source.did });
  assert.equal(id, '1.2.3-linux-amd64-glibc-cdcdcdcdcdcd');
});

test('no byte of it can be changed', () => {
  for (let at = 0; at < bytes.length; at += 1) {
    const altered = Buffer.from(bytes);
    altered[at] = (altered[at] ?? 0) ^ 1;
    assert.notEqual(codeOf(altered), 'taken', `byte ${at}`);
  }
  for (const cut of [0, 10, bytes.length - 130, bytes.length - 2]) {
    assert.notEqual(codeOf(bytes.subarray(0, cut)), 'taken', `cut at ${cut}`);
  }
  assert.notEqual(codeOf(Buffer.concat([bytes, Buffer.from('more')])), 'taken');
});

test('names that leave a folder are refused, whoever signs them', () => {
  const signed = (change: object): Uint8Array => encodeRuntime({ ...told, ...change }, source);
  const archive = told.archive;
  const bad = [
    { archive: { ...archive, name: '../x.tar.gz' } },
    { archive: { ...archive, name: '.x' } },
    { archive: { ...archive, lengthBytes: -1 } },
    { version: '1.2.3/..' },
    { platform: '../amd64' },
    { createdAt: 'today' },
    { sums: 'ab' },
  ];
  for (const change of bad) {
    assert.equal(codeOf(signed(change)), 'INPUT_MALFORMED', JSON.stringify(change));
  }
});
