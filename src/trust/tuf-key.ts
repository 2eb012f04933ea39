import { Key } from '@tufjs/models';
import type { Did } from '../domain/bundle.js';
import { sha256 } from '../domain/digest.js';
import { publicKeyOfDid } from './did.js';

/** A key as TUF metadata writes it (TUF 1.0.31 section 4.2.2). A type, not an interface: it is handed on as JSON. */
export type TufKeyJson = {
  keytype: 'ed25519';
  scheme: 'ed25519';
  keyval: { public: string };
};

export function tufKeyJson(publicKey: Uint8Array): TufKeyJson {
  return {
    keytype: 'ed25519',
    scheme: 'ed25519',
    keyval: { public: Buffer.from(publicKey).toString('hex') },
  };
}

/** SHA-256 of the key's canonical JSON: members sorted, no white space. */
export function tufKeyId(publicKey: Uint8Array): string {
  const hex = Buffer.from(publicKey).toString('hex');
  return sha256(`{"keytype":"ed25519","keyval":{"public":"${hex}"},"scheme":"ed25519"}`);
}

/** A DID as a TUF key. */
export function tufKeyOfDid(did: Did): Key {
  const publicKey = publicKeyOfDid(did);
  return Key.fromJSON(tufKeyId(publicKey), tufKeyJson(publicKey));
}
