import type { BundleEntry, EntryKind } from '../domain/bundle.js';
import type { Sha256 } from '../domain/digest.js';
import type {
  EcosystemName,
  EcosystemPlan,
  JsonObject,
  PlannedArtifact,
  ProofKind,
} from '../domain/plan.js';
import type { PurlLine } from '../domain/purl.js';
import type { Target } from '../domain/target.js';
import type { CatalogEntry, BundleRecord } from './catalog.js';
import type { PassedArtifact } from './passing.js';
import type { Report } from './progress.js';
import type { Store } from './store.js';

/** An input file as the user named it. */
export interface InputFile {
  /** Of one that was fetched: its address without login, query and fragment. */
  path: string;
  text: string;
  /** The whole address that it was fetched from, without login and fragment; missing for a file of this machine. */
  address?: string | undefined;
}

/** What one ecosystem read from the user's files. `requirements` is the ecosystem's own type. */
export interface ReadInput<R> {
  requirements: R;
  /** Nested files (`-r other.txt`) that were read too, in reading order, the first excluded. */
  nested: InputFile[];
  /** purl lines of any ecosystem found in the files. */
  purls: PurlLine[];
}

export interface PlanRequest<R> {
  /** One for each file that this ecosystem claimed. */
  requirements: R[];
  /** purl lines of this ecosystem's type, from all files. */
  purls: PurlLine[];
  targets: Target[];
  now: Date;
  /** Nothing that was published after it is chosen (`--not-newer-than`). */
  notNewerThan?: Date | undefined;
  report: Report;
  signal?: AbortSignal | undefined;
}

/** A file that an ecosystem adds to a bundle beside the artifacts: an index, a proof. */
export interface BundleDocument extends Pick<
  BundleEntry,
  | 'path'
  | 'ecosystem'
  | 'name'
  | 'version'
  | 'proof'
  | 'requires'
  | 'targets'
  | 'private'
  | 'detail'
> {
  kind: Exclude<EntryKind, 'package'>;
  /** Bytes, or a blob that the store holds already. */
  body: Uint8Array | { sha256: Sha256 };
}

/** An artifact whose bytes are held. */
export interface FetchedArtifact {
  artifact: PlannedArtifact;
  sha256: Sha256;
  /** Of npm's tarballs, and where the plan names it or a demand on its hashes is open. */
  sha512?: string | undefined;
  lengthBytes: number;
}

export interface SealRequest {
  bundle: string;
  artifacts: FetchedArtifact[];
  targets: Target[];
  store: Pick<Store, 'open' | 'read' | 'stat'>;
  now: Date;
  report: Report;
}

export interface Sealed {
  documents: BundleDocument[];
  /** By artifact path: which proof really held over the bytes. Weaker than planned is a warning; broken throws. */
  proofs: Map<string, { proof: ProofKind; note?: string }>;
  /** Extra signed detail by artifact path, merged into the entry. */
  details: Map<string, JsonObject>;
  warnings: string[];
}

/** The source's half of an ecosystem: parse, resolve, prove. */
export interface EcosystemSource<R = unknown> {
  readonly name: EcosystemName;
  /** The purl types that this ecosystem answers: `pypi`; `npm`; `deb`. */
  readonly purlType: string;
  /** Whether a file is this ecosystem's, by name or content. */
  claims(file: InputFile): boolean;
  /** Whether it reads this file though it was fetched: what it names is then fetched too, never read here. */
  claimsFetched?(file: InputFile): boolean;
  /**
   * Parses a claimed file.
   * @param readFile reads a file named inside it, relative to it, or fetches one by its http or https address.
   * @throws XError INPUT_MALFORMED with file:line:column and the text.
   */
  read(file: InputFile, readFile: (path: string) => Promise<InputFile>): Promise<ReadInput<R>>;
  /**
   * The closure for every target.
   * @throws XError NOT_RESOLVABLE, PACKAGE_NOT_FOUND, VERSION_NOT_FOUND (nearest names in the hint), NO_ARTIFACT, UPSTREAM_*.
   */
  plan(request: PlanRequest<R>): Promise<EcosystemPlan>;
  /**
   * Over held bytes: checks the publishers' evidence, proves the closure by a second walk, and writes
   * the documents that clients answer from.
   * @throws XError DIGEST_MISMATCH, SIGNATURE_INVALID, NOT_RESOLVABLE.
   */
  seal(request: SealRequest): Promise<Sealed>;
  /**
   * The copy of an input of the last plan whose addresses point at a gateway; undefined where nothing needs rewriting.
   * @param besideOf where the copy of a fetched input lies beside this one's, by its whole address.
   */
  rewriteInput(
    file: InputFile,
    gateway: string,
    besideOf?: (address: string) => string | undefined,
  ): Promise<InputFile | undefined>;
}

/** A native client's request, already decoded and bounded by the gateway. */
export interface NativeRequest {
  method: 'GET' | 'HEAD' | 'POST';
  /** The path below the ecosystem's mount, percent-decoded once, without a leading slash; no `..`. */
  path: string;
  query: URLSearchParams;
  /** Lower-case names. */
  headers: Readonly<Record<string, string>>;
  body?: Uint8Array | undefined;
  /** The gateway's address as this client reached it, without a trailing slash: `http://127.0.0.1:8470`. */
  baseUrl: string;
  /** Whether it came from this machine or a private address. */
  isNear?: boolean;
}

/**
 * What the gateway sends. An artifact is named by digest: the shell streams it, waits for it, or says 503.
 * `bytes` of status 200 to a GET depend on the path, the query, `accept`, the base URL and the view
 * alone: the gateway keeps them until the view's generation changes.
 */
export type NativeResponse =
  | { kind: 'bytes'; status: number; headers: Record<string, string>; bytes: Uint8Array }
  | { kind: 'artifact'; headers: Record<string, string>; entry: CatalogEntry }
  /** A file of the official source, from a gateway that reaches it. */
  | { kind: 'passed'; headers: Record<string, string>; artifact: PassedArtifact }
  /** `isPackage`: what was asked for is a package by its name, so somebody wants it here. */
  | { kind: 'not-found'; ecosystem: EcosystemName; what: string; isPackage?: boolean };

/** What `respond` may see: signed entries, and their bytes. */
export interface HeldView {
  bundles(): BundleRecord[];
  entriesByName(ecosystem: EcosystemName, name: string): CatalogEntry[];
  entryByPath(bundleId: string, path: string): CatalogEntry | undefined;
  entriesBySha256(sha256: Sha256): CatalogEntry[];
  names(ecosystem: EcosystemName): Iterable<string>;
  /** Verified bytes of a small entry; pulled first where they are still on their way. */
  read(entry: CatalogEntry, maxBytes: number): Promise<Uint8Array>;
  /** Another text whenever something else is held; missing where that is not known. */
  generation?(): string;
}

/** A view that answers are kept from. */
export interface ServedView extends HeldView {
  /** As the catalog's: an answer made from this view holds until it changes. */
  generation(): string;
}

/** What `x verify` says of one artifact. */
export interface ProofVerdict {
  proof: ProofKind;
  /** `holds`: checked against an anchor of this machine. `carried`: evidence is there, no anchor here. `broken`: fails. */
  verdict: 'holds' | 'carried' | 'broken' | 'none';
  /** One line: who published it, or what failed. */
  note: string;
}

/** How to point a native client at a gateway for one command, and nothing else of the machine. */
export interface ClientSettings {
  /** Set in the child's environment. */
  env: Record<string, string>;
  /** Files to write into the run's own folder first: relative path and text. `{dir}` in env and args is that folder. */
  files: { path: string; text: string }[];
  /** Arguments inserted after the command. */
  args: string[];
  /** Held blobs to write into the run's own folder, for a client that cannot be pointed at a gateway for them. */
  blobs?: { path: string; entry: CatalogEntry }[];
  /** The client cannot be pointed at a gateway by variables alone: nothing works without the files. */
  needsFolder?: boolean;
}

export interface SettingsRequest {
  /** The command's base name: pip, npm, apt-get… */
  command: string;
  gateway: string;
  bundles: BundleRecord[];
  view: HeldView;
  /** The environment that the command runs in, for variables that are added to. */
  env?: Readonly<Record<string, string | undefined>> | undefined;
  /** The text of a file in the folder where the command runs, or in the nearest above that has it. */
  projectFile?: ((name: string) => Promise<string | undefined>) | undefined;
  /** The Node that a script on this machine runs on; undefined where there is none. */
  node?: (() => Promise<NodeOnPath | undefined>) | undefined;
}

/** A Node, in its own words. */
export interface NodeOnPath {
  /** `22.5.1`. */
  version: string;
  /** `process.platform` and `process.arch`. */
  os: string;
  cpu: string;
}

/** A file of a native client's own configuration, as it should be. */
export interface ConfigurationFile {
  /** Absolute. */
  path: string;
  text: string;
}

export interface UseRequest {
  /** The gateway's address, without a trailing slash. */
  gateway: string;
  bundles: BundleRecord[];
  view: HeldView;
  /** The user's home folder. */
  home: string;
  env: Readonly<Record<string, string | undefined>>;
  /** The file of the certificate that the gateway shows, where clients have to be told to trust it. */
  certificate?: string | undefined;
  /** A configuration file as it stands, without what `use` put there before; undefined where there is none. */
  readFile(path: string): Promise<string | undefined>;
}

/** What points a native client at a gateway for good. */
export interface ClientConfiguration {
  files: ConfigurationFile[];
  /** What the user should know or do, one line each. */
  notes: string[];
}

/** What a gateway needs of an ecosystem. */
export interface GatewayServer {
  readonly name: EcosystemName;
  /** The first path segment that the gateway routes here: `pypi`, `npm`, `debian`. */
  readonly mount: string;
  /** Native commands it can configure. */
  readonly commands: readonly string[];
  respond(request: NativeRequest, view: HeldView): Promise<NativeResponse>;
  /** Makes ahead of being asked what takes long: called again when the view's generation changed. */
  prepare?(view: ServedView): void;
  /** What a person writes to use a gateway at an address, where nothing else does it. */
  howTo?(gateway: string): string[];
  /** Asks anew for what it keeps of a package; nothing where it keeps nothing. */
  refresh?(packageName: string): Promise<void>;
}

/** The isolated half of an ecosystem: answer, check, configure. Reaches nothing but the store. */
export interface EcosystemServer extends GatewayServer {
  /** Files of a project that may name a gateway by its address, once rewritten for one; its manifest first. */
  readonly projectFiles?: readonly string[];
  /** Checks the publisher's evidence that a bundle carries for one package entry. */
  checkProof(entry: CatalogEntry, view: HeldView, now: Date): Promise<ProofVerdict>;
  settings(request: SettingsRequest): Promise<ClientSettings>;
  /** The native client's own configuration, with the gateway in it. */
  use?(request: UseRequest): Promise<ClientConfiguration>;
  /**
   * What a person types to install one version of a package: on this machine, or on another that
   * reaches the gateway at the given address.
   */
  installCommand(name: string, version: string, gateway?: string): string;
  /**
   * The packages that a command's arguments name, where a client does not ask the gateway for those
   * that its index lacks.
   */
  askedNames?(args: readonly string[]): string[];
  /** The versions that a command's arguments name, where a client does not say which ones there are. */
  askedVersions?(args: readonly string[]): { name: string; version: string }[];
  /** A file of requirements that no bundle was made from, asking the gateway; undefined where that is not needed or not possible. */
  rewriteInput?(file: InputFile, gateway: string): string | undefined;
  /** What a command's arguments ask for though no bundle ever carries it, and what does it instead: one line. */
  neverCarried?(args: readonly string[]): string | undefined;
}
