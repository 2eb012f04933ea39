import type { Digests, Sha256 } from '../domain/digest.js';
import type { PieceBytes } from '../domain/piece.js';

/** A blob that the store holds whole and verified. */
export interface StoredBlob {
  sha256: Sha256;
  /** Where it was asked for when the blob came: an npm tarball's, and what a source downloads. */
  sha512?: string | undefined;
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
  write(first: number, pieces: readonly PieceBytes[]): Promise<void>;
  /**
   * Reads a held piece, checked again against its leaf hash.
   * @param into memory of a piece's size that may be used for it.
   */
  read(index: number, into?: Uint8Array): Promise<Uint8Array>;
}

/** A body on its way into the store, which can be read meanwhile by as many as want to. */
export interface Arrival {
  /** Resolves when it is checked and stored; rejects as put does, and then nothing of it is kept. */
  readonly stored: Promise<StoredBlob>;
  /**
   * The bytes from `start` on, while they come; ends when all are stored, and throws where they are not.
   * They are the sender's word until then: whoever passes them on holds back the end.
   */
  follow(start: number): AsyncIterable<Uint8Array>;
}

/**
 * Bytes that nobody has vouched for yet. No digest leads to them, nobody else sees them, and a process
 * that is killed leaves nothing of them.
 */
export interface Quarantine {
  /**
   * Writes at an offset: whole pieces in any order, or bytes in their own. They are the quarantine's until
   * it resolves.
   * @throws XError DISK_FULL, IO_FAILED.
   */
  write(atBytes: number, bytes: PieceBytes): Promise<void>;
  /**
   * Hashes all of it and, where every digest and the length are those expected, makes it a blob:
   * flushed first, then visible. Over either way.
   * @throws XError DIGEST_MISMATCH, DISK_FULL, IO_FAILED: then nothing of it is kept.
   */
  admit(): Promise<StoredBlob>;
  /** Forgets all of it. */
  discard(): Promise<void>;
}

/** What an audit found. */
export interface AuditResult {
  /** What was read again, because its file was not as the store had left it. */
  rereadBytes: number;
  /** Dropped by now; `piece` where only that one of a partial is lost. */
  damaged: { sha256: Sha256; piece: number | undefined }[];
}

/**
 * Whole blobs that are read by digest, wherever they lie: in the store, or marked in a folder of this
 * machine. Every piece is checked against its leaf hash before it is yielded.
 */
export interface ReadableBlobs {
  /** Whole and verified blobs only. */
  stat(sha256: Sha256): StoredBlob | undefined;
  findBySha512(sha512: string): StoredBlob | undefined;
  /**
   * A verified read of bytes `start` to `end` (exclusive; default the whole blob), piece by piece,
   * each checked against its leaf hash before it is yielded.
   * @param into memory as long as the range, where a part of one piece may lie; the caller's again when
   *   it asks for the next chunk.
   * @throws XError STORE_DAMAGED, also for a blob that is not held.
   */
  open(
    sha256: Sha256,
    range?: { start: number; end: number },
    into?: Uint8Array,
  ): AsyncIterable<Uint8Array>;
  /** The leaf hashes of a blob whose tree is known; undefined otherwise. */
  leaves(sha256: Sha256): Uint8Array[] | undefined;
}

/**
 * Content-addressed blobs on disk. Nothing is visible under its digest before it is verified and
 * flushed. Reads check what they return: a blob that rotted is never handed out, it is dropped and
 * reported as STORE_DAMAGED, so that the caller fetches it afresh.
 */
export interface Store extends ReadableBlobs {
  /**
   * Stores a body, hashing while it arrives, in bounded memory.
   * @throws XError DIGEST_MISMATCH, LIMIT_EXCEEDED, DISK_FULL; what the source throws.
   */
  put(source: AsyncIterable<Uint8Array>, expected: PutExpectation): Promise<StoredBlob>;
  /** As put, for those who cannot wait for the end: nobody has to read what comes. */
  receive(source: AsyncIterable<Uint8Array>, expected: PutExpectation): Arrival;
  /**
   * As put, for bytes in memory.
   * @param pieceRoot of bytes of one piece, where the caller has checked that it is theirs.
   */
  putBytes(bytes: Uint8Array, digests?: Digests, pieceRoot?: Sha256): Promise<StoredBlob>;
  /**
   * As putBytes for many small blobs at once, which share their flushes. All that are right are
   * stored, also where one is not.
   * @throws XError DIGEST_MISMATCH for the first whose bytes do not match its name; DISK_FULL.
   */
  putVerifiedSmall(blobs: readonly { bytes: Uint8Array; sha256: Sha256 }[]): Promise<void>;
  /**
   * A download that resumes: `fetch` is called with the offset already on disk under `key`, and may
   * answer from 0 instead. Only a body whose sha256 or sha512 is expected resumes; without one
   * nothing would tell that its two halves belong together.
   * @throws XError as put; INCOMPLETE where the stream ends before `expected.lengthBytes`: what came is kept.
   */
  putResumable(
    key: string,
    fetch: (offset: number) => Promise<{ offset: number; stream: AsyncIterable<Uint8Array> }>,
    expected: PutExpectation,
  ): Promise<StoredBlob>;

  /**
   * Where bytes lie until it shows whether they are what they are taken for.
   * @param expected at least one digest.
   * @param leaves of the tree that each piece is checked against before it is written there.
   */
  quarantine(
    expected: { digests: Digests; lengthBytes: number | undefined },
    leaves?: readonly Uint8Array[],
  ): Quarantine;

  /**
   * As open, for who goes through much: a chunk is used up when the next one is asked for.
   * @param isShared whether others read the same about now: then it stays in the page cache, and what
   *   was checked a moment ago is not checked again.
   */
  stream(
    sha256: Sha256,
    range?: { start: number; end: number },
    isShared?: boolean,
  ): AsyncIterable<Uint8Array>;
  /**
   * A verified read of a whole small blob.
   * @throws XError LIMIT_EXCEEDED past maxBytes; as open.
   */
  read(sha256: Sha256, maxBytes: number): Promise<Uint8Array>;
  /**
   * Verified reads of whole blobs of one piece, in their order; what lies together is read together.
   * Undefined where a blob is not held, or turned out damaged: then it is dropped as by `open`.
   */
  readSmall(sha256s: readonly Sha256[]): Promise<(Uint8Array | undefined)[]>;

  /** The leaf hashes of a whole blob or of a partial whose tree is known; undefined otherwise. */
  leaves(sha256: Sha256): Uint8Array[] | undefined;
  /**
   * Begins or continues a blob in pieces; `leaves` must hash to the signed root (the caller has
   * checked). Of a blob begun under another tree, the pieces with equal leaves stay held. A blob that
   * is whole answers as one that holds everything.
   * @param digests that `complete` will be asked to check: hashed while the pieces come.
   */
  partial(
    sha256: Sha256,
    lengthBytes: number,
    leaves: Uint8Array[],
    digests?: Digests,
  ): PartialBlob;
  /** Partials of several pieces with at least one written that are not whole, for a restart. */
  partials(): { sha256: Sha256; lengthBytes: number; heldPieces: number }[];
  /**
   * Turns a partial that holds every piece into a whole blob, its sha256 and the given digests
   * checked over the bytes. Of a blob that is whole already, answers that.
   * @throws XError DIGEST_MISMATCH (the partial is forgotten), INCOMPLETE, STORE_DAMAGED (a piece
   *   rotted since it was written; the others stay held).
   */
  complete(sha256: Sha256, digests?: Digests): Promise<StoredBlob>;
  /** Forgets a blob or partial. */
  remove(sha256: Sha256): Promise<void>;

  /** The digests of all whole blobs, in their order. */
  held(): Iterable<Sha256>;
  /** Whole blobs that no bundle names. May be removed while it is read. */
  unreferenced(): Iterable<StoredBlob>;
  /** Whether another living process has written here: what it has stored may not be in a bundle yet. */
  hasOtherWriters(): boolean;
  /** Whole blobs: how many, and their lengths together. */
  totals(): { blobs: number; bytes: number };

  /** Re-reads and checks one blob in full. False (and forgotten) where it is damaged. */
  verify(sha256: Sha256): Promise<boolean>;
  /**
   * Compares every file with what it was when the store last had its bytes right (size and times),
   * and re-reads those that differ, and only those: what a machine does that starts again.
   * @throws the signal's reason; XError IO_FAILED.
   */
  audit(signal?: AbortSignal): Promise<AuditResult>;
  /** Whether it was held, turned out damaged, and no honest copy has come since. */
  isDamaged(sha256: Sha256): boolean;
  close(): Promise<void>;
}
