import type { CatalogEntry } from '../ports/catalog.js';

/** Where a gateway's bytes come from: the verified store, and whoever fills it. */
export interface GatewayContent {
  /** Whether the entry is whole and verified here. */
  held(entry: CatalogEntry): boolean;
  /**
   * Brings an entry here, also one that was held and turned out damaged; resolves when it is whole.
   * @throws what stops it; the signal's reason.
   */
  want(entry: CatalogEntry, signal: AbortSignal): Promise<void>;
  /**
   * Bytes `start` to `end` (exclusive), each piece verified before it is yielded.
   * @throws XError STORE_DAMAGED.
   */
  open(entry: CatalogEntry, range: { start: number; end: number }): AsyncIterable<Uint8Array>;
}

/** What the gateway tells its owner while it serves. */
export type GatewayLog = (line: { level: 'warn' | 'error'; message: string }) => void;
