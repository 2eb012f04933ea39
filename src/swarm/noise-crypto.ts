import {
  createCipheriv,
  createDecipheriv,
  createSecretKey,
  type CipherChaCha20Poly1305Options,
  type KeyObject,
} from 'node:crypto';
import { defaultCrypto } from '@chainsafe/libp2p-noise/crypto';
import { Uint8ArrayList } from 'uint8arraylist';

type Bytes = Parameters<typeof defaultCrypto.chaCha20Poly1305Encrypt>[0];

const TAG_BYTES = 16;
/** Below this the library's own WASM is quicker than a call into OpenSSL. */
const SMALL_BYTES = 400;

/**
 * A connection's keys as OpenSSL has them. Made from bytes anew for every frame they cost a third of
 * what encrypting it does; the library keeps one array a direction for as long as the connection.
 */
const keys = new WeakMap<Uint8Array, KeyObject>();

function keyObject(key: Uint8Array): KeyObject {
  let known = keys.get(key);
  if (known === undefined) keys.set(key, (known = createSecretKey(key)));
  return known;
}

/** What Noise needs, as the library does it, with ChaCha20-Poly1305 (RFC 8439) tuned for long frames. */
export const noiseCrypto: typeof defaultCrypto = {
  ...defaultCrypto,

  chaCha20Poly1305Encrypt(plaintext: Bytes, nonce: Uint8Array, ad: Uint8Array, key: Uint8Array) {
    if (plaintext.byteLength < SMALL_BYTES) {
      return defaultCrypto.chaCha20Poly1305Encrypt(plaintext, nonce, ad, key);
    }
    const cipher = createCipheriv('chacha20-poly1305', keyObject(key), nonce, options());
    cipher.setAAD(ad, { plaintextLength: plaintext.byteLength });
    const output: Uint8Array[] = [];
    for (const part of partsOf(plaintext)) output.push(cipher.update(part));
    cipher.final();
    output.push(cipher.getAuthTag());
    return listOf(output);
  },

  chaCha20Poly1305Decrypt(
    ciphertext: Bytes,
    nonce: Uint8Array,
    ad: Uint8Array,
    key: Uint8Array,
    into?: Uint8Array,
  ) {
    if (ciphertext.byteLength < SMALL_BYTES) {
      return defaultCrypto.chaCha20Poly1305Decrypt(ciphertext, nonce, ad, key, into);
    }
    const end = ciphertext.byteLength - TAG_BYTES;
    const decipher = createDecipheriv('chacha20-poly1305', keyObject(key), nonce, options());
    decipher.setAAD(ad, { plaintextLength: end });
    decipher.setAuthTag(ciphertext.subarray(end));
    const text =
      ciphertext instanceof Uint8Array ? ciphertext.subarray(0, end) : ciphertext.sublist(0, end);
    const output: Uint8Array[] = [];
    for (const part of partsOf(text)) output.push(decipher.update(part));
    // Throws where the tag does not hold: nothing of the frame is handed on then.
    decipher.final();
    return listOf(output);
  },
};

/** The library has an older copy of the same class; both know either by one symbol. */
function listOf(parts: Uint8Array[]): Exclude<Bytes, Uint8Array> {
  return new Uint8ArrayList(...parts) as unknown as Exclude<Bytes, Uint8Array>;
}

function options(): CipherChaCha20Poly1305Options {
  return { authTagLength: TAG_BYTES };
}

function partsOf(bytes: Bytes): Iterable<Uint8Array> {
  return bytes instanceof Uint8Array ? [bytes] : bytes;
}
