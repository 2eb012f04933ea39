import assert from 'node:assert/strict';
import { createPrivateKey, createPublicKey, sign, type KeyObject } from 'node:crypto';
import type { Did } from '../domain/bundle.js';
import { XError } from '../domain/errors.js';
import type { Random } from '../ports/random.js';
import { didOfPublicKey, PUBLIC_KEY_BYTES } from './did.js';

export const SEED_BYTES = 32;

/** DER of a PKCS#8 Ed25519 private key up to its seed (RFC 8410 section 7). */
const PKCS8_PREFIX = Buffer.from('302e020100300506032b657004220420', 'hex');

/** One machine's Ed25519 key: its DID, its libp2p peer id and its TUF key are the same key. */
export interface Identity {
  readonly did: Did;
  /** 32 bytes. */
  readonly publicKey: Uint8Array;
  /** 32 bytes, secret (RFC 8032's private key). */
  readonly seed: Uint8Array;
  /** The 64-byte Ed25519 signature (RFC 8032), the same for the same bytes. */
  sign(bytes: Uint8Array): Uint8Array;
}

/** A new identity. */
export function createIdentity(random: Random): Identity {
  return identityFromSeed(random.bytes(SEED_BYTES));
}

/** The identity of a 32-byte seed. */
export function identityFromSeed(seed: Uint8Array): Identity {
  assert.equal(seed.length, SEED_BYTES, 'an Ed25519 seed has 32 bytes');
  const key = createPrivateKey({
    key: Buffer.concat([PKCS8_PREFIX, seed]),
    format: 'der',
    type: 'pkcs8',
  });
  return identityOfKey(key, Uint8Array.from(seed));
}

/** The identity as PKCS#8 PEM, the form in which it is kept on disk. */
export function identityToPem(identity: Identity): string {
  const body = Buffer.concat([PKCS8_PREFIX, identity.seed]).toString('base64');
  return `-----BEGIN PRIVATE KEY-----\n${body}\n-----END PRIVATE KEY-----\n`;
}

/**
 * The identity in a PKCS#8 PEM text.
 * @param where names the text in the error.
 * @throws XError INPUT_MALFORMED where it is no Ed25519 private key.
 */
export function identityFromPem(pem: string, where: string): Identity {
  let key: KeyObject;
  try {
    key = createPrivateKey(pem);
  } catch (cause) {
    throw notAnEd25519Key(where, cause);
  }
  if (key.asymmetricKeyType !== 'ed25519') throw notAnEd25519Key(where);
  const der = key.export({ format: 'der', type: 'pkcs8' });
  return identityOfKey(key, Uint8Array.from(der.subarray(-SEED_BYTES)));
}

function identityOfKey(key: KeyObject, seed: Uint8Array): Identity {
  const spki = createPublicKey(key).export({ format: 'der', type: 'spki' });
  const publicKey = Uint8Array.from(spki.subarray(-PUBLIC_KEY_BYTES));
  return {
    did: didOfPublicKey(publicKey),
    publicKey,
    seed,
    sign: (bytes) => sign(null, bytes, key),
  };
}

function notAnEd25519Key(where: string, cause?: unknown): XError {
  return new XError('INPUT_MALFORMED', `${where} holds no Ed25519 private key in PKCS#8 PEM`, {
    hint: 'Restore the file from a backup, or move it away to get a new identity with a new DID.',
    cause,
  });
}
