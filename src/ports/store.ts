import type { Digests, Sha256 } from '../domain/digest.js';

/** A blob that the store holds whole and verified. */
export interface StoredBlob {
  sha256: Sha256;
  sha512: string;
  lengthBytes: number;
  /** Hex root of its piece tree. */
  pieceRoot: Sha256;
}

export interface PutExpectation {
  /** Every digest given must hold, or nothing is stored. */
  digests?: Digests;
  lengthBytes?: number | undefined;
  /** A bound where the length is not known. */
  maxBytes: number;
}

/** A blob that is on its way in pieces. Survives a kill: what `hold` reported stays held. */
export interface PartialBlob {
  readonly sha256: Sha256;
  readonly lengthBytes: number;
  /** Whether piece `index` is written and flushed. */
  holds(index: number): boolean;
  heldCount(): number;
  /**
   * Writes pieces that the caller has verified against the tree, `first` onward. Durable (as the
   * store defines it) before it resolves.
   */
  write(first: number, pieces: readonly Uint8Array[]): Promise<void>;
  /** Reads a held piece, checked again against its leaf hash. */
  read(index: number): Promise<Uint8Array>;
}

/**
 * Content-addressed blobs on disk. Nothing is visible under its digest before it is verified and
 * flushed. Reads check what they return: a blob that rotted is never handed out, it is dropped and
 * reported as STORE_DAMAGED, so that the caller fetches it afresh.
 */
export interface Store {
  /** Whole and verified blobs only. */
  stat(sha256: Sha256): StoredBlob | undefined;
  findBySha512(sha512: string): StoredBlob | undefined;

  /**
   * Stores a body, hashing while it arrives, in bounded memory.
   * @throws XError DIGEST_MISMATCH, LIMIT_EXCEEDED, DISK_FULL; what the source throws.
   */
  put(source: AsyncIterable<Uint8Array>, expected: PutExpectation): Promise<StoredBlob>;
  /** As put, for bytes in memory. */
  putBytes(bytes: Uint8Array, digests?: Digests): Promise<StoredBlob>;
  /**
   * A download that resumes: `fetch` is called with the offset already on disk under `key`, and may
   * answer from 0 instead.
   */
  putResumable(
    key: string,
    fetch: (offset: number) => Promise<{ offset: number; stream: AsyncIterable<Uint8Array> }>,
    expected: PutExpectation,
  ): Promise<StoredBlob>;

  /**
   * A verified read of bytes `start` to `end` (exclusive; default the whole blob), piece by piece,
   * each checked against its leaf hash before it is yielded.
   * @throws XError STORE_DAMAGED.
   */
  open(sha256: Sha256, range?: { start: number; end: number }): AsyncIterable<Uint8Array>;
  /** A verified read of a whole small blob. */
  read(sha256: Sha256, maxBytes: number): Promise<Uint8Array>;

  /** The leaf hashes of a whole blob or of a partial whose tree is known; undefined otherwise. */
  leaves(sha256: Sha256): Uint8Array[] | undefined;
  /** Begins or continues a blob in pieces; `leaves` must hash to the signed root (the caller has checked). */
  partial(sha256: Sha256, lengthBytes: number, leaves: Uint8Array[]): PartialBlob;
  /** Partials that were begun and are not whole, for a restart. */
  partials(): { sha256: Sha256; lengthBytes: number; heldPieces: number }[];
  /**
   * Turns a partial that holds every piece into a whole blob, its sha256 checked over the bytes.
   * @throws XError DIGEST_MISMATCH.
   */
  complete(sha256: Sha256): Promise<StoredBlob>;
  /** Forgets a blob or partial. */
  remove(sha256: Sha256): Promise<void>;

  /** Re-reads and checks one blob in full. False (and forgotten) where it is damaged. */
  verify(sha256: Sha256): Promise<boolean>;
  close(): Promise<void>;
}
