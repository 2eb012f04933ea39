import { BOUNDS } from '../../domain/bounds.js';
import { integrityOfDigest } from '../../domain/digest.js';
import type { CatalogEntry } from '../../ports/catalog.js';
import type { HeldView, ProofVerdict } from '../../ports/ecosystem.js';
import { foreignAddress } from './foreign.js';
import { packumentPath } from './names.js';
import { decodeDocument } from './packument.js';
import { checkSignatures, signaturesOf, type RegistryKey } from './signatures.js';

/** Where a bundle carries the attestations of a tarball, as its registry gave them. */
export function attestationsPath(path: string): string {
  return `${path}.attestations`;
}

/**
 * Checks what a bundle carries for a tarball, over the entry's own sha512: the registry's signature in
 * its packument, and its attestations.
 */
export async function checkProof(
  entry: CatalogEntry,
  view: HeldView,
  keys: { signatures: readonly RegistryKey[]; attestations: readonly RegistryKey[] },
): Promise<ProofVerdict> {
  const signed = await checkSignature(entry, view, keys.signatures);
  if (signed.verdict === 'broken') return signed;
  const carried = view.entryByPath(entry.bundleId, attestationsPath(entry.path));
  if (carried === undefined || carried.kind !== 'proof') {
    return entry.proof === 'npm-provenance'
      ? broken('the bundle says that its publisher attested it, but carries no attestation')
      : signed;
  }
  const { purl, sha512 } = entry;
  if (purl === undefined || sha512 === undefined) {
    return broken('attestations are carried, but no sha512 to check them over');
  }
  const bytes = await view.read(carried, BOUNDS.provenanceBytes);
  // Loaded only where there is something to check: it would cost every start.
  const { checkAttestations } = await import('./attestations.js');
  const checked = checkAttestations(bytes, { purl, sha512 }, keys.attestations);
  switch (checked.verdict) {
    case 'broken':
      return broken(`its attestation is broken: ${checked.reason}`);
    case 'unknown-anchor':
      return signed.verdict === 'holds'
        ? { ...signed, note: `${signed.note}; attested, but ${checked.reason}` }
        : { proof: 'npm-provenance', verdict: 'carried', note: `attested, but ${checked.reason}` };
    case 'holds':
      if (checked.publisher === undefined) return signed;
      return {
        proof: 'npm-provenance',
        verdict: 'holds',
        note: `published by ${checked.publisher}${signed.verdict === 'holds' ? `; ${signed.note}` : ''}`,
      };
  }
}

async function checkSignature(
  entry: CatalogEntry,
  view: HeldView,
  keys: readonly RegistryKey[],
): Promise<ProofVerdict> {
  const { name, version, sha512 } = entry;
  if (name === undefined || version === undefined) {
    return { proof: 'none', verdict: 'none', note: 'no package' };
  }
  // The packument of its name, if there is one, is of what the registry has.
  if (foreignAddress(entry.detail) !== undefined) return withoutSignature(entry);
  const index = view.entryByPath(entry.bundleId, packumentPath(name));
  const bytes = index === undefined ? undefined : await view.read(index, BOUNDS.documentBytes);
  const document = bytes === undefined ? undefined : decodeDocument(bytes);
  const signatures = signaturesOf(document?.versions[version]?.['dist']);
  if (signatures.length === 0) return withoutSignature(entry);
  if (sha512 === undefined) {
    return broken('a registry signature is carried, but no sha512 to check it over');
  }
  const integrity = integrityOfDigest('sha512', sha512);
  const publishedAt = document?.time[version];
  const verdict = checkSignatures({ name, version, integrity, publishedAt }, signatures, keys);
  const proof = 'npm-signature';
  switch (verdict.verdict) {
    case 'holds':
      return { proof, verdict: 'holds', note: `signed by the registry's key ${verdict.keyid}` };
    case 'broken':
      return broken(`the registry's signature by ${verdict.keyid} is broken: ${verdict.reason}`);
    case 'unknown-key':
      return {
        proof,
        verdict: 'carried',
        note: `signed by ${verdict.keyid}; no such key on this machine`,
      };
    case 'none':
      return withoutSignature(entry);
  }
}

/** An entry that claims a signature and carries none is a broken claim. */
function withoutSignature(entry: CatalogEntry): ProofVerdict {
  if (entry.proof === 'npm-signature') {
    return broken('the bundle says it is signed by the registry, but carries no signature');
  }
  if (entry.proof === 'none') return { proof: 'none', verdict: 'none', note: 'no evidence at all' };
  return {
    proof: 'index-hash',
    verdict: 'carried',
    note: "the registry gave no signature; the digest is its index's word to the source, over TLS",
  };
}

function broken(note: string): ProofVerdict {
  return { proof: 'npm-signature', verdict: 'broken', note };
}
