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

/** The most that a sealed key may be: an OpenPGP key is larger than a seed. */
const SEALED_BYTES = 64 << 10;

interface Sealed {
  format: 'x-sealed-key-1';
  /** Whose key it is; for the key of apt repositories the word `apt-repository`. */
  did: string;
  kdf: { name: 'scrypt'; N: number; r: number; p: number; salt: string };
  nonce: string;
  /** The key under AES-256-GCM, its tag behind it; the DID is authenticated with it. */
  sealed: string;
}

/** A key's file when it is encrypted. @param secret a passphrase, or a keyfile's bytes. */
export function sealSeed(identity: Identity, secret: Uint8Array, random: Random): string {
  return sealKey(identity.seed, identity.did, secret, random);
}

/** @param did Says whose key it is, and is authenticated with it. */
export function sealKey(key: Uint8Array, did: string, secret: Uint8Array, random: Random): string {
  const salt = random.bytes(SALT_BYTES);
  const nonce = random.bytes(NONCE_BYTES);
  const cipher = createCipheriv('aes-256-gcm', keyOf(secret, salt, COST), nonce);
  cipher.setAAD(Buffer.from(did));
  const sealed = Buffer.concat([cipher.update(key), cipher.final(), cipher.getAuthTag()]);
  const value: Sealed = {
    format: 'x-sealed-key-1',
    did,
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
  const seed = unsealKey(text, secret, where);
  if (seed.length !== SEED_BYTES) throw damaged(where);
  return identityFromSeed(seed);
}

/** @throws XError as `unsealSeed`. */
export function unsealKey(text: string, secret: Uint8Array, where: string): Uint8Array {
  const { did, kdf, nonce, sealed } = parse(text, where);
  const body = Buffer.from(sealed, 'hex');
  const key = keyOf(secret, Buffer.from(kdf.salt, 'hex'), kdf);
  const decipher = createDecipheriv('aes-256-gcm', key, Buffer.from(nonce, 'hex'));
  decipher.setAAD(Buffer.from(did));
  const end = body.length - TAG_BYTES;
  decipher.setAuthTag(body.subarray(end));
  try {
    return Buffer.concat([decipher.update(body.subarray(0, end)), decipher.final()]);
  } catch (cause) {
    throw new XError('KEY_LOCKED', `${where}: the passphrase or keyfile is not the right one`, {
      hint: 'Try again; without it the key is lost, and only a copy of it helps.',
      cause,
    });
  }
}

function damaged(where: string, cause?: unknown): XError {
  return new XError('STORE_DAMAGED', `${where} does not hold a key`, {
    hint: 'Restore it from a copy; a new key would be another source to every client.',
    cause,
  });
}

function parse(text: string, where: string): Sealed {
  let value: Partial<Sealed>;
  try {
    value = JSON.parse(text) as Partial<Sealed>;
  } catch (cause) {
    throw damaged(where, cause);
  }
  const { format, did, kdf, nonce, sealed } = value;
  const isSound =
    format === 'x-sealed-key-1' &&
    typeof did === 'string' &&
    isHex(nonce, NONCE_BYTES) &&
    isHex(sealed) &&
    sealed.length > 2 * TAG_BYTES &&
    sealed.length <= 2 * SEALED_BYTES &&
    isHex(kdf?.salt, SALT_BYTES) &&
    isBearable(kdf);
  if (!isSound) throw damaged(where);
  return value as Sealed;
}

/** Costs that scrypt takes; a file that asks for more would keep the process busy for ever. */
function isBearable({ N, r, p }: Partial<Sealed['kdf']> = {}): boolean {
  const costs = [N, r, p].map((cost) => (typeof cost === 'number' ? cost : Number.NaN));
  const isSound = costs.every((cost) => Number.isSafeInteger(cost) && cost > 0);
  const isPowerOf2 = Number.isInteger(Math.log2(Number(N))) && Number(N) > 1;
  const memoryBytes = costs.reduce((product, cost) => product * cost, 128);
  return isSound && isPowerOf2 && memoryBytes <= BOUNDS.keyDerivationBytes;
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

function isHex(value: unknown, bytes?: number): value is string {
  if (typeof value !== 'string' || !/^(?:[0-9a-f]{2})*$/.test(value)) return false;
  return bytes === undefined || value.length === 2 * bytes;
}
