import { bundleFromJSON, type Bundle } from '@sigstore/bundle';
import { toSignedEntity, Verifier, type Signer } from '@sigstore/verify';
import type { Sha256 } from '../../domain/digest.js';
import { messageOf } from '../../domain/errors.js';
import { parseFilename } from './filename.js';
import {
  parseProvenance,
  subjectOf,
  type Attestation,
  type ClaimedPublisher,
} from './provenance.js';
import { describe, GITHUB, identityOf, unknownAnchor, type Identity } from '../sigstore/signer.js';
import { sigstoreAnchors, type Anchors } from '../sigstore/trusted-root.js';

/** What a file's provenance is worth with the anchors of this machine. */
export type ProvenanceVerdict =
  | { verdict: 'holds'; publisher: string }
  /** Signed under an authority, or logged in a log, that this machine does not know. */
  | { verdict: 'unknown-anchor'; reason: string }
  | { verdict: 'broken'; reason: string };

/** The file that provenance is to speak of. */
export interface AttestedFile {
  filename: string;
  sha256: Sha256;
}

/**
 * Checks a file's attestations against sigstore's trusted root: signature, certificate chain and
 * transparency, that the signed statement names these bytes, and that the certificate is the
 * publisher's whom the index claims. One that is broken outweighs others that hold.
 * @see PEP 740, https://docs.sigstore.dev
 */
export function checkProvenance(
  bytes: Uint8Array,
  file: AttestedFile,
  anchors: Anchors = sigstoreAnchors(),
): ProvenanceVerdict {
  const attestations = parseProvenance(bytes);
  if (typeof attestations === 'string') return { verdict: 'broken', reason: attestations };
  const verdicts = attestations.map((one) => checkAttestation(one, file, anchors));
  const first = (kind: ProvenanceVerdict['verdict']): ProvenanceVerdict | undefined =>
    verdicts.find(({ verdict }) => verdict === kind);
  return (
    first('broken') ??
    first('holds') ??
    first('unknown-anchor') ?? { verdict: 'broken', reason: 'no attestation in it' }
  );
}

function checkAttestation(
  attestation: Attestation,
  file: AttestedFile,
  anchors: Anchors,
): ProvenanceVerdict {
  const subject = subjectOf(attestation.statement, file.sha256);
  if (subject === undefined) {
    return { verdict: 'broken', reason: 'its attestation is of other bytes' };
  }
  if (!isSameFile(subject.name, file.filename)) {
    return { verdict: 'broken', reason: `its attestation is of ${subject.name}` };
  }
  const unknown = unknownAnchor(attestation.certificate, attestation.logEntries, anchors);
  if (unknown !== undefined) return { verdict: 'unknown-anchor', reason: unknown };
  let signer: Signer;
  try {
    signer = new Verifier(anchors.material).verify(toSignedEntity(bundleOf(attestation)));
  } catch (thrown) {
    return { verdict: 'broken', reason: messageOf(thrown) };
  }
  const identity = identityOf(signer);
  const problem = contradiction(identity, attestation.publisher);
  if (problem !== undefined) return { verdict: 'broken', reason: problem };
  return { verdict: 'holds', publisher: describe(identity) };
}

/** Names are compared as what they say: an sdist's or wheel's name may be spelled in several ways. */
function isSameFile(a: string, b: string): boolean {
  const [left, right] = [parseFilename(a), parseFilename(b)];
  if (a === b) return true;
  if (left === undefined || right === undefined || left.kind !== right.kind) return false;
  const tags = (file: typeof left): string =>
    file.kind === 'wheel' ? `${file.build} ${file.tags.join(' ')}` : '';
  return (
    left.name === right.name &&
    left.version.text === right.version.text &&
    tags(left) === tags(right)
  );
}

function bundleOf({ certificate, logEntries, statement, signature }: Attestation): Bundle {
  return bundleFromJSON({
    mediaType: 'application/vnd.dev.sigstore.bundle.v0.3+json',
    verificationMaterial: { certificate: { rawBytes: certificate }, tlogEntries: logEntries },
    dsseEnvelope: {
      payload: statement,
      payloadType: 'application/vnd.in-toto+json',
      signatures: [{ sig: signature, keyid: '' }],
    },
  });
}

const GOOGLE = 'https://accounts.google.com';

/** Where the certificate is another's than the index says; kinds that are not known are not compared. */
function contradiction(
  { issuer, subject, repository, workflow }: Identity,
  claimed: ClaimedPublisher | undefined,
): string | undefined {
  const { repository: claimedRepository = '', workflow: file = '', email } = claimed?.fields ?? {};
  const matches = (actual: string | undefined, wanted: string): boolean =>
    actual?.toLowerCase() === wanted.toLowerCase();
  let isSame = true;
  if (claimed?.kind === 'GitHub') {
    const home = `https://github.com/${claimedRepository}`;
    const path = `${home}/.github/workflows/${file}@`;
    isSame =
      issuer === GITHUB &&
      matches(repository, home) &&
      matches(workflow?.slice(0, path.length), path);
  } else if (claimed?.kind === 'GitLab') {
    isSame =
      repository !== undefined &&
      repository.toLowerCase().endsWith(`/${claimedRepository.toLowerCase()}`);
  } else if (claimed?.kind === 'Google') isSame = issuer === GOOGLE && subject === email;
  if (isSame) return undefined;
  return `its index names ${claimed?.kind} ${claimedRepository || (email ?? '')} as publisher, its certificate ${subject}`;
}
