import { chmod, open, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { XError } from '../domain/errors.js';
import { systemRandom } from '../platform/random.js';
import { syncFolder } from '../store/durable-file.js';
import { createIdentity, identityFromSeed, type Identity } from '../trust/identity.js';
import { isSealed, sealKey, sealSeed, unsealKey, unsealSeed } from '../trust/sealed-seed.js';
import { secretFor } from './key-secret.js';
import { readOrCreateSecret, readOrUndefined } from './open-data.js';
import { requireOwnKey } from './private-files.js';

/** Where a data folder's keys lie. */
export function keyPaths(folder: string): { identity: string; signing: string; next: string } {
  const keys = join(folder, 'keys');
  return {
    identity: join(keys, 'identity'),
    signing: join(keys, 'signing'),
    next: join(keys, 'signing.next'),
  };
}

/**
 * This machine's key, made on first use: its DID, its peer id. The file holds the 32-byte seed in
 * hex, or sealed by a passphrase or keyfile, readable by its owner alone.
 */
export async function openIdentity(folder: string): Promise<Identity> {
  const { identity } = keyPaths(folder);
  return await readKey(identity, await readOrCreateSecret(identity, newKeyText));
}

/** The key that signs bundles: the machine's own, or the one that took its place in a rotation. */
export async function openSigner(folder: string): Promise<Identity> {
  const { signing } = keyPaths(folder);
  const text = await readOrUndefined(signing);
  return text === undefined ? await openIdentity(folder) : await readKey(signing, text);
}

/** The key that a rotation hands over to, sealed where the machine's own is; the same one where a rotation was cut short. */
export async function openNextSigner(folder: string): Promise<Identity> {
  const { next, identity } = keyPaths(folder);
  const make = async (): Promise<string> => {
    const text = await readOrUndefined(identity);
    if (text === undefined || !isSealed(text)) return await newKeyText();
    return sealSeed(createIdentity(systemRandom), await secretFor(identity), systemRandom);
  };
  return await readKey(next, await readOrCreateSecret(next, make));
}

/** The key that a rotation is to hand over to, where one has begun. */
export async function openWaitingSigner(folder: string): Promise<Identity | undefined> {
  const { next } = keyPaths(folder);
  const text = await readOrUndefined(next);
  return text === undefined ? undefined : await readKey(next, text);
}

/** The OpenPGP key of apt repositories, armored; sealed where the machine's own key is. */
export async function openRepositoryKey(
  folder: string,
  make: () => Promise<string>,
): Promise<string> {
  const path = repositoryKeyPath(folder);
  const text = await readOrCreateSecret(path, async () => {
    const identity = await readOrUndefined(keyPaths(folder).identity);
    const armored = await make();
    if (identity === undefined || !isSealed(identity)) return armored;
    return sealRepositoryKey(armored, await secretFor(path));
  });
  return await readRepositoryKey(path, text);
}

function repositoryKeyPath(folder: string): string {
  return join(folder, 'keys', 'apt-repository.asc');
}

function sealRepositoryKey(armored: string, secret: Uint8Array): string {
  return sealKey(Buffer.from(armored), 'apt-repository', secret, systemRandom);
}

async function readRepositoryKey(path: string, text: string): Promise<string> {
  await requireOwnKey(path);
  if (!isSealed(text)) return text;
  return Buffer.from(unsealKey(text, await secretFor(path), path)).toString();
}

/** Ends a rotation: the next key is the signing key. */
export async function promoteNextSigner(folder: string): Promise<void> {
  const { next, signing } = keyPaths(folder);
  await rename(next, signing);
  await syncFolder(dirname(signing));
}

function newKeyText(): Promise<string> {
  const { seed } = createIdentity(systemRandom);
  return Promise.resolve(plainText({ seed }));
}

function plainText({ seed }: Pick<Identity, 'seed'>): string {
  return `${Buffer.from(seed).toString('hex')}\n`;
}

async function readKey(path: string, text: string): Promise<Identity> {
  await requireOwnKey(path);
  if (isSealed(text)) return unsealSeed(text, await secretFor(path), path);
  if (!SEED.test(text)) throw noKey(path);
  return identityFromSeed(Buffer.from(text.trim(), 'hex'));
}

const SEED = /^[0-9a-f]{64}\n$/;

function noKey(path: string): XError {
  return new XError('STORE_DAMAGED', `${path} does not hold a key`, {
    hint: 'Restore it from a copy; a new key would be another source to every client.',
  });
}

/** The keys that are there and are none; what is encrypted is not opened. */
export async function damagedKeys(folder: string): Promise<XError[]> {
  const { identity, signing, next } = keyPaths(folder);
  const found = await Promise.all(
    [identity, signing, next].map(async (path) => {
      const text = await readOrUndefined(path);
      return text === undefined || isSealed(text) || SEED.test(text) ? [] : [noKey(path)];
    }),
  );
  return found.flat();
}

/** Whether any key of a data folder is encrypted. */
export async function hasSealedKeys(folder: string): Promise<boolean> {
  for (const path of [...Object.values(keyPaths(folder)), repositoryKeyPath(folder)]) {
    if (isSealed((await readOrUndefined(path)) ?? '')) return true;
  }
  return false;
}

/** Writes every key of a data folder anew, sealed by a secret, or plain. Returns the files. */
export async function rewriteKeys(
  folder: string,
  secret: Uint8Array | undefined,
): Promise<string[]> {
  await openIdentity(folder);
  const written: string[] = [];
  for (const path of Object.values(keyPaths(folder))) {
    const text = await readOrUndefined(path);
    if (text === undefined) continue;
    const identity = await readKey(path, text);
    await replaceSecret(
      path,
      secret === undefined ? plainText(identity) : sealSeed(identity, secret, systemRandom),
    );
    written.push(path);
  }
  const path = repositoryKeyPath(folder);
  const text = await readOrUndefined(path);
  if (text !== undefined) {
    const armored = await readRepositoryKey(path, text);
    await replaceSecret(path, secret === undefined ? armored : sealRepositoryKey(armored, secret));
    written.push(path);
  }
  return written;
}

/** In one step: at any moment the old file is there or the new one, whole. */
async function replaceSecret(path: string, text: string): Promise<void> {
  const temporary = `${path}.new`;
  try {
    await rm(temporary, { force: true });
    const file = await open(temporary, 'wx', 0o600);
    try {
      await file.writeFile(text);
      await file.sync();
    } finally {
      await file.close();
    }
    await chmod(temporary, 0o600);
    await rename(temporary, path);
    await syncFolder(dirname(path));
  } finally {
    await rm(temporary, { force: true });
  }
}
