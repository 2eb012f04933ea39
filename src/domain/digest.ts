import { hash } from 'node:crypto';

/** Lower-case hex SHA-256: the store's key, and the only name a blob has. */
export type Sha256 = string;

export type DigestAlgorithm = 'sha256' | 'sha512';

/** Every digest known of one artifact, lower-case hex. sha1 and md5 never identify, so they have no place here. */
export interface Digests {
  sha256?: Sha256 | undefined;
  sha512?: string | undefined;
}

const HEX_LENGTH: Record<DigestAlgorithm, number> = { sha256: 64, sha512: 128 };

export function isDigest(algorithm: DigestAlgorithm, hex: string): boolean {
  return hex.length === HEX_LENGTH[algorithm] && /^[0-9a-f]+$/.test(hex);
}

export function sha256(bytes: Uint8Array | string): Sha256 {
  return hash('sha256', bytes);
}

export function sha512(bytes: Uint8Array | string): string {
  return hash('sha512', bytes);
}

/** `sha256:…` as digests are written for people and in JSON text. */
export function formatDigest(algorithm: DigestAlgorithm, hex: string): string {
  return `${algorithm}:${hex}`;
}

/**
 * The strongest sha512 or sha256 of a Subresource Integrity string (`sha512-… sha1-…`), as npm writes it.
 * @see https://www.w3.org/TR/SRI/
 */
export function digestsOfIntegrity(integrity: string): Digests {
  const digests: Digests = {};
  for (const token of integrity.trim().split(/\s+/)) {
    const match = /^(sha256|sha512)-([A-Za-z0-9+/]+={0,2})(?:\?.*)?$/.exec(token);
    if (!match) continue;
    const algorithm = match[1] as DigestAlgorithm;
    const hex = Buffer.from(match[2] ?? '', 'base64').toString('hex');
    if (isDigest(algorithm, hex)) digests[algorithm] = hex;
  }
  return digests;
}

/** The Subresource Integrity string of a hex digest. */
export function integrityOfDigest(algorithm: DigestAlgorithm, hex: string): string {
  return `${algorithm}-${Buffer.from(hex, 'hex').toString('base64')}`;
}

/** The algorithms on which two sets of digests disagree; empty where every shared one agrees. */
export function disagreements(expected: Digests, actual: Digests): DigestAlgorithm[] {
  return (['sha256', 'sha512'] as const).filter(
    (algorithm) =>
      expected[algorithm] !== undefined &&
      actual[algorithm] !== undefined &&
      expected[algorithm] !== actual[algorithm],
  );
}
