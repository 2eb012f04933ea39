import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { registryKeys } from '../../src/ecosystems/npm/registry-keys.js';
import { checkSignatures, type RegistryKey } from '../../src/ecosystems/npm/signatures.js';

const root = fileURLToPath(new URL('../../../', import.meta.url));
const file = resolve(root, process.env['X_VECTORS'] ?? '../shared/vectors', 'npm-signatures.json');
const skip = existsSync(file) ? false : `no vectors at ${file}`;

interface Vectors {
  keys: { keyid: string; spki: string; validFor: { start: string; end?: string } }[];
  signatures: { name: string; version: string; integrity: string; keyid: string; sig: string }[];
}

function vectors(): Vectors {
  return JSON.parse(readFileSync(file, 'utf8')) as Vectors;
}

test('the keys that this machine has itself are the registry’s', { skip }, () => {
  const published: RegistryKey[] = vectors().keys.map(({ keyid, spki, validFor }) => ({
    keyid,
    spki,
    end: validFor.end,
  }));
  assert.deepEqual(registryKeys(), published);
});

test('real signatures hold, and not with one bit changed', { skip }, () => {
  const { signatures } = vectors();
  assert.ok(signatures.length > 0);
  for (const { keyid, sig, ...subject } of signatures) {
    const check = (what: typeof subject, signature: string): string =>
      checkSignatures(what, [{ keyid, sig: signature }], registryKeys()).verdict;
    assert.equal(check(subject, sig), 'holds');
    const bytes = Buffer.from(sig, 'base64');
    for (let bit = 0; bit < bytes.length * 8; bit += 13) {
      const changed = Buffer.from(bytes);
      changed[bit >> 3]! ^= 1 << (bit & 7);
      assert.equal(check(subject, changed.toString('base64')), 'broken', `bit ${bit}`);
    }
    assert.equal(check({ ...subject, version: `${subject.version}0` }, sig), 'broken');
    assert.equal(check({ ...subject, name: 'other' }, sig), 'broken');
    const integrity = `sha512-${subject.integrity.slice('sha512-'.length).split('').reverse().join('')}`;
    assert.equal(check({ ...subject, integrity }, sig), 'broken');
    assert.equal(
      checkSignatures(subject, [{ keyid: 'SHA256:x', sig }], registryKeys()).verdict,
      'unknown-key',
    );
  }
});

test('a key that had ended when the release was published does not count', { skip }, () => {
  const [ended] = vectors().keys.filter(({ validFor }) => validFor.end !== undefined);
  const [signature] = vectors().signatures;
  assert.ok(ended && signature);
  const { keyid, sig, ...subject } = signature;
  const keys = registryKeys().map((key) => ({ ...key, end: '2020-01-01T00:00:00.000Z' }));
  const late = { ...subject, publishedAt: '2026-01-01T00:00:00.000Z' };
  assert.equal(checkSignatures(late, [{ keyid, sig }], keys).verdict, 'broken');
  assert.equal(checkSignatures(late, [{ keyid, sig }], registryKeys()).verdict, 'holds');
});
