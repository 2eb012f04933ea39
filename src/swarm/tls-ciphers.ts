import { constants, createCipheriv } from 'node:crypto';
import type { TLSSocketOptions } from 'node:tls';

const AES = ['TLS_AES_256_GCM_SHA384', 'TLS_AES_128_GCM_SHA256'];
const CHACHA = 'TLS_CHACHA20_POLY1305_SHA256';

const TRIAL_BYTES = 16 << 10;
const TRIALS = 4;

/**
 * AES where the processor has instructions for it, ChaCha20 where it has none: there AES takes three
 * times as long. Where one of the two ends prefers ChaCha20 it is taken, whoever called.
 * @param aesMs, chachaMs What the same bytes take.
 */
export function cipherOrder(aesMs: number, chachaMs: number): string[] {
  // Only what is far apart counts: the clock is coarse beside what is measured.
  return aesMs > 1.5 * chachaMs ? [CHACHA, ...AES] : [...AES, CHACHA];
}

/** Measured once in a process, when the first host is made; it takes less than a millisecond. */
function ciphersOfThisMachine(): Pick<TLSSocketOptions, 'ciphers' | 'secureOptions'> {
  const order = cipherOrder(shortestMs('aes-256-gcm'), shortestMs('chacha20-poly1305'));
  return { ciphers: order.join(':'), secureOptions: constants.SSL_OP_PRIORITIZE_CHACHA };
}

function shortestMs(cipher: 'aes-256-gcm' | 'chacha20-poly1305'): number {
  const key = Buffer.alloc(32);
  const nonce = Buffer.alloc(12);
  const bytes = Buffer.alloc(TRIAL_BYTES);
  const times = Array.from({ length: TRIALS }, () => {
    const begun = performance.now();
    // Two calls for the compiler: their options are not of one type.
    if (cipher === 'aes-256-gcm') createCipheriv(cipher, key, nonce).update(bytes);
    else createCipheriv(cipher, key, nonce, { authTagLength: 16 }).update(bytes);
    return performance.now() - begun;
  });
  return Math.min(...times);
}

export const TLS_CIPHERS = ciphersOfThisMachine();
