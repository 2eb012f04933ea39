import assert from 'node:assert/strict';
import { chmod, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import { XError, type ErrorCode } from '../../src/domain/errors.js';
import { newSecret } from '../../src/roles/key-secret.js';
import {
  hasSealedKeys,
  keyPaths,
  openIdentity,
  openNextSigner,
  openRepositoryKey,
  openSigner,
  promoteNextSigner,
  rewriteKeys,
} from '../../src/roles/open-keys.js';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'x-keys-'));
});
afterEach(async () => {
  delete process.env['X_KEY_FILE'];
  delete process.env['X_KEY_PASSPHRASE'];
  await rm(folder, { recursive: true });
});
const hasCode =
  (code: ErrorCode) =>
  (error: unknown): boolean =>
    error instanceof XError && error.code === code;

test('a key that others may read is refused, and the message says how to mend it', async () => {
  const { did } = await openIdentity(folder);
  const { identity } = keyPaths(folder);
  for (const mode of [0o644, 0o640, 0o604, 0o602]) {
    await chmod(identity, mode);
    await assert.rejects(openIdentity(folder), hasCode('KEY_EXPOSED'));
  }
  await chmod(identity, 0o600);
  assert.equal((await openIdentity(folder)).did, did);
});

test('a key in a folder that others may write to is refused: it could be theirs', async () => {
  const { did } = await openIdentity(folder);
  const keys = join(folder, 'keys');
  for (const mode of [0o777, 0o720, 0o1777]) {
    await chmod(keys, mode);
    await assert.rejects(openIdentity(folder), hasCode('KEY_EXPOSED'));
  }
  await chmod(keys, 0o755);
  assert.equal((await openIdentity(folder)).did, did);
});

test('who gives nothing to encrypt with is told so, not that the key is encrypted', async () => {
  await assert.rejects(newSecret(), (error: unknown) => {
    assert.ok(error instanceof XError);
    assert.deepEqual([error.code, /X_KEY_PASSPHRASE/.test(error.hint ?? '')], ['USAGE', true]);
    return !/is encrypted/.test(error.message);
  });
});

test('encrypted with a passphrase or a keyfile, keys open with it alone, and again without', async () => {
  const { did } = await openIdentity(folder);
  const { identity } = keyPaths(folder);
  const seed = await readFile(identity, 'utf8');
  process.env['X_KEY_PASSPHRASE'] = 'correct horse';
  assert.equal(await hasSealedKeys(folder), false);
  await rewriteKeys(folder, await newSecret());
  assert.equal(await hasSealedKeys(folder), true);
  assert.ok(!(await readFile(identity, 'utf8')).includes(seed.trim()));
  assert.equal((await stat(identity)).mode & 0o777, 0o600);
  assert.equal((await openIdentity(folder)).did, did);
  process.env['X_KEY_PASSPHRASE'] = 'wrong horse';
  await assert.rejects(openIdentity(folder), hasCode('KEY_LOCKED'));
  delete process.env['X_KEY_PASSPHRASE'];
  await assert.rejects(openIdentity(folder), hasCode('KEY_LOCKED'));

  process.env['X_KEY_PASSPHRASE'] = 'correct horse';
  await rewriteKeys(folder, undefined);
  delete process.env['X_KEY_PASSPHRASE'];
  assert.equal(await readFile(identity, 'utf8'), seed);

  const keyfile = join(folder, 'token');
  process.env['X_KEY_FILE'] = keyfile;
  await assert.rejects(newSecret(), hasCode('INPUT_NOT_FOUND'));
  process.env['X_KEY_FILE'] = folder;
  await assert.rejects(newSecret(), hasCode('INPUT_NOT_FOUND'));
  process.env['X_KEY_FILE'] = keyfile;
  await writeFile(keyfile, 'short', { mode: 0o600 });
  await assert.rejects(newSecret(), hasCode('USAGE'));
  await writeFile(keyfile, Buffer.alloc(32, 5));
  await chmod(keyfile, 0o644);
  await assert.rejects(newSecret(), hasCode('KEY_EXPOSED'));
  await chmod(keyfile, 0o600);
  await rewriteKeys(folder, await newSecret());
  assert.equal((await openIdentity(folder)).did, did);
  await openNextSigner(folder);
  assert.match(await readFile(keyPaths(folder).next, 'utf8'), /x-sealed-key-1/);
});

test('the key of apt repositories is sealed with the others, and made sealed where they are', async () => {
  const path = join(folder, 'keys', 'apt-repository.asc');
  const never = (): Promise<string> => Promise.reject(new Error('it was there'));
  await openIdentity(folder);
  assert.equal(await openRepositoryKey(folder, () => Promise.resolve('armored')), 'armored');
  process.env['X_KEY_PASSPHRASE'] = 'correct horse';
  assert.ok((await rewriteKeys(folder, await newSecret())).includes(path));
  assert.ok(!(await readFile(path, 'utf8')).includes('armored'));
  assert.equal((await stat(path)).mode & 0o777, 0o600);
  assert.equal(await openRepositoryKey(folder, never), 'armored');
  process.env['X_KEY_PASSPHRASE'] = 'wrong horse';
  await assert.rejects(openRepositoryKey(folder, never), hasCode('KEY_LOCKED'));
  process.env['X_KEY_PASSPHRASE'] = 'correct horse';
  await chmod(path, 0o644);
  await assert.rejects(openRepositoryKey(folder, never), hasCode('KEY_EXPOSED'));
  await rm(path);
  assert.equal(await openRepositoryKey(folder, () => Promise.resolve('another')), 'another');
  assert.match(await readFile(path, 'utf8'), /x-sealed-key-1/);
  await rewriteKeys(folder, undefined);
  assert.equal(await readFile(path, 'utf8'), 'another');
});

test('a rotation that was cut short goes on with the same key', async () => {
  const own = await openIdentity(folder);
  assert.equal((await openSigner(folder)).did, own.did);
  const next = await openNextSigner(folder);
  assert.equal((await openNextSigner(folder)).did, next.did);
  await promoteNextSigner(folder);
  assert.equal((await openSigner(folder)).did, next.did);
  assert.equal((await openIdentity(folder)).did, own.did);
});
