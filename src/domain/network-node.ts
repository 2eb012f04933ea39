import type { Did } from './bundle.js';

/** Light nodes hold what they used lately; heavy ones have large stores, and stay. */
export type NodeKind = 'light' | 'heavy';

export const NODE_KINDS: readonly NodeKind[] = ['light', 'heavy'];

/** What is known of a node of the public swarm. Times are milliseconds since 1970. */
export interface NetworkNode {
  did: Did;
  /** Multiaddrs; the one that answered stands first. */
  addresses: readonly string[];
  /** The network that its address is in (`addressGroup`). */
  group: string;
  kind: NodeKind;
  /** Of its quota. */
  freeBytes: number;
  /** 0 idle to 1 full, by its own word. */
  load: number;
  firstHeardAtMs: number;
  /** Its last signed announcement or heartbeat, or its last answer. */
  heardAtMs: number;
  /** When a handshake proved it last, at an address of this group; 0 where none did. */
  answeredAtMs: number;
  /** Smoothed; 0 where it never answered. */
  roundTripMs: number;
}

/** First-hand experience with one node. Sums fade; `atMs` says as of when they stand. */
export interface ScoreRow {
  did: Did;
  /** Verified bytes that it served to this machine. */
  servedBytes: number;
  /** Bytes that it got from this machine. */
  receivedBytes: number;
  /** Time that it was seen to be there. */
  uptimeMs: number;
  successes: number;
  failures: number;
  /** What it sent was not what it claimed to be; it is not asked before `shunnedUntilMs`. */
  lies: number;
  shunnedUntilMs: number;
  firstSeenAtMs: number;
  atMs: number;
}
