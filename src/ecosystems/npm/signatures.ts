import { createPublicKey, verify } from 'node:crypto';
import type { JsonValue } from '../../domain/plan.js';
import { isObject } from './json.js';

/** A registry's signing key. */
export interface RegistryKey {
  /** `SHA256:…`, as signatures name it. */
  keyid: string;
  /** SPKI DER, base64. */
  spki: string;
  /** ISO 8601; signatures on later releases do not count. */
  end: string | undefined;
}

export interface RegistrySignature {
  keyid: string;
  /** ECDSA, DER, base64. */
  sig: string;
}

/** What a version's registry signatures are worth with the keys at hand. */
export type SignatureVerdict =
  | { verdict: 'holds'; keyid: string }
  | { verdict: 'broken'; keyid: string; reason: string }
  | { verdict: 'unknown-key'; keyid: string }
  | { verdict: 'none' };

/** More signatures than any registry gives. */
const MAX_SIGNATURES = 16;

/** Signatures of a manifest's `dist`; what is malformed is left out. */
export function signaturesOf(dist: JsonValue | undefined): RegistrySignature[] {
  const signatures = isObject(dist) ? dist['signatures'] : undefined;
  if (!Array.isArray(signatures)) return [];
  return signatures.slice(0, MAX_SIGNATURES).flatMap((signature) => {
    if (!isObject(signature)) return [];
    const { keyid, sig } = signature;
    return typeof keyid === 'string' && typeof sig === 'string' ? [{ keyid, sig }] : [];
  });
}

/**
 * Checks registry signatures: ECDSA P-256 with SHA-256 over `name@version:integrity`. One that is
 * broken outweighs others that hold.
 * @param publishedAt ISO 8601, against the key's end; undefined leaves that check out.
 * Source: npm's documentation, "About registry signatures".
 */
export function checkSignatures(
  subject: { name: string; version: string; integrity: string; publishedAt?: string | undefined },
  signatures: readonly RegistrySignature[],
  keys: readonly RegistryKey[],
): SignatureVerdict {
  const message = Buffer.from(`${subject.name}@${subject.version}:${subject.integrity}`);
  let verdict: SignatureVerdict = { verdict: 'none' };
  for (const { keyid, sig } of signatures) {
    const key = keys.find((candidate) => candidate.keyid === keyid);
    if (key === undefined) {
      if (verdict.verdict === 'none') verdict = { verdict: 'unknown-key', keyid };
      continue;
    }
    const { end } = key;
    if (
      end !== undefined &&
      subject.publishedAt !== undefined &&
      !(Date.parse(subject.publishedAt) < Date.parse(end))
    ) {
      return {
        verdict: 'broken',
        keyid,
        reason: `published ${subject.publishedAt}, after the key ended on ${end}`,
      };
    }
    if (!holds(message, sig, key)) {
      return { verdict: 'broken', keyid, reason: `does not fit ${message.toString()}` };
    }
    verdict = { verdict: 'holds', keyid };
  }
  return verdict;
}

function holds(message: Uint8Array, sig: string, key: RegistryKey): boolean {
  const publicKey = createPublicKey({
    key: Buffer.from(key.spki, 'base64'),
    format: 'der',
    type: 'spki',
  });
  return verify('sha256', message, publicKey, Buffer.from(sig, 'base64'));
}
