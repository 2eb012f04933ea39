import { chmod, open, readFile, rename, rm, stat, statfs } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline/promises';
import { Writable } from 'node:stream';
import { messageOf, XError } from '../domain/errors.js';
import { systemRandom } from '../platform/random.js';
import { syncFolder } from '../store/durable-file.js';
import { createIdentity, identityFromSeed, type Identity } from '../trust/identity.js';
import { isSealed, sealKey, sealSeed, unsealKey, unsealSeed } from '../trust/sealed-seed.js';
import { readOrCreateSecret, readOrUndefined } from './open-data.js';

const GROUP_AND_OTHERS = 0o077;

/** statfs types of FAT and exFAT. */
const FAT_TYPES = new Set([0x4d44, 0x2011bab0]);

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
  await requirePrivate(path);
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
  await requirePrivate(path);
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

/** @throws XError KEY_EXPOSED where others than its owner may read or write a secret. */
export async function requirePrivate(
  path: string,
  next = 'if somebody may have read it, `x key rotate` ends its word',
): Promise<void> {
  if (process.platform === 'win32') return;
  const { mode } = await stat(path);
  if ((mode & GROUP_AND_OTHERS) === 0) return;
  // FAT keeps no permissions: who mounted it decides for every file alike.
  if (FAT_TYPES.has(Number((await statfs(path)).type))) return;
  const shown = (mode & 0o777).toString(8);
  throw new XError('KEY_EXPOSED', `${path} may be read by others than its owner (mode ${shown})`, {
    hint: `Run \`chmod 600 ${path}\`; ${next}.`,
  });
}

/** The passphrase or keyfile: X_KEY_FILE, X_KEY_PASSPHRASE, or a question on a terminal. */
async function secretFor(path: string): Promise<Uint8Array> {
  const { X_KEY_FILE: file, X_KEY_PASSPHRASE: passphrase } = process.env;
  if (file !== undefined && file !== '') return await readKeyfile(file);
  if (passphrase !== undefined && passphrase !== '') return Buffer.from(passphrase);
  if (process.stdin.isTTY && process.stderr.isTTY)
    return await askPassphrase(`Passphrase of ${path}: `);
  throw new XError('KEY_LOCKED', `${path} is encrypted`, {
    hint: 'Set X_KEY_FILE to the keyfile, or X_KEY_PASSPHRASE to the passphrase.',
  });
}

async function readKeyfile(file: string): Promise<Uint8Array> {
  await requirePrivate(file).catch((error: unknown) => {
    if (error instanceof XError) throw error;
    throw new XError('INPUT_NOT_FOUND', `the keyfile ${file}: ${messageOf(error)}`);
  });
  const bytes = await readFile(file);
  if (bytes.length >= 16) return bytes;
  throw new XError('USAGE', `the keyfile ${file} has ${bytes.length} bytes; 16 are the least`, {
    hint: 'Make one with: head -c 32 /dev/urandom > FILE && chmod 600 FILE',
  });
}

async function askPassphrase(question: string): Promise<Uint8Array> {
  process.stderr.write(question);
  // What is typed is not shown.
  const output = new Writable({ write: (_chunk, _encoding, done) => done() });
  const prompt = createInterface({ input: process.stdin, output, terminal: true });
  try {
    return Buffer.from(await prompt.question(''));
  } finally {
    prompt.close();
    process.stderr.write('\n');
  }
}

/** The secret that keys are to be sealed with from now on; asked twice on a terminal. */
export async function newSecret(): Promise<Uint8Array> {
  const { X_KEY_FILE: file, X_KEY_PASSPHRASE: passphrase } = process.env;
  if (file || passphrase || !process.stdin.isTTY) {
    const secret = await secretFor('the key');
    if (secret.length >= 8) return secret;
  } else {
    const [first, second] = [
      await askPassphrase('New passphrase: '),
      await askPassphrase('Once more: '),
    ];
    if (Buffer.compare(first, second) !== 0) {
      throw new XError('USAGE', 'the two passphrases differ', { hint: 'Try again.' });
    }
    if (first.length >= 8) return first;
  }
  throw new XError('USAGE', 'the passphrase is too short', { hint: 'Give 8 characters or more.' });
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
