import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { compareVersions } from '../../src/ecosystems/debian/version.js';

const file = join(process.env['X_VECTORS'] ?? '../shared/vectors', 'dpkg-versions.json');
const skip = existsSync(file) ? false : `no vectors at ${file}`;

test('versions are ordered as dpkg orders them', { skip }, () => {
  const vectors = JSON.parse(readFileSync(file, 'utf8')) as { a: string; b: string; cmp: number }[];
  assert.ok(vectors.length >= 800);
  const wrong = vectors.filter(
    ({ a, b, cmp }) =>
      Math.sign(compareVersions(a, b)) !== cmp || Math.sign(compareVersions(b, a)) !== -cmp,
  );
  assert.deepEqual(wrong, []);
});
