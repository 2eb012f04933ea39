import {
  bundleFromJSON,
  isBundleWithCertificateChain,
  isBundleWithDsseEnvelope,
  isBundleWithPublicKey,
  type Bundle,
} from '@sigstore/bundle';
import { toSignedEntity, Verifier, type TrustMaterial } from '@sigstore/verify';
import { BOUNDS } from '../../domain/bounds.js';
import { messageOf } from '../../domain/errors.js';
import type { JsonObject, JsonValue } from '../../domain/plan.js';
import { describe, identityOf, unknownAnchor } from '../sigstore/signer.js';
import { sigstoreAnchors, type Anchors } from '../sigstore/trusted-root.js';
import { isObject } from './json.js';
import type { RegistryKey } from './signatures.js';
import { keyFinder } from './registry-keys.js';

/** What a version's attestations are worth with the anchors of this machine. */
export type AttestationsVerdict =
  /** `publisher`: who built it, as sigstore's authority saw; undefined where the registry alone attests. */
  | { verdict: 'holds'; publisher: string | undefined }
  /** Signed with a key or under an authority that this machine does not know. */
  | { verdict: 'unknown-anchor'; reason: string }
  | { verdict: 'broken'; reason: string };

/** The tarball that attestations are to speak of. */
export interface AttestedTarball {
  purl: string;
  /** Hex. */
  sha512: string;
}

/**
 * Checks the attestations that a registry gives for a version: each one's signature, certificate chain
 * and transparency log entry, and that what is signed names this package and these bytes. One that is
 * broken outweighs others that hold.
 * @param bytes the registry's answer, `{"attestations": [{"predicateType", "bundle"}]}`.
 * @see npm's documentation, "Generating provenance statements"
 * @see https://docs.sigstore.dev
 */
export function checkAttestations(
  bytes: Uint8Array,
  tarball: AttestedTarball,
  keys: readonly RegistryKey[],
  anchors: Anchors = sigstoreAnchors(),
): AttestationsVerdict {
  const bundles = parseAttestations(bytes);
  if (typeof bundles === 'string') return { verdict: 'broken', reason: bundles };
  const material = { ...anchors.material, publicKey: keyFinder(keys) };
  const verdicts = bundles.map((bundle) => check(bundle, tarball, { anchors, material, keys }));
  const first = (
    fits: (verdict: AttestationsVerdict) => boolean,
  ): AttestationsVerdict | undefined => verdicts.find(fits);
  return (
    first(({ verdict }) => verdict === 'broken') ??
    first((one) => one.verdict === 'holds' && one.publisher !== undefined) ??
    first(({ verdict }) => verdict === 'unknown-anchor') ??
    first(({ verdict }) => verdict === 'holds') ?? {
      verdict: 'broken',
      reason: 'no attestation in it',
    }
  );
}

/** The sigstore bundles in a registry's answer; the problem as a text where it is none. */
function parseAttestations(bytes: Uint8Array): JsonObject[] | string {
  let json: unknown;
  try {
    json = JSON.parse(Buffer.from(bytes).toString('utf8'));
  } catch (thrown) {
    return `not JSON: ${messageOf(thrown)}`;
  }
  const list = isObject(json) ? json['attestations'] : undefined;
  if (!Array.isArray(list)) return 'it has no list of attestations';
  if (list.length > BOUNDS.attestations) return `more than ${BOUNDS.attestations} attestations`;
  const bundles = list.map((item) => (isObject(item) ? item['bundle'] : undefined));
  return bundles.every(isObject) ? bundles : 'an attestation in it is malformed';
}

interface Judges {
  anchors: Anchors;
  material: TrustMaterial;
  keys: readonly RegistryKey[];
}

function check(json: JsonObject, tarball: AttestedTarball, judges: Judges): AttestationsVerdict {
  try {
    const bundle = bundleFromJSON(json);
    const wrong = contradiction(bundle, tarball);
    if (wrong !== undefined) return { verdict: 'broken', reason: wrong };
    const unknown = unknownJudge(bundle, json, judges);
    if (unknown !== undefined) return { verdict: 'unknown-anchor', reason: unknown };
    const signer = new Verifier(judges.material).verify(toSignedEntity(bundle));
    if (signer.identity === undefined) return { verdict: 'holds', publisher: undefined };
    const identity = identityOf(signer);
    const commit = identity.commit === undefined ? '' : `, commit ${identity.commit.slice(0, 12)}`;
    return { verdict: 'holds', publisher: `${describe(identity)}${commit}` };
  } catch (thrown) {
    return { verdict: 'broken', reason: messageOf(thrown) };
  }
}

const STATEMENT = 'application/vnd.in-toto+json';

/** Where the signed statement is of something else than the tarball. */
function contradiction(bundle: Bundle, { purl, sha512 }: AttestedTarball): string | undefined {
  if (!isBundleWithDsseEnvelope(bundle)) return 'its attestation signs no statement';
  const { payload, payloadType } = bundle.content.dsseEnvelope;
  if (payloadType !== STATEMENT) return `its attestation is of type ${payloadType.slice(0, 100)}`;
  const statement = JSON.parse(payload.toString('utf8')) as JsonValue;
  const subjects = isObject(statement) ? statement['subject'] : undefined;
  const [subject] = Array.isArray(subjects) ? subjects : [];
  const { name, digest } = isObject(subject) ? subject : {};
  // A scope's @ is written as it is, or encoded.
  if (typeof name !== 'string' || name.replace('%40', '@') !== purl.replace('%40', '@')) {
    return `its attestation is of ${JSON.stringify(name ?? null).slice(0, 300)}`;
  }
  const digested = isObject(digest) ? digest['sha512'] : undefined;
  return digested === sha512 ? undefined : 'its attestation is of other bytes';
}

/** The key or authority that judging would need, where this machine does not know it. */
function unknownJudge(
  bundle: Bundle,
  json: JsonObject,
  { anchors, keys }: Judges,
): string | undefined {
  const { content } = bundle.verificationMaterial;
  if (isBundleWithPublicKey(bundle)) {
    const { hint } = bundle.verificationMaterial.content.publicKey;
    return keys.some(({ keyid }) => keyid === hint)
      ? undefined
      : `it is signed with ${hint.slice(0, 100)}, a key that this machine does not know`;
  }
  const certificate = isBundleWithCertificateChain(bundle)
    ? bundle.verificationMaterial.content.x509CertificateChain.certificates[0]?.rawBytes
    : content?.$case === 'certificate'
      ? content.certificate.rawBytes
      : undefined;
  const material = json['verificationMaterial'];
  const entries = isObject(material) ? material['tlogEntries'] : undefined;
  return unknownAnchor(
    certificate?.toString('base64') ?? '',
    Array.isArray(entries) ? entries : [],
    anchors,
  );
}
