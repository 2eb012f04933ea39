import assert from 'node:assert/strict';
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { XError } from '../../src/domain/errors.js';
import { openIdentity, readOrCreateSecret } from '../../src/roles/open-data.js';

let folder: string;
before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'x-keys-'));
});
after(() => rm(folder, { recursive: true }));

test('of many that make a secret at once all get the one that stays', async () => {
  const path = join(folder, 'keys', 'secret');
  // Each makes its own only when all have found none.
  let waiting = 0;
  let go = (): void => undefined;
  const all = new Promise<void>((resolve) => {
    go = resolve;
  });
  const make = async (name: string): Promise<string> => {
    waiting += 1;
    if (waiting === 4) go();
    await all;
    return name;
  };
  const texts = await Promise.all(
    ['a', 'b', 'c', 'd'].map((name) => readOrCreateSecret(path, () => make(name))),
  );
  assert.equal(waiting, 4);
  const kept = await readFile(path, 'utf8');
  assert.deepEqual(texts, [kept, kept, kept, kept]);
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
