import { fstatSync, statSync, type BigIntStats } from 'node:fs';
import type { FileHandle } from 'node:fs/promises';

/**
 * A file's size and times, as text: whoever changes the file changes it too, but for a disk that
 * rots by itself. Kept beside what a file was when its bytes were last known to be right.
 */
export type FileStamp = string;

/** Undefined where the file is gone. */
export function stampOf(path: string): FileStamp | undefined {
  const stat = statSync(path, { bigint: true, throwIfNoEntry: false });
  return stat && stampFrom(stat);
}

/** At once: what the system knows of an open file it has in memory. */
export function stampOfOpen(file: FileHandle): FileStamp {
  return stampFrom(fstatSync(file.fd, { bigint: true }));
}

function stampFrom({ size, mtimeNs, ctimeNs }: BigIntStats): FileStamp {
  return `${size} ${mtimeNs} ${ctimeNs}`;
}
