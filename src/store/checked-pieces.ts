import type { FileHandle } from 'node:fs/promises';
import { BOUNDS } from '../domain/bounds.js';
import type { Sha256 } from '../domain/digest.js';
import { systemCodeOf } from '../domain/errors.js';
import { leafHash, PIECE_SIZE_BYTES, pieceCount, pieceLengthBytes } from '../domain/piece.js';
import { DIRECT_BLOCK_BYTES } from '../ports/direct-files.js';
import type { BlobRow } from './blob-rows.js';
import { readUpTo } from './durable-file.js';
import { stampOfOpen } from './file-stamp.js';
import { LatelyVerified } from './lately-verified.js';
import { RunMemory } from './run-memory.js';

/** Pieces as they came from the disk, right each of them, up to the first that is not. */
export interface RunOfPieces {
  pieces: { bytes: Uint8Array; at: number }[];
  damage: string | undefined;
}

export interface RunRead {
  first: number;
  last: number;
  /** Pieces at most. */
  count: number;
  /** Memory that is lent, at a page where the read is past the page cache. */
  into: Uint8Array | undefined;
  direct: FileHandle | undefined;
  /** Whether what was verified counts as such for a moment. */
  isNoted: boolean;
}

export interface PartRead {
  start: number;
  end: number;
  into: Uint8Array | undefined;
}

/** Reads pieces of blobs from their files, and hands out none that does not hash to its leaf. */
export class CheckedPieces {
  readonly #now: () => Date;
  readonly #pieceMemory = new RunMemory(PIECE_SIZE_BYTES);
  readonly #lately = new LatelyVerified(BOUNDS.latelyVerifiedFiles, BOUNDS.latelyVerifiedMs);

  constructor(now: () => Date) {
    this.#now = now;
  }

  /** What was verified of a blob a moment ago does not count. */
  forget(sha256: Sha256): void {
    this.#lately.forget(sha256);
  }

  /**
   * A part of one piece of a file, and no more memory than that takes. The piece is verified first,
   * unless it was a moment ago. Undefined where all of a piece is asked for, or more, and where something
   * is wrong with it.
   */
  async readPart(
    row: BlobRow,
    file: FileHandle,
    leaves: Uint8Array,
    part: PartRead,
  ): Promise<Uint8Array | undefined> {
    const { start, end, into } = part;
    const index = Math.floor(start / PIECE_SIZE_BYTES);
    if (row.place !== undefined || Math.floor((end - 1) / PIECE_SIZE_BYTES) !== index) return;
    if (end - start === pieceLengthBytes(row.lengthBytes, index)) return;
    const stamp = stampOfOpen(file);
    const nowMs = this.#now().getTime();
    const bytes = this.#lately.isVerified(row.sha256, stamp, index, nowMs)
      ? await readUpTo(file, start, end - start, into)
      : await this.#verifiedPart(row, file, leaves, index, part);
    return bytes === undefined || bytes.length < end - start ? undefined : bytes;
  }

  async #verifiedPart(
    row: BlobRow,
    file: FileHandle,
    leaves: Uint8Array,
    index: number,
    { start, end, into: partMemory }: PartRead,
  ): Promise<Uint8Array | undefined> {
    const into = this.#pieceMemory.take();
    try {
      const read = { first: index, last: index, count: 1, into, direct: undefined, isNoted: true };
      const [piece] = (await this.readRun(row, file, leaves, read)).pieces;
      if (piece === undefined) return undefined;
      const bytes = piece.bytes.subarray(start - piece.at, end - piece.at);
      if (partMemory === undefined) return new Uint8Array(bytes);
      partMemory.set(bytes);
      return partMemory.subarray(0, bytes.length);
    } finally {
      this.#pieceMemory.give(into);
    }
  }

  /** Reads some pieces from `first` on at once, none after `last`, and checks each. */
  async readRun(
    row: BlobRow,
    file: FileHandle,
    leaves: Uint8Array,
    { first, last, count: most, into, direct, isNoted }: RunRead,
  ): Promise<RunOfPieces> {
    const start = first * PIECE_SIZE_BYTES;
    const count = Math.min(most, last + 1 - first);
    const length = Math.min(row.lengthBytes - start, count * PIECE_SIZE_BYTES);
    // Taken before the bytes: what changes while they are read is not noted as what was checked.
    const isKept = row.place === undefined && isNoted;
    const stamp = isKept ? stampOfOpen(file) : undefined;
    const bytes =
      (direct && into && (await readDirect(direct, start, length, into))) ??
      (await readUpTo(file, (row.place?.offset ?? 0) + start, length, into));
    const nowMs = this.#now().getTime();
    const pieces: RunOfPieces['pieces'] = [];
    for (let index = first; index < first + count; index += 1) {
      const from = (index - first) * PIECE_SIZE_BYTES;
      const piece = bytes.subarray(from, from + pieceLengthBytes(row.lengthBytes, index));
      const isVerified =
        stamp !== undefined &&
        piece.length === pieceLengthBytes(row.lengthBytes, index) &&
        this.#lately.isVerified(row.sha256, stamp, index, nowMs);
      if (!isVerified) {
        const damage = whatIsWrong(row, index, piece, leaves);
        if (damage !== undefined) return { pieces, damage };
        const total = pieceCount(row.lengthBytes);
        if (stamp !== undefined) this.#lately.note(row.sha256, stamp, total, index, nowMs);
      }
      pieces.push({ bytes: piece, at: index * PIECE_SIZE_BYTES });
    }
    return { pieces, damage: undefined };
  }
}

/** Undefined where it is refused, or ends too early: the page cache then has the last word. */
async function readDirect(
  file: FileHandle,
  start: number,
  length: number,
  into: Uint8Array,
): Promise<Uint8Array | undefined> {
  const blocks = Math.ceil(length / DIRECT_BLOCK_BYTES) * DIRECT_BLOCK_BYTES;
  try {
    const { bytesRead } = await file.read(into, 0, blocks, start);
    return bytesRead < length ? undefined : into.subarray(0, length);
  } catch (error) {
    if (systemCodeOf(error) === 'EINVAL') return undefined;
    throw error;
  }
}

/** Undefined where nothing is. @param leaves The blob's leaf hashes, end to end. */
export function whatIsWrong(
  row: BlobRow,
  index: number,
  piece: Uint8Array,
  leaves: Uint8Array,
): string | undefined {
  if (piece.length < pieceLengthBytes(row.lengthBytes, index)) {
    return `the file ends inside piece ${String(index)}`;
  }
  const leaf = leaves.subarray(index * 32, index * 32 + 32);
  if (Buffer.compare(leafHash(piece), leaf) === 0) return undefined;
  return `piece ${String(index)} does not match its hash`;
}
