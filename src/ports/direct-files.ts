import type { FileHandle } from 'node:fs/promises';

/** What a read or write past the page cache is a multiple of, in place, length and memory. */
export const DIRECT_BLOCK_BYTES = 4_096;

/**
 * Reads that the page cache neither answers nor keeps: a disk's own word, and no copy of it in memory. And
 * writes that it does not keep either: fresh memory for what is read no more costs more than the writing.
 */
export interface DirectFiles {
  /** Undefined where the system or the file system knows no such reads. */
  open(path: string): Promise<FileHandle | undefined>;
  /** The same for writes to a file that is there. */
  openToWrite(path: string): Promise<FileHandle | undefined>;
  /** A MiB that such reads can go to, and such writes come from. */
  take(): Uint8Array;
  /** It is not looked at any more. */
  give(memory: Uint8Array): void;
}
