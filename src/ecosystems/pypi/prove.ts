import { BOUNDS } from '../../domain/bounds.js';
import { messageOf, XError } from '../../domain/errors.js';
import type { PlannedArtifact, ProofKind } from '../../domain/plan.js';
import type { BundleDocument, FetchedArtifact } from '../../ports/ecosystem.js';
import type { Upstream } from '../../ports/upstream.js';
import { provenancePath } from './check-proof.js';

/** What was found to vouch for one artifact, with the document that lets others check it. */
export interface ArtifactProof {
  proof: ProofKind;
  note: string | undefined;
  document: BundleDocument | undefined;
  warning: string | undefined;
}

/**
 * Finds what vouches for a held artifact: its attestations, where its index names some (PEP 740); else
 * the digest that the index gave over a trusted connection.
 * @throws XError SIGNATURE_INVALID where an attestation is broken or of another file.
 */
export async function proveArtifact(
  fetched: FetchedArtifact,
  upstream: Pick<Upstream, 'read'>,
): Promise<ArtifactProof> {
  const { artifact } = fetched;
  const url = artifact.detail['provenance'];
  if (typeof url !== 'string') return byIndex(artifact);
  let bytes: Uint8Array;
  try {
    ({ bytes } = await upstream.read({ ecosystem: 'pypi', url }, BOUNDS.provenanceBytes));
  } catch (thrown) {
    if (!(thrown instanceof XError)) throw thrown;
    const warning = `${artifact.filename}: its attestation cannot be fetched: ${messageOf(thrown)}`;
    return { ...byIndex(artifact), warning };
  }
  const { checkProvenance } = await import('./attestation.js');
  const { filename } = artifact;
  const checked = checkProvenance(bytes, { filename, sha256: fetched.sha256 });
  if (checked.verdict === 'broken') {
    throw new XError('SIGNATURE_INVALID', `${filename}: ${checked.reason} (${url})`, {
      hint: 'What the index offers as this file is not what its publisher signed: do not use it. Try another index or version.',
    });
  }
  const document = documentOf(artifact, bytes);
  if (checked.verdict === 'holds') {
    const note = `published by ${checked.publisher}`;
    return { proof: 'pep740', note, document, warning: undefined };
  }
  return {
    ...byIndex(artifact),
    document,
    warning: `${filename} is attested, but ${checked.reason}`,
  };
}

function byIndex(artifact: PlannedArtifact): ArtifactProof {
  const proof = indexProofOf(artifact);
  if (proof === 'index-hash') {
    return { proof, note: undefined, document: undefined, warning: undefined };
  }
  return {
    proof,
    note: 'its index gives no digest over a trusted connection',
    document: undefined,
    warning: `${artifact.filename}: nothing but its bytes vouches for it`,
  };
}

/** A digest is evidence where nobody on the way could change it: over TLS, or on this machine. */
export function indexProofOf({
  digests,
  url,
}: Pick<PlannedArtifact, 'digests' | 'url'>): 'index-hash' | 'none' {
  const { protocol, hostname } = new URL(url);
  const isTrusted = protocol !== 'http:' || /^(?:localhost|127\.[0-9.]+|\[::1\])$/.test(hostname);
  return isTrusted && Object.keys(digests).length > 0 ? 'index-hash' : 'none';
}

function documentOf(artifact: PlannedArtifact, body: Uint8Array): BundleDocument {
  return {
    kind: 'proof',
    path: provenancePath(artifact.path),
    ecosystem: 'pypi',
    name: artifact.name,
    version: artifact.version,
    proof: 'none',
    requires: [],
    targets: artifact.targets,
    private: artifact.private,
    body,
  };
}
