import type { Digests } from '../domain/digest.js';
import type { JsonObject } from '../domain/plan.js';

/** What npm's own configuration (project, user, global, environment) says about registries. */
export interface NpmSettings {
  /** The default registry, without credentials. */
  registry: string;
  /** Registries of single scopes: `@scope` to address. */
  scopes: Record<string, string>;
  /** The configured `omit` types: `dev`, `optional`, `peer`. */
  omit: string[];
  /** What fetching the tarballs needs of the same configuration. */
  connection: {
    httpProxy: string | undefined;
    httpsProxy: string | undefined;
    noProxy: string | undefined;
    /** PEM texts of `ca` and `cafile`. */
    certificateAuthorities: string[];
  };
}

/** A folder that npm links instead of fetching: a workspace, or a `file:` folder inside the project. */
export interface NpmFolder {
  /** Relative to the project, forward slashes, inside it. */
  path: string;
  manifest: JsonObject;
}

/** A tree to build as npm would: from a package.json alone, or a lockfile taken as it stands. */
export interface NpmTreeRequest {
  /** For messages: the file that asks. */
  label?: string | undefined;
  /** The root package.json. */
  manifest: JsonObject;
  /** A package-lock.json (version 1 to 3), completed where it lacks other platforms' binaries. */
  lockfile?: JsonObject | undefined;
  folders: NpmFolder[];
  /** The project's own folder, for its .npmrc; undefined where there is none. */
  project?: string | undefined;
  /** The Node version that versions are chosen for. */
  nodeVersion?: string | undefined;
  /** Only versions that were published by then are chosen. */
  before?: Date | undefined;
  signal?: AbortSignal | undefined;
}

export type NpmEdgeType = 'prod' | 'dev' | 'optional' | 'peer' | 'peerOptional' | 'workspace';

export interface NpmTreeEdge {
  /** The name it is installed under; an alias is not the package's name. */
  name: string;
  type: NpmEdgeType;
  /** The range that holds, an override included. */
  spec: string;
  /** What a project's package.json says, where a lockfile tells it apart from what it locks. */
  asked?: string;
  /** True where an override replaced the range that the package declares. */
  overridden: boolean;
  /** The id of the node that answers it. */
  to: string | undefined;
}

export interface NpmTreeNode {
  /** The location in the tree, unique; the root's is empty. */
  id: string;
  /** The package's own name, aliases resolved; empty for folders without one. */
  name: string;
  version: string;
  /** `registry` is fetched by name; `folder` is local; `bundled` comes inside its parent's tarball. */
  kind: 'root' | 'registry' | 'folder' | 'bundled' | 'other';
  /** For `other`: the git or tarball address, without credentials. */
  resolved: string | undefined;
  /** The lockfile's Subresource Integrity, or the registry's. */
  integrity: string | undefined;
  /** Why an optional dependency could not be loaded. */
  failure: string | undefined;
  os: string[];
  cpu: string[];
  libc: string[];
  engineNode: string | undefined;
  edges: NpmTreeEdge[];
  /** Dependencies that its manifest declares and its lockfile, on purpose, does not have. */
  leftOut?: string[];
  /** True where the client fetches it whatever the platform: Yarn patches it first, and looks then. */
  everywhere?: boolean;
}

/** npm's ideal tree as plain data; it holds all platforms. */
export interface NpmTree {
  /** The root first. */
  nodes: NpmTreeNode[];
  warnings: string[];
  /**
   * True for a lockfile as it stands: its packages' platforms may be unknown, and other platforms'
   * binaries may be missing.
   */
  taken?: boolean;
  /** True where the client fetches every optional package, whatever platform it is for (Yarn 1). */
  everyPlatform?: boolean;
  /**
   * True where the client fetches what a package for another platform needs, though not that package
   * itself (Yarn 2 and newer: node-gyp, of which only macOS's fsevents has need).
   */
  throughUnfit?: boolean;
  /** Optional dependencies that the project leaves out on purpose, where its lockfile says so. */
  ignoredOptionals?: string[];
}

/** How one version of a package is chosen. */
export interface NpmChoice {
  /** Range, version or dist-tag. */
  spec: string;
  project?: string | undefined;
  nodeVersion?: string | undefined;
  before?: Date | undefined;
}

/** One published version. */
export interface NpmRelease {
  /** The version's manifest, pruned to what resolving and installing need; `dist.tarball` is the address to fetch, without credentials. */
  manifest: JsonObject;
  /** ISO 8601; undefined where the registry does not say. */
  time: string | undefined;
  /** The dist-tags that point at it. */
  tags: string[];
  /** The registry that answered, without credentials. */
  registry: string;
  /** True for npm's official registry, asked without credentials. */
  isPublic: boolean;
}

/** A dependency that comes from elsewhere than a registry. */
export interface NpmForeignRequest {
  /** `remote`: a tarball at an http address; `git`: a repository's address with a committish. */
  kind: 'remote' | 'git';
  address: string;
  /** The lockfile's Subresource Integrity of a tarball. */
  integrity?: string | undefined;
  project?: string | undefined;
}

/** Its bytes, as a tarball on this machine. */
export interface NpmForeign {
  kind: 'remote' | 'git';
  /** The address that it came from, without credentials; of git with the full commit. */
  address: string;
  /** Its package.json. */
  manifest: JsonObject;
  /** A file address, which holds until the registry is closed. */
  url: string;
  sizeBytes: number;
  digests: Digests;
}

/** All versions of a package, as its registry lists them. */
export interface NpmPackument {
  name: string;
  distTags: Record<string, string>;
  /** ISO 8601, by version; empty where it was asked for in short. */
  time: Record<string, string>;
  /** As in NpmRelease. */
  versions: Record<string, JsonObject>;
  /** As in NpmRelease. */
  isPublic: boolean;
  /** When it was seen, where the registry could not be asked now. */
  seenAt: Date | undefined;
}

/** Whole packuments, asked anew each time. */
export interface NpmPackuments {
  /**
   * @param isFull with the times of publication.
   * @throws XError PACKAGE_NOT_FOUND, UPSTREAM_*, LIMIT_EXCEEDED.
   */
  packument(name: string, isFull: boolean): Promise<NpmPackument>;
}

/** The npm registry as npm itself would use it. Never runs a script, never writes node_modules. */
export interface NpmRegistry {
  settings(project?: string): Promise<NpmSettings>;
  /**
   * @throws XError PACKAGE_NOT_FOUND, VERSION_NOT_FOUND (nearest versions in the hint),
   *   NOT_RESOLVABLE, INPUT_MALFORMED, UPSTREAM_*.
   */
  tree(request: NpmTreeRequest): Promise<NpmTree>;
  /** @throws XError PACKAGE_NOT_FOUND, VERSION_NOT_FOUND (nearest versions in the hint), UPSTREAM_*, LIMIT_EXCEEDED. */
  release(name: string, version: string, project?: string): Promise<NpmRelease>;
  /**
   * The version that npm would choose.
   * @throws XError as release.
   */
  choose(name: string, choice: NpmChoice): Promise<NpmRelease>;
  /**
   * Fetches a tarball from its address, or packs a commit of a git repository without running a script.
   * @throws XError NOT_RESOLVABLE, UPSTREAM_*, DIGEST_MISMATCH, LIMIT_EXCEEDED, CLIENT_MISSING (no git).
   */
  foreign(request: NpmForeignRequest): Promise<NpmForeign>;
  /** The workspace folders that a root package.json's patterns name, found on disk. */
  workspaces(project: string, manifest: JsonObject): Promise<NpmFolder[]>;
}
