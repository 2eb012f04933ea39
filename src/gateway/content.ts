import { BOUNDS } from '../domain/bounds.js';
import type { CatalogEntry } from '../ports/catalog.js';
import type { Store } from '../ports/store.js';

/** What a gateway sends, wherever it is. */
export type NamedBlob = Pick<CatalogEntry, 'path' | 'sha256' | 'lengthBytes'>;

/** Where a gateway's bytes come from: the verified store, and whoever fills it. */
export interface GatewayContent<E extends NamedBlob = CatalogEntry> {
  /** Whether the entry is whole and verified here. */
  held(entry: E): boolean;
  /**
   * Brings an entry here, also one that was held and turned out damaged; resolves when it is whole.
   * @throws what stops it; the signal's reason.
   */
  want(entry: E, signal: AbortSignal): Promise<void>;
  /**
   * Bytes `start` to `end` (exclusive), each piece verified before it is yielded. Of more than
   * BOUNDS.runBytes a chunk is used up when the next one is asked for.
   * @param into memory as long as the range, where a part of one piece may lie.
   * @throws XError STORE_DAMAGED.
   */
  open(
    entry: E,
    range: { start: number; end: number },
    into?: Uint8Array,
  ): AsyncIterable<Uint8Array>;
}

/** What the gateway tells its owner while it serves. */
export type GatewayLog = (line: { level: 'warn' | 'error'; message: string }) => void;

/**
 * A store's verified blobs, and whoever brings those that it lacks.
 * @param onRead is told of bytes on their way to a client that leave garbage behind.
 */
export function storeContent(
  store: Pick<Store, 'stat' | 'open' | 'stream'>,
  want: GatewayContent['want'],
  onRead: (count: number) => void = () => undefined,
): GatewayContent {
  return {
    held: (entry) => store.stat(entry.sha256) !== undefined,
    want,
    async *open(entry, range, into) {
      if (range.end - range.start > BOUNDS.runBytes) {
        yield* store.stream(entry.sha256, range, true);
        return;
      }
      for await (const piece of store.open(entry.sha256, range, into)) {
        if (into === undefined) onRead(piece.length);
        yield piece;
      }
    },
  };
}
