import assert from 'node:assert/strict';
import { BOUNDS } from '../../domain/bounds.js';
import { disagreements, integrityOfDigest } from '../../domain/digest.js';
import { messageOf, XError } from '../../domain/errors.js';
import type { ProofKind } from '../../domain/plan.js';
import type { BundleDocument, FetchedArtifact } from '../../ports/ecosystem.js';
import type { Upstream } from '../../ports/upstream.js';
import { attestationsPath } from './check-proof.js';
import { foreignAddress } from './foreign.js';
import { isObject } from './json.js';
import { checkSignatures, signaturesOf, type RegistryKey } from './signatures.js';

/** What was found to vouch for one tarball, with the document that lets others check it. */
export interface TarballProof {
  proof: ProofKind;
  note: string;
  document: BundleDocument | undefined;
  warning: string | undefined;
}

export interface Provers {
  keys: readonly RegistryKey[];
  attestationKeys: readonly RegistryKey[];
  /** Without it no attestations are fetched. */
  upstream: Pick<Upstream, 'read'> | undefined;
}

/**
 * Finds what vouches for a held tarball: the registry's signature, and where the registry names
 * attestations, who built it; else the digest that the registry gave over TLS.
 * @throws XError DIGEST_MISMATCH, SIGNATURE_INVALID.
 */
export async function proveTarball(
  fetched: FetchedArtifact,
  provers: Provers,
): Promise<TarballProof> {
  const signed = bySignature(fetched, provers.keys);
  const { artifact } = fetched;
  const url = artifact.detail['attestations'];
  if (typeof url !== 'string' || provers.upstream === undefined) return signed;
  let bytes: Uint8Array;
  try {
    ({ bytes } = await provers.upstream.read({ ecosystem: 'npm', url }, BOUNDS.provenanceBytes));
  } catch (thrown) {
    if (!(thrown instanceof XError)) throw thrown;
    const warning = `npm: ${artifact.name}@${artifact.version}: its provenance cannot be fetched: ${messageOf(thrown)}`;
    return { ...signed, warning };
  }
  const { checkAttestations } = await import('./attestations.js');
  const tarball = { purl: artifact.purl, sha512: ofTarball(fetched.sha512) };
  const checked = checkAttestations(bytes, tarball, provers.attestationKeys);
  if (checked.verdict === 'broken') {
    throw new XError('SIGNATURE_INVALID', `${artifact.purl}: ${checked.reason} (${url})`, {
      hint: 'What the registry offers is not what its publisher attested. Do not install it.',
    });
  }
  const document = documentOf(artifact, bytes);
  if (checked.verdict === 'unknown-anchor') {
    const warning = `npm: ${artifact.name}@${artifact.version} is attested, but ${checked.reason}`;
    return { ...signed, document, warning };
  }
  if (checked.publisher === undefined) return { ...signed, document };
  const note = `published by ${checked.publisher}; ${signed.note}`;
  return { proof: 'npm-provenance', note, document, warning: undefined };
}

/** Every tarball comes with it: see fetchArtifacts. */
export function ofTarball(sha512: string | undefined): string {
  assert.ok(sha512 !== undefined, 'the sha512 of a tarball is known');
  return sha512;
}

function bySignature(
  { artifact, sha256, sha512 }: FetchedArtifact,
  keys: readonly RegistryKey[],
): TarballProof {
  const wrong = disagreements(artifact.digests, { sha256, sha512 });
  if (wrong.length > 0) {
    throw new XError(
      'DIGEST_MISMATCH',
      `${artifact.purl}: its ${wrong.join(' and ')} is not what the registry says`,
    );
  }
  const address = foreignAddress(artifact.detail);
  if (address !== undefined) {
    const note = `from ${address}, for which no registry vouches`;
    return { proof: artifact.proof, note, document: undefined, warning: undefined };
  }
  const { time, manifest } = artifact.detail;
  const subject = {
    name: artifact.name,
    version: artifact.version,
    integrity: integrityOfDigest('sha512', ofTarball(sha512)),
    publishedAt: typeof time === 'string' ? time : undefined,
  };
  const dist = isObject(manifest) ? manifest['dist'] : undefined;
  const verdict = checkSignatures(subject, signaturesOf(dist), keys);
  switch (verdict.verdict) {
    case 'holds':
      return {
        proof: 'npm-signature',
        note: `signed by the registry's key ${verdict.keyid}`,
        document: undefined,
        warning: undefined,
      };
    case 'broken':
      throw new XError(
        'SIGNATURE_INVALID',
        `${artifact.purl}: the registry's signature by ${verdict.keyid} is broken: ${verdict.reason}`,
        { hint: 'What the registry offers is not what it signed. Do not install it.' },
      );
    case 'unknown-key':
      return weakProof(
        artifact,
        `signed by ${verdict.keyid}, a key that this machine does not know`,
      );
    case 'none':
      return weakProof(artifact, 'the registry gives no signature');
  }
}

function weakProof(artifact: FetchedArtifact['artifact'], why: string): TarballProof {
  const { sha256, sha512 } = artifact.digests;
  const isDigested = sha256 !== undefined || sha512 !== undefined;
  return {
    proof: isDigested ? 'index-hash' : 'none',
    note: isDigested
      ? `${why}; its digest comes from the index alone`
      : `${why}, and no digest but sha1`,
    document: undefined,
    warning: undefined,
  };
}

function documentOf(artifact: FetchedArtifact['artifact'], body: Uint8Array): BundleDocument {
  return {
    kind: 'proof',
    path: attestationsPath(artifact.path),
    ecosystem: 'npm',
    name: artifact.name,
    version: artifact.version,
    proof: 'none',
    requires: [],
    targets: artifact.targets,
    private: artifact.private,
    body,
  };
}
