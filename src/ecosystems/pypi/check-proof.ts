import { BOUNDS } from '../../domain/bounds.js';
import type { CatalogEntry } from '../../ports/catalog.js';
import type { HeldView, ProofVerdict } from '../../ports/ecosystem.js';
import { filenameOf } from './simple-pages.js';

/** Where a bundle carries a file's provenance object (PEP 740), beside the file. */
export function provenancePath(path: string): string {
  return `${path}.provenance`;
}

/**
 * What vouches for a Python file: the attestations that the bundle carries, checked here again. A hash
 * from its index is no signature: it was compared at the source over a trusted connection, and what
 * says so here is the source's own signature.
 */
export async function checkPypiProof(entry: CatalogEntry, view: HeldView): Promise<ProofVerdict> {
  const carried = view.entryByPath(entry.bundleId, provenancePath(entry.path));
  if (carried === undefined || carried.kind !== 'proof') return withoutProvenance(entry);
  const bytes = await view.read(carried, BOUNDS.provenanceBytes);
  // Loaded only where there is something to check: it would cost every start.
  const { checkProvenance } = await import('./attestation.js');
  const checked = checkProvenance(bytes, { filename: filenameOf(entry), sha256: entry.sha256 });
  const proof = 'pep740';
  if (checked.verdict === 'holds') {
    return { proof, verdict: 'holds', note: `published by ${checked.publisher}` };
  }
  return checked.verdict === 'broken'
    ? { proof, verdict: 'broken', note: `its attestation is broken: ${checked.reason}` }
    : { proof, verdict: 'carried', note: `attested, but ${checked.reason}` };
}

/** An entry that claims an attestation and carries none is a broken claim. */
function withoutProvenance({ proof }: CatalogEntry): ProofVerdict {
  if (proof === 'pep740') {
    const note = 'the bundle says that its publisher attested it, but carries no attestation';
    return { proof, verdict: 'broken', note };
  }
  if (proof === 'index-hash') {
    const note =
      'the source compared its sha256 with its index; there is no publisher signature to check here';
    return { proof, verdict: 'carried', note };
  }
  const note = 'its index gave no digest over a trusted connection';
  return { proof: 'none', verdict: 'none', note };
}
