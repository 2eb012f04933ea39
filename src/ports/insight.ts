import type { Did } from '../domain/bundle.js';
import type { NodeKind } from '../domain/network-node.js';
import type { EcosystemName, ProofKind } from '../domain/plan.js';
import type { BundleRecord } from './catalog.js';
import type { Marked } from './marked-files.js';
import type { PeerStatus } from './swarm.js';

/** A bundle as it is on this machine now. */
export interface BundleStatus extends BundleRecord {
  heldBytes: number;
  /** How much of each of ARRIVAL_PARTS equal parts is held, in percent, in the order of the paths. */
  arrival: number[];
}

/** A node of the public swarm, as `x peers` shows it. */
export interface NodeRow {
  did: Did;
  address: string;
  kind: NodeKind;
  freeBytes: number;
  load: number;
  roundTripMs: number;
  heardAt: string;
  isConnected: boolean;
}

/** What this machine has seen of one itself. */
export interface RankRow {
  did: Did;
  score: number;
  servedBytes: number;
  receivedBytes: number;
  uptimeMs: number;
  failures: number;
  lies: number;
  shunnedUntil: string | undefined;
}

export interface NetworkView {
  /** Undefined where nothing runs: what was known last. */
  network: string | undefined;
  did: Did | undefined;
  addresses: readonly string[];
  nodes: NodeRow[];
  ranking: RankRow[];
}

/** Into how many parts a bundle's arrival is shown. */
export const ARRIVAL_PARTS = 128;

/** The process and what it holds, at one moment. */
export interface Status {
  /** ISO 8601. */
  at: string;
  version: string;
  /** What this process does; `none`: nobody lives here, and the disk alone is read. */
  role: 'client' | 'source' | 'gateway' | 'node' | 'none';
  did: Did | undefined;
  bundles: BundleStatus[];
  peers: (PeerStatus & { bundleId: string })[];
  /** What this machine may have of sources that give to members only; of several the one that ends last. */
  memberships: { source: Did; bundles: string[]; notAfter: string }[];
  disk: { blobs: number; heldBytes: number; freeBytes: number | undefined };
  /** Package files elsewhere on this machine that are read where they lie. */
  marked: Marked;
  wishes: number;
  /** Files for which several sources signed other bytes: whose is served, and why. */
  conflicts: { path: string; bundle: string; reason: string }[];
  /** Where this process is part of the public swarm. */
  network?: NetworkView | undefined;
  /** What a person writes to use a gateway that passes the official sources on, at its own address. */
  howTo?: { gateway: string; lines: readonly string[] } | undefined;
}

export interface PackageQuery {
  /** Part of a name; empty for all. */
  text: string;
  ecosystem: EcosystemName | undefined;
  offset: number;
  limit: number;
  /** Packages that are passed over. */
  without?: readonly { ecosystem: EcosystemName; name: string }[] | undefined;
}

/** A query, and where the one who asks will install. */
export interface PackageQuestion extends PackageQuery {
  /** The gateway as another machine reaches it; undefined on this one. */
  gateway?: string | undefined;
}

/** Names that match, those that equal or begin with the text first. */
export interface PackagePage {
  total: number;
  packages: { ecosystem: EcosystemName; name: string }[];
}

/** One version of a package as one bundle carries it. */
export interface HeldVersion {
  version: string;
  bundle: string;
  files: number;
  bytes: number;
  heldBytes: number;
  /** Target ids; empty: for any. */
  targets: string[];
  proof: ProofKind;
  licence: string | undefined;
  /** What to type to install it. */
  install: string;
}

export interface HeldPackage {
  ecosystem: EcosystemName;
  name: string;
  /** Newest first, as far as the numbers in them tell. */
  versions: HeldVersion[];
}

/** Something that was asked of the gateway and is in no bundle. */
export interface Wish {
  ecosystem: EcosystemName;
  name: string;
  times: number;
  /** ISO 8601. */
  firstAt: string;
  lastAt: string;
}

/** What the gateway shows of itself and the catalog to people. */
export interface Insight {
  status(): Status;
  search(question: PackageQuestion): PackagePage & { packages: HeldPackage[] };
  wishes(): Wish[];
}
