import type { Sha256 } from '../../domain/digest.js';

/** What a plan must know of a verified Release file. */
export interface ReleaseFacts {
  /** Names the suite in a bundle; unique among the configured sources. */
  suiteId: string;
  /** The repository's address without credentials, with a trailing slash. */
  baseUrl: string;
  origin: string | undefined;
  label: string | undefined;
  suite: string | undefined;
  codename: string | undefined;
  version: string | undefined;
  isNotAutomatic: boolean;
  isButAutomaticUpgrades: boolean;
  /** The signed file as it was fetched. */
  sha256: Sha256;
  /** Of Release.gpg, where the signature stands apart. */
  signatureSha256: Sha256 | undefined;
  /** Whether a public archive's keyring verified it. */
  isPublic: boolean;
}

/** One Packages file of a suite. */
export interface ReleaseIndex {
  release: ReleaseFacts;
  component: string;
  architecture: string;
  /** Its path below the Release file: `main/binary-amd64/Packages.xz`. */
  path: string;
  sha256: Sha256;
}
