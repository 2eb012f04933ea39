import type { BundleRecord } from './catalog.js';
import type { Did, Manifest } from '../domain/bundle.js';

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
  | { event: 'bad-piece'; did: Did; path: string; index: number }
  | { event: 'held'; bytes: number; fromMaster: number; fromSiblings: number };

/** A bundle that is being pulled, or is complete and shared. */
export interface Share {
  readonly manifest: Manifest;
  /** Bytes of the bundle that are held and verified. */
  heldBytes(): number;
  /** Moves an entry to the front of the queue; resolves when it is whole. */
  want(path: string, signal?: AbortSignal): Promise<void>;
  /** Resolves when every entry is whole. */
  complete(signal?: AbortSignal): Promise<void>;
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
  ): Promise<{ did: Did; bundles: { name: string; source: Did; version: number }[] }>;
  /** The signed metadata files of a bundle, unverified: trust decides. Bounded. */
  fetchMetadata(
    address: string,
    bundle: { name: string; source: Did },
    file: string,
    maxBytes: number,
  ): Promise<Uint8Array | undefined>;
  /** Serves a bundle, and pulls what is missing from `masters` and siblings. Idempotent by manifest digest. */
  share(
    manifest: Manifest,
    record: BundleRecord,
    masters: string[],
    onEvent: (event: PullEvent) => void,
  ): Promise<Share>;
  stop(): Promise<void>;
}
