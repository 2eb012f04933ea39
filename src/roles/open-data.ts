import { mkdir, open, readFile, rename } from 'node:fs/promises';
import { join } from 'node:path';
import type { Sha256 } from '../domain/digest.js';
import { systemCodeOf, XError } from '../domain/errors.js';
import { systemRandom } from '../platform/random.js';
import type { Catalog } from '../ports/catalog.js';
import type { Store } from '../ports/store.js';
import { openStore, type OpenStore } from '../store/open-store.js';
import { createIdentity, identityFromSeed, type Identity } from '../trust/identity.js';

/** What a data folder holds, opened. */
export interface DataFolder {
  folder: string;
  store: Store;
  catalog: Catalog;
  close(): Promise<void>;
}

/** Opens a data folder, and makes it where it is missing. */
export async function openData(
  folder: string,
  onDamage?: (message: string) => void,
): Promise<DataFolder> {
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const named = (sha256: Sha256): string =>
    opened.catalog.entriesBySha256(sha256)[0]?.path ?? `${sha256.slice(0, 16)}…`;
  const opened: OpenStore = await openStore({
    folder,
    onDamage: ({ sha256, reason, piece }) =>
      onDamage?.(
        `the copy of ${named(sha256)} here is damaged: ${piece === undefined ? reason : `piece ${piece}: ${reason}`}; it is dropped`,
      ),
  });
  return { folder, ...opened };
}

/** This machine's key, made on first use. The file holds the 32-byte seed in hex, readable by its owner alone. */
export async function openIdentity(folder: string): Promise<Identity> {
  const path = join(folder, 'keys', 'identity');
  const text = await readOrUndefined(path);
  if (text !== undefined) {
    if (!/^[0-9a-f]{64}\n$/.test(text)) {
      throw new XError('STORE_DAMAGED', `${path} does not hold a key`, {
        hint: 'Restore it from a copy; a new key would be another source to every client.',
      });
    }
    return identityFromSeed(Buffer.from(text.trim(), 'hex'));
  }
  const identity = createIdentity(systemRandom);
  await writeSecret(path, `${Buffer.from(identity.seed).toString('hex')}\n`);
  return identity;
}

/** A secret file that exists whole or not at all. */
export async function writeSecret(path: string, text: string): Promise<void> {
  await mkdir(join(path, '..'), { recursive: true, mode: 0o700 });
  const temporary = `${path}.${process.pid}.tmp`;
  const file = await open(temporary, 'w', 0o600);
  try {
    await file.writeFile(text);
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(temporary, path);
}

export async function readOrUndefined(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if (systemCodeOf(error) === 'ENOENT') return undefined;
    throw error;
  }
}
