import { BOUNDS } from '../../domain/bounds.js';
import type { Sha256 } from '../../domain/digest.js';
import { messageOf } from '../../domain/errors.js';

/** Whom an index names as the publisher, as far as it says so (PEP 740). */
export interface ClaimedPublisher {
  kind: string;
  fields: Readonly<Record<string, string>>;
}

/** One attestation of a provenance object, still unchecked, with the publisher it is filed under. */
export interface Attestation {
  publisher: ClaimedPublisher | undefined;
  /** DER, base64. */
  certificate: string;
  /** Rekor's entries, as sigstore serialises them. */
  logEntries: unknown[];
  /** The signed in-toto statement, base64. */
  statement: string;
  /** base64. */
  signature: string;
}

/**
 * Reads a provenance object; the problem as a text where it is none.
 * @see https://packaging.python.org/en/latest/specifications/index-hosted-attestations/
 */
export function parseProvenance(bytes: Uint8Array): Attestation[] | string {
  let document: unknown;
  try {
    document = JSON.parse(new TextDecoder().decode(bytes));
  } catch (thrown) {
    return `not JSON: ${messageOf(thrown)}`;
  }
  const { version, attestation_bundles: bundles } = fieldsOf(document);
  if (version !== 1 || !Array.isArray(bundles)) return 'no provenance object of version 1';
  const attestations: Attestation[] = [];
  for (const bundle of bundles) {
    const { publisher, attestations: list } = fieldsOf(bundle);
    for (const raw of Array.isArray(list) ? list : []) {
      const attestation = attestationOf(raw, publisherOf(publisher));
      if (attestation === undefined) return 'an attestation in it is malformed';
      attestations.push(attestation);
      if (attestations.length > BOUNDS.attestations) {
        return `more than ${BOUNDS.attestations} attestations`;
      }
    }
  }
  return attestations.length === 0 ? 'no attestation in it' : attestations;
}

function fieldsOf(value: unknown): Record<string, unknown> {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
}

function publisherOf(raw: unknown): ClaimedPublisher | undefined {
  const fields = Object.fromEntries(
    Object.entries(fieldsOf(raw)).filter((field): field is [string, string] => {
      return typeof field[1] === 'string';
    }),
  );
  return fields['kind'] === undefined ? undefined : { kind: fields['kind'], fields };
}

function attestationOf(
  raw: unknown,
  publisher: ClaimedPublisher | undefined,
): Attestation | undefined {
  const { version, verification_material: material, envelope } = fieldsOf(raw);
  const { certificate, transparency_entries: logEntries } = fieldsOf(material);
  const { statement, signature } = fieldsOf(envelope);
  const isWhole =
    version === 1 &&
    typeof certificate === 'string' &&
    Array.isArray(logEntries) &&
    typeof statement === 'string' &&
    typeof signature === 'string';
  return isWhole ? { publisher, certificate, logEntries, statement, signature } : undefined;
}

/** What a signed statement says of a file; undefined where it says nothing of it. */
export function subjectOf(statement: string, sha256: Sha256): { name: string } | undefined {
  let parsed: unknown;
  try {
    parsed = JSON.parse(Buffer.from(statement, 'base64').toString('utf8'));
  } catch {
    return undefined;
  }
  const { subject } = fieldsOf(parsed);
  const named = (Array.isArray(subject) ? subject : [])
    .map(fieldsOf)
    .find(({ digest }) => fieldsOf(digest)['sha256'] === sha256);
  return typeof named?.['name'] === 'string' ? { name: named['name'] } : undefined;
}
