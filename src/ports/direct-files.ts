import type { FileHandle } from 'node:fs/promises';

/** What a read past the page cache is a multiple of, in place, length and memory. */
export const DIRECT_BLOCK_BYTES = 4_096;

/** Reads that the page cache neither answers nor keeps: a disk's own word, and no copy of it in memory. */
export interface DirectFiles {
  /** Undefined where the system or the file system knows no such reads. */
  open(path: string): Promise<FileHandle | undefined>;
  /** A MiB that such reads can go to. */
  take(): Uint8Array;
  /** It is not looked at any more. */
  give(memory: Uint8Array): void;
}
