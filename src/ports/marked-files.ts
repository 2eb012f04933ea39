import type { Digests } from '../domain/digest.js';
import type { EcosystemName } from '../domain/plan.js';
import type { ReadableBlobs, StoredBlob } from './store.js';

/** A file that may be a package, to be looked at and marked. */
export interface MarkRequest {
  /** Absolute. */
  path: string;
  ecosystem: EcosystemName;
  /** Whether its first bytes are those of such a package. */
  accepts: (head: Uint8Array) => boolean;
  /** What its place says of its digests: another file than that is not marked. */
  expected: Digests;
  /** Whether it is asked for by sha512 too. */
  withSha512: boolean;
}

export type MarkVerdict =
  /** `isRead`: it was read now; otherwise it is as it was at an earlier scan. */
  | { kind: 'marked'; blob: StoredBlob; isRead: boolean }
  | { kind: 'no-package' }
  | { kind: 'refused'; reason: string };

/** How many files, and their lengths together. */
export interface Marked {
  files: number;
  bytes: number;
}

/**
 * Package files that lie elsewhere on this machine: named by digest, read where they lie, never
 * copied. Each piece is checked against the tree that was recorded when the file was marked, before it
 * is yielded; a file that is not what it was is forgotten, and where another has the same bytes the
 * read goes on there. A mark does not say that a package is public: whoever announces one must know
 * that from elsewhere.
 */
export interface MarkedFiles extends ReadableBlobs {
  /**
   * Marks a file: reads it once, from its start to its end, unless its size, times and inode are those
   * of an earlier scan. Links are not followed.
   * @throws the signal's reason; XError DISK_FULL, IO_FAILED, LIMIT_EXCEEDED past BOUNDS.markedFiles.
   */
  mark(request: MarkRequest, signal?: AbortSignal): Promise<MarkVerdict>;
  /** Forgets all marks, or those of a folder and what is below it. The files stay. */
  forget(folder?: string): Promise<Marked>;
  /** Forgets marks of files in and below a folder that are not there any more. */
  forgetMissing(folder: string): Promise<Marked>;
  totals(): Marked;
  /** Marked files that are not as they were when they were marked, by size, times and inode. */
  changed(): Marked;
}
