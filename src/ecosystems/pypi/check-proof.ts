import type { ProofVerdict } from '../../ports/ecosystem.js';
import type { CatalogEntry } from '../../ports/catalog.js';

/**
 * What vouches for a Python file. A hash from its index is no signature: it was compared at the source
 * over a trusted connection, and what says so here is the source's own signature.
 */
export function checkPypiProof(entry: CatalogEntry): Promise<ProofVerdict> {
  const proof = entry.proof === 'index-hash' ? 'index-hash' : 'none';
  return Promise.resolve(
    proof === 'none'
      ? { proof, verdict: 'none', note: 'its index gave no digest over a trusted connection' }
      : {
          proof,
          verdict: 'carried',
          note: 'the source compared its sha256 with its index; there is no publisher signature to check here',
        },
  );
}
