import type { BundleEntry, Did, Manifest, PieceEntry } from '../domain/bundle.js';
import type { Sha256 } from '../domain/digest.js';
import type { EcosystemName } from '../domain/plan.js';
import type { PackagePage, PackageQuery, Wish } from './insight.js';

/** The role this data folder plays for a bundle: it signed it, or it was brought here. */
export type BundleRole = 'source' | 'client';

export interface BundleRecord {
  /** `NAME@DID`, unique. */
  id: string;
  name: string;
  source: Did;
  role: BundleRole;
  version: number;
  manifestDigest: Sha256;
  signedAt: string;
  expiresAt: string;
  graceDays: number;
  entries: number;
  bytes: number;
}

/** An entry with the bundle that signed it. */
export interface CatalogEntry extends BundleEntry {
  bundleId: string;
  bundleName: string;
}

/** Signed TUF files by file name (`1.root.json`, `timestamp.json`, `3.snapshot.json`…), byte for byte. */
export type MetadataFiles = ReadonlyMap<string, Uint8Array>;

/** What is known about bundles: the database beside the store. All reads are synchronous and small, or iterate. */
export interface Catalog {
  /** Replaces a bundle's metadata, manifest and entries in one transaction. */
  saveBundle(manifest: Manifest, role: BundleRole, metadata: MetadataFiles): BundleRecord;
  /**
   * As saveBundle, but only where the metadata that is here is still `held`, byte for byte (empty:
   * none): what was checked against it holds against nothing else. Undefined where it is not.
   */
  replaceBundle(
    held: MetadataFiles,
    manifest: Manifest,
    role: BundleRole,
    metadata: MetadataFiles,
  ): BundleRecord | undefined;
  bundles(): BundleRecord[];
  bundle(id: string): BundleRecord | undefined;
  metadata(bundleId: string): MetadataFiles;
  /** In path order. */
  entries(bundleId: string): Iterable<BundleEntry>;
  /** The same in the same order, as far as moving them takes. */
  pieceEntries(bundleId: string): Iterable<PieceEntry>;
  entryByPath(bundleId: string, path: string): CatalogEntry | undefined;
  entriesByPrefix(bundleId: string, prefix: string): Iterable<CatalogEntry>;
  /**
   * Files that clients install, for whose path different sources signed different bytes: each with all
   * its entries, in the order their bundles were first saved; so many paths at most.
   */
  conflicts(limit: number): CatalogEntry[][];
  /** Across bundles, in the order the bundles were first saved. */
  entriesByName(ecosystem: EcosystemName, name: string): CatalogEntry[];
  entriesBySha256(sha256: Sha256): CatalogEntry[];
  /** Distinct normalised names of packages, sorted. */
  names(ecosystem: EcosystemName): Iterable<string>;
  /** Distinct names that an entry of some bundle keeps private. */
  privateNames(ecosystem: EcosystemName): Iterable<string>;
  /** Names of packages that contain a text: equal ones first, then those that begin with it. */
  search(query: PackageQuery): PackagePage;
  removeBundle(id: string): void;
  /**
   * Another text whenever a bundle was saved or removed since: by this process at once, by another
   * within BOUNDS.catalogNoticeMs. Cheap.
   */
  generation(): string;

  /** Which source a bundle name was first accepted from, per master or volume; the pin. */
  pinnedSources(): { did: Did; firstSeen: string; how: string }[];
  pinSource(did: Did, how: string, at: string): void;

  /** Notes that something was asked for in vain; the least lately asked go where there are too many. */
  addWish(wish: { ecosystem: EcosystemName; name: string; at: string }): Promise<void>;
  /** The most asked for first. */
  wishes(): Wish[];
  clearWishes(): void;

  /** Small durable values: `highest-signing-time`, `upstream-etag:…`. */
  getValue(key: string): string | undefined;
  setValue(key: string, value: string): void;
  /** What is wrong with the database itself, one line each; empty where it is sound. Reads all of it. */
  check(): string[];
  close(): void;
}
