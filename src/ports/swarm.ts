import type { Did, PieceManifest } from '../domain/bundle.js';
import type { Refusal } from '../domain/membership.js';

export interface SwarmAddresses {
  did: Did;
  /** Multiaddrs this process listens on. */
  addresses: string[];
}

/** Live counters of one peer, for `x peers` and progress. */
export interface PeerStatus {
  did: Did;
  address: string;
  isMaster: boolean;
  bytesIn: number;
  bytesOut: number;
  piecesHeld: number;
}

/** What a pull tells while it runs. */
export type PullEvent =
  | { event: 'connected'; did: Did; address: string; isMaster: boolean }
  | { event: 'disconnected'; did: Did }
  /** A peer sent a piece that is not what was signed; it is not spoken to again. */
  | { event: 'bad-piece'; did: Did; path: string; index: number }
  /** A blob of this bundle rotted on this machine's disk; it is fetched afresh where a peer has it. */
  | { event: 'damaged'; path: string }
  /** A master answers, for the first time or again; it may have something newer. */
  | { event: 'reachable'; address: string }
  /** A master does not answer; `attempt` goes on for ever, with growing pauses. */
  | { event: 'unreachable'; address: string; reason: string; attempt: number }
  | { event: 'held'; bytes: number; fromMaster: number; fromSiblings: number };

export interface ShareRequest {
  /** Addresses of masters (HOST, HOST:PORT, multiaddr) to pull from; none means serving only. */
  masters: readonly string[];
  /** Whom the signed metadata lists as masters: wherever they are met, they are asked as such. */
  listed?: readonly Did[] | undefined;
  /** Paths of the entries to pull; undefined means all. More can be asked for with `want`. */
  paths?: ReadonlySet<string> | undefined;
  onEvent?: ((event: PullEvent) => void) | undefined;
}

/** A bundle that is being pulled, or is complete and shared. */
export interface Share {
  readonly manifest: PieceManifest;
  /** Bytes of the bundle; what several entries share is counted once. */
  readonly totalBytes: number;
  /** Bytes of the bundle that are held and verified. */
  heldBytes(): number;
  /** How much of each of `parts` equal parts is held, in percent, in the order of the paths. */
  arrival(parts: number): number[];
  /** Whether an entry is on disk, whole. */
  has(path: string): boolean;
  /**
   * Moves an entry to the front of the queue; resolves when it is whole.
   * @throws XError DISK_FULL, IO_FAILED, DIGEST_MISMATCH; INCOMPLETE where the share is stopped;
   *   PACKAGE_NOT_FOUND where the manifest names no such path; the signal's reason.
   */
  want(path: string, signal?: AbortSignal): Promise<void>;
  /** Resolves when every entry that was asked for is whole. Throws as `want`. */
  complete(signal?: AbortSignal): Promise<void>;
  /**
   * Resolves when no connected peer lacks anything that is held here, or after `limitMs`: what a
   * client that is done and would leave owes its siblings.
   */
  unneeded(limitMs: number, signal?: AbortSignal): Promise<void>;
  /** Paths of what was asked for and is not whole, one for each content. */
  missing(): string[];
  /**
   * Paths of what is missing here and of which no connected peer has every missing piece; undefined
   * while no master is connected, for it may have them.
   */
  unobtainable(): string[] | undefined;
  peers(): PeerStatus[];
  stop(): Promise<void>;
}

/** One peer-to-peer host: it serves what the catalog holds and pulls what a manifest lacks. */
export interface Swarm {
  start(): Promise<SwarmAddresses>;
  /**
   * Asks a peer which bundles it offers.
   * @param address host, host:port, or a multiaddr.
   * @throws XError MASTER_UNREACHABLE, WRONG_SOURCE where `did` is given and another answers.
   */
  listBundles(
    address: string,
    did?: Did,
  ): Promise<{
    did: Did;
    bundles: { name: string; source: Did; version: number }[];
    /** Why it keeps further bundles back, where it does. */
    refusal?: Refusal | undefined;
  }>;
  /**
   * Exchanges an invitation's token for a membership, unverified: trust decides.
   * @throws XError as listBundles; INVITATION_REFUSED, NOT_A_MEMBER.
   */
  join(address: string, did: Did, token: string): Promise<Uint8Array>;
  /**
   * The signed metadata files of a bundle, unverified: trust decides. Bounded.
   * @throws XError as listBundles; NOT_A_MEMBER.
   */
  fetchMetadata(
    address: string,
    bundle: { name: string; source: Did },
    file: string,
    maxBytes: number,
  ): Promise<Uint8Array | undefined>;
  /**
   * Serves a bundle, and pulls what is missing from masters and siblings. A bundle that is shared
   * already (the same manifest digest) is returned as it is, with the new masters and paths added.
   * @throws XError METADATA_INVALID, LIMIT_EXCEEDED, USAGE.
   */
  share(manifest: PieceManifest, request: ShareRequest): Promise<Share>;
  /** Every peer that a piece stream is open to, shares or not. */
  peers(): { did: Did; address: string }[];
  stop(): Promise<void>;
}
