import type { Digests } from './digest.js';

export const ECOSYSTEM_NAMES = ['pypi', 'npm', 'debian'] as const;

/** A world of packages with its own client. */
export type EcosystemName = (typeof ECOSYSTEM_NAMES)[number];

/** Where an artifact's bytes came from, or are to come from. */
export type Origin = 'store' | 'local' | 'sibling' | 'swarm' | 'upstream';

/**
 * What kind of publisher's evidence an artifact has, strongest first:
 * `debian-release` InRelease > Packages > sha256; `npm-provenance` sigstore's word who built a tarball;
 * `npm-signature` the registry's ECDSA signature;
 * `pep740` a sigstore attestation; `index-hash` a digest from an index over TLS or a local file;
 * `none` nothing but the bytes.
 */
export type ProofKind =
  'debian-release' | 'npm-provenance' | 'npm-signature' | 'pep740' | 'index-hash' | 'none';

/** JSON values, as kept in signed metadata. */
export type JsonValue = string | number | boolean | null | JsonValue[] | JsonObject;
export interface JsonObject {
  [key: string]: JsonValue;
}

/** One artifact that a plan selects. */
export interface PlannedArtifact {
  /** Canonical, versioned, unique in the plan with `filename`. */
  purl: string;
  ecosystem: EcosystemName;
  /** The ecosystem's normalised name. */
  name: string;
  version: string;
  filename: string;
  /** The path in the bundle: `pypi/numpy/numpy-….whl`, `npm/lodash/lodash-4.17.21.tgz`, `debian/pool/…`. */
  path: string;
  /** Undefined where the index does not say. */
  sizeBytes: number | undefined;
  digests: Digests;
  /** http, https or file address, without credentials. */
  url: string;
  /** What resolution expects to hold; the verdict over real bytes comes with the bundle. */
  proof: ProofKind;
  /** purls of the artifacts that require this one; empty for what the user asked for. */
  requiredBy: string[];
  /** purls of the artifacts that this one requires, in this plan. */
  requires: string[];
  /** Ids of the targets that need it. */
  targets: string[];
  /** True unless the publisher is public (no credentials, default index or verified public proof). */
  private: boolean;
  /** What the ecosystem needs later to write indexes; never trusted from elsewhere. */
  detail: JsonObject;
}

/** What resolution answers for one ecosystem. */
export interface EcosystemPlan {
  artifacts: PlannedArtifact[];
  warnings: string[];
}

/** What resolution answers for a whole input. */
export interface Plan {
  name: string;
  /** Target ids. */
  targets: string[];
  artifacts: PlannedArtifact[];
  warnings: string[];
}
