import { createPublicKey, verify } from 'node:crypto';
import type { Did } from '../domain/bundle.js';
import { publicKeyOfDid } from './did.js';

/** DER of an Ed25519 public key up to its 32 bytes (RFC 8410 section 4). */
const SPKI_PREFIX = Buffer.from('302a300506032b6570032100', 'hex');

/** Whether the key that a DID is has signed these bytes (RFC 8032). */
export function isSignedBy(did: Did, bytes: Uint8Array, signature: Uint8Array): boolean {
  const der = Buffer.concat([SPKI_PREFIX, publicKeyOfDid(did)]);
  const key = createPublicKey({ key: der, format: 'der', type: 'spki' });
  return verify(null, bytes, key, signature);
}
