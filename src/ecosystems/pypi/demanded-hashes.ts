import { disagreements, formatDigest, isDigest, type Digests } from '../../domain/digest.js';
import { XError } from '../../domain/errors.js';
import type { JsonObject } from '../../domain/plan.js';
import type { FetchedArtifact } from '../../ports/ecosystem.js';

/** What the digests that are known of a file say of the hashes that the user demands, one of which it must have. */
export type HashVerdict = 'met' | 'open' | 'broken';

/** `open` where none is met yet and a digest that would decide is known only once the file is fetched. */
export function hashVerdict(known: Digests, demanded: readonly Digests[]): HashVerdict {
  const open = demanded.filter((one) => disagreements(one, known).length === 0);
  if (open.some((one) => isMet(one, known))) return 'met';
  return open.length > 0 ? 'open' : 'broken';
}

function isMet({ sha256, sha512 }: Digests, known: Digests): boolean {
  return (
    (sha256 !== undefined && sha256 === known.sha256) ||
    (sha512 !== undefined && sha512 === known.sha512)
  );
}

/** Demanded hashes as an artifact keeps them in its detail until its bytes are known: `sha256:…`. */
export function hashTexts(demanded: readonly Digests[]): string[] {
  return demanded.flatMap((one) =>
    (['sha256', 'sha512'] as const).flatMap((algorithm) => {
      const hex = one[algorithm];
      return hex === undefined ? [] : [formatDigest(algorithm, hex)];
    }),
  );
}

function digestsOfText(text: unknown): Digests[] {
  if (typeof text !== 'string') return [];
  const [algorithm, hex = ''] = text.split(':');
  return (algorithm === 'sha256' || algorithm === 'sha512') && isDigest(algorithm, hex)
    ? [{ [algorithm]: hex }]
    : [];
}

/**
 * Compares fetched bytes with the hashes that were still open when they were planned, those of each
 * target: its file must have one of them, as pip demands of it.
 * @throws XError DIGEST_MISMATCH.
 */
export function checkDemandedHashes({ artifact, sha256, sha512 }: FetchedArtifact): void {
  const byTarget = artifact.detail['hashes'];
  if (typeof byTarget !== 'object' || byTarget === null) return;
  for (const texts of Object.values(byTarget as JsonObject)) {
    const demanded = Array.isArray(texts) ? texts.flatMap(digestsOfText) : [];
    if (hashVerdict({ sha256, sha512 }, demanded) === 'met') continue;
    throw new XError(
      'DIGEST_MISMATCH',
      `${artifact.filename}: none of the hashes that are demanded of it: its sha256 is ${sha256}`,
      {
        hint: `${artifact.url} answers with another file than the one whose hash was written down.`,
      },
    );
  }
}
