import { createCipheriv, createDecipheriv, scryptSync } from 'node:crypto';
import { BOUNDS } from '../domain/bounds.js';
import { XError } from '../domain/errors.js';
import type { Random } from '../ports/random.js';
import { identityFromSeed, SEED_BYTES, type Identity } from './identity.js';

/** scrypt (RFC 7914): 128 MiB and about half a second a guess. */
const COST = { N: 1 << 17, r: 8, p: 1 } as const;
const SALT_BYTES = 16;
const NONCE_BYTES = 12;
const TAG_BYTES = 16;

interface SealedSeed {
  format: 'x-sealed-key-1';
  did: string;
  kdf: { name: 'scrypt'; N: number; r: number; p: number; salt: string };
  nonce: string;
  /** The seed under AES-256-GCM, its tag behind it; the DID is authenticated with it. */
  sealed: string;
}

/** A key's file when it is encrypted. @param secret a passphrase, or a keyfile's bytes. */
export function sealSeed(identity: Identity, secret: Uint8Array, random: Random): string {
  const salt = random.bytes(SALT_BYTES);
  const nonce = random.bytes(NONCE_BYTES);
  const cipher = createCipheriv('aes-256-gcm', keyOf(secret, salt, COST), nonce);
  cipher.setAAD(Buffer.from(identity.did));
  const sealed = Buffer.concat([cipher.update(identity.seed), cipher.final(), cipher.getAuthTag()]);
  const value: SealedSeed = {
    format: 'x-sealed-key-1',
    did: identity.did,
    kdf: { name: 'scrypt', ...COST, salt: hex(salt) },
    nonce: hex(nonce),
    sealed: hex(sealed),
  };
  return `${JSON.stringify(value)}\n`;
}

/** Whether a key's file is an encrypted one. */
export function isSealed(text: string): boolean {
  return text.startsWith('{"format":"x-sealed-key-');
}

/**
 * @throws XError STORE_DAMAGED where the file is none, KEY_LOCKED where the secret is not the one.
 */
export function unsealSeed(text: string, secret: Uint8Array, where: string): Identity {
  const { did, kdf, nonce, sealed } = parse(text, where);
  const body = Buffer.from(sealed, 'hex');
  const key = keyOf(secret, Buffer.from(kdf.salt, 'hex'), kdf);
  const decipher = createDecipheriv('aes-256-gcm', key, Buffer.from(nonce, 'hex'));
  decipher.setAAD(Buffer.from(did));
  decipher.setAuthTag(body.subarray(SEED_BYTES));
  try {
    const seed = Buffer.concat([decipher.update(body.subarray(0, SEED_BYTES)), decipher.final()]);
    return identityFromSeed(seed);
  } catch (cause) {
    throw new XError('KEY_LOCKED', `${where}: the passphrase or keyfile is not the right one`, {
      hint: 'Try again; without it the key is lost, and only a copy of it helps.',
      cause,
    });
  }
}

function parse(text: string, where: string): SealedSeed {
  const damaged = (cause?: unknown): XError =>
    new XError('STORE_DAMAGED', `${where} does not hold a key`, {
      hint: 'Restore it from a copy; a new key would be another source to every client.',
      cause,
    });
  let value: Partial<SealedSeed>;
  try {
    value = JSON.parse(text) as Partial<SealedSeed>;
  } catch (cause) {
    throw damaged(cause);
  }
  const { format, did, kdf, nonce, sealed } = value;
  const isSound =
    format === 'x-sealed-key-1' &&
    typeof did === 'string' &&
    isHex(nonce, NONCE_BYTES) &&
    isHex(sealed, SEED_BYTES + TAG_BYTES) &&
    isHex(kdf?.salt, SALT_BYTES) &&
    [kdf?.N, kdf?.r, kdf?.p].every((cost) => Number.isSafeInteger(cost) && Number(cost) > 0);
  // A file that asks for more than this would keep the process busy for ever.
  const memoryBytes = 128 * Number(kdf?.N) * Number(kdf?.r) * Number(kdf?.p);
  if (!isSound || memoryBytes > BOUNDS.keyDerivationBytes) throw damaged();
  return value as SealedSeed;
}

function keyOf(
  secret: Uint8Array,
  salt: Uint8Array,
  { N, r, p }: { N: number; r: number; p: number },
): Buffer {
  return scryptSync(secret, salt, 32, { N, r, p, maxmem: 2 * BOUNDS.keyDerivationBytes });
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex');
}

function isHex(value: unknown, bytes: number): boolean {
  return typeof value === 'string' && value.length === 2 * bytes && /^[0-9a-f]*$/.test(value);
}
