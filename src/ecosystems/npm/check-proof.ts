import { BOUNDS } from '../../domain/bounds.js';
import { integrityOfDigest } from '../../domain/digest.js';
import type { CatalogEntry } from '../../ports/catalog.js';
import type { HeldView, ProofVerdict } from '../../ports/ecosystem.js';
import { packumentPath } from './names.js';
import { decodeDocument } from './packument.js';
import { checkSignatures, signaturesOf, type RegistryKey } from './signatures.js';

/** Checks the registry signature that the packument of the entry's bundle carries, over the entry's own sha512. */
export async function checkProof(
  entry: CatalogEntry,
  view: HeldView,
  keys: readonly RegistryKey[],
): Promise<ProofVerdict> {
  const { name, version, sha512 } = entry;
  if (name === undefined || version === undefined) {
    return { proof: 'none', verdict: 'none', note: 'no package' };
  }
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
  switch (verdict.verdict) {
    case 'holds':
      return {
        proof: 'npm-signature',
        verdict: 'holds',
        note: `signed by the registry's key ${verdict.keyid}`,
      };
    case 'broken':
      return broken(`the registry's signature by ${verdict.keyid} is broken: ${verdict.reason}`);
    case 'unknown-key':
      return {
        proof: 'npm-signature',
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
