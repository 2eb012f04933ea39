import assert from 'node:assert/strict';
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { XError } from '../../src/domain/errors.js';
import { readOrCreateSecret } from '../../src/roles/open-data.js';
import { openIdentity } from '../../src/roles/open-keys.js';

let folder: string;
before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'x-keys-'));
});
after(() => rm(folder, { recursive: true }));

test('a secret that another made in the meantime stays, and is what both get', async () => {
  const path = join(folder, 'keys', 'secret');
  let first: string | undefined;
  const late = await readOrCreateSecret(path, async () => {
    first = await readOrCreateSecret(path, () => Promise.resolve('first'));
    return 'late';
  });
  assert.deepEqual([first, late, await readFile(path, 'utf8')], ['first', 'first', 'first']);
  assert.deepEqual(await readdir(join(folder, 'keys')), ['secret'], 'nothing half made is left');
  if (process.platform !== 'win32') assert.equal((await stat(path)).mode & 0o777, 0o600);
});

test('a machine’s key is made once, also by two at once, and a damaged one is not replaced', async () => {
  const data = join(folder, 'data');
  const [a, b] = await Promise.all([openIdentity(data), openIdentity(data)]);
  assert.equal(a.did, b.did);
  assert.equal((await openIdentity(data)).did, a.did);
  await writeFile(join(data, 'keys', 'identity'), '');
  await assert.rejects(
    openIdentity(data),
    (error: unknown) => error instanceof XError && error.code === 'STORE_DAMAGED',
  );
});
