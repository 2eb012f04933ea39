import type { FileHandle } from 'node:fs/promises';
import { systemCodeOf } from '../domain/errors.js';
import type { PieceBytes } from '../domain/piece.js';
import { DIRECT_BLOCK_BYTES } from '../ports/direct-files.js';
import { writeAll } from './durable-file.js';

export interface PendingPieces {
  first: number;
  pieces: readonly PieceBytes[];
}

/** Pieces that follow one another in a blob, and in what they were taken out of. */
export interface Run {
  first: number;
  parts: readonly Uint8Array[];
  rest: readonly PendingPieces[];
}

/**
 * What of a group continues a blob at piece `first` and lies in memory as a write past the page cache
 * asks for, shared with the thread that hashes.
 */
export function runFrom(first: number, group: readonly PendingPieces[]): Run {
  const parts: Uint8Array[] = [];
  const rest: PendingPieces[] = [];
  for (const pending of group.toSorted((a, b) => a.first - b.first)) {
    const { pieces } = pending;
    let at = 0;
    while (at < pieces.length && pending.first + at === first + parts.length) {
      const piece = pieces[at] as PieceBytes;
      if (!canGoPast(piece)) break;
      parts.push(piece);
      at += 1;
    }
    if (at < pieces.length) rest.push({ first: pending.first + at, pieces: pieces.slice(at) });
  }
  return { first, parts, rest };
}

function canGoPast(piece: PieceBytes): piece is Uint8Array {
  return (
    piece instanceof Uint8Array &&
    piece.buffer instanceof SharedArrayBuffer &&
    piece.byteOffset % DIRECT_BLOCK_BYTES === 0 &&
    piece.length % DIRECT_BLOCK_BYTES === 0
  );
}

/** Writes past the page cache; through `file` where the disk asks for more than `canGoPast` does. */
export async function writePast(
  direct: FileHandle,
  file: FileHandle,
  bytes: PieceBytes,
  position: number,
): Promise<void> {
  try {
    await writeAll(direct, bytes, position);
  } catch (error) {
    // Other alignment, or a short write that left off amid a block.
    if (systemCodeOf(error) !== 'EINVAL') throw error;
    await writeAll(file, bytes, position);
  }
}
