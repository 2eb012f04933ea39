import { base58btc } from 'multiformats/bases/base58';
import type { Did } from '../domain/bundle.js';
import { XError } from '../domain/errors.js';

/** The multicodec of an Ed25519 public key, as a varint. */
const ED25519_PREFIX = Uint8Array.of(0xed, 0x01);
const METHOD = 'did:key:';
export const PUBLIC_KEY_BYTES = 32;

/**
 * The `did:key` of an Ed25519 public key.
 * @see https://w3c-ccg.github.io/did-key-spec/ section 3.1.2
 */
export function didOfPublicKey(publicKey: Uint8Array): Did {
  return METHOD + base58btc.encode(Buffer.concat([ED25519_PREFIX, publicKey]));
}

/**
 * The 32 bytes of the Ed25519 public key that a DID is.
 * @throws XError USAGE where it is none.
 */
export function publicKeyOfDid(did: Did): Uint8Array {
  const key = decode(did);
  if (key === undefined) {
    throw new XError('USAGE', `not the DID of an Ed25519 key: "${did.slice(0, 80)}"`, {
      hint: 'A DID looks like did:key:z6Mk…; x key prints this machine’s own, x source its own.',
    });
  }
  return key;
}

/** Whether a text is the one canonical spelling of an Ed25519 key's DID. */
export function isDid(text: string): boolean {
  return decode(text) !== undefined;
}

function decode(did: string): Uint8Array | undefined {
  // 34 bytes in base58 are 47 characters; checking first keeps the decoder's quadratic loop short.
  if (!/^did:key:z[1-9A-HJ-NP-Za-km-z]{40,50}$/.test(did)) return undefined;
  const bytes = base58btc.decode(did.slice(METHOD.length));
  const isEd25519 = bytes[0] === ED25519_PREFIX[0] && bytes[1] === ED25519_PREFIX[1];
  if (!isEd25519 || bytes.length !== ED25519_PREFIX.length + PUBLIC_KEY_BYTES) return undefined;
  const key = bytes.slice(ED25519_PREFIX.length);
  return didOfPublicKey(key) === did ? key : undefined;
}
