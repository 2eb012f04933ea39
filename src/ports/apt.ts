import type { Sha256 } from '../domain/digest.js';

/** A file of apt's own configuration, as it stands on disk. */
export interface AptFile {
  path: string;
  text: string;
}

/** What a machine's apt is set to: read here, understood by the Debian ecosystem. */
export interface AptHost {
  /** sources.list, then sources.list.d in apt's order. */
  sources: AptFile[];
  /** apt.conf.d in apt's order, then apt.conf. */
  configuration: AptFile[];
  /** preferences, then preferences.d. */
  preferences: AptFile[];
  /** dpkg's name of the machine's architecture, where dpkg says it. */
  architecture: string | undefined;
  /** dpkg's further architectures. */
  foreignArchitectures?: string[] | undefined;
  /** The keyrings that apt trusts for sources without Signed-By. */
  trustedKeyrings: string[];
  /** @throws XError INPUT_NOT_FOUND. */
  readKeyring(path: string): Promise<Uint8Array>;
  /** dpkg's status: what is installed. @throws XError INPUT_NOT_FOUND. */
  readStatus(): Promise<string>;
}

/** Indexes in a parsed form, kept from run to run by the digest of what they were parsed from. */
export interface ParsedIndexes {
  /** The bytes as they were saved; undefined where there are none, or none that are intact. */
  load(indexSha256: Sha256): Promise<Buffer | undefined>;
  save(indexSha256: Sha256, parts: readonly Uint8Array[]): Promise<void>;
}

/** What a verified Release file said when it was last read. */
export interface SeenRelease {
  /** ISO 8601. */
  date: string;
  codename?: string | undefined;
  origin?: string | undefined;
}

/** The newest Release file of each suite that was ever accepted here, by address. */
export interface SeenReleases {
  get(suite: string): Promise<SeenRelease | undefined>;
  put(suite: string, release: SeenRelease): Promise<void>;
}
