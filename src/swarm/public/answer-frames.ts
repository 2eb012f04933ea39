import { XError } from '../../domain/errors.js';
import { joined, packLeaves, PIECE_SIZE_BYTES, pieceCount } from '../../domain/piece.js';
import type { PublicArtifact } from '../../ports/public-artifacts.js';
import { encodeMessage, type ArtifactAsk } from './artifact-frames.js';

/** A part of an answer as it goes out. */
export interface AnswerFrame {
  frame: Uint8Array;
  /** Of the answer. */
  bytes: number;
  isLast: boolean;
}

/** How long the answer is; undefined for pieces that are not there. */
export function answerBytes({ portion }: ArtifactAsk, lengthBytes: number): number | undefined {
  if (portion.kind === 'tree') return 32 * pieceCount(lengthBytes);
  if (portion.kind === 'whole') return lengthBytes;
  const { first, count } = portion;
  if (first + count > pieceCount(lengthBytes)) return undefined;
  return Math.min(lengthBytes, (first + count) * PIECE_SIZE_BYTES) - first * PIECE_SIZE_BYTES;
}

/**
 * What comes of an answer after so many bytes, so many at most. Each part is read by itself: nothing but
 * the frame is in memory while its reader takes its time.
 * @throws XError STORE_DAMAGED, IO_FAILED where it cannot be read.
 */
export async function answerFrame(
  ask: ArtifactAsk,
  artifact: PublicArtifact,
  at: number,
  mostBytes: number,
): Promise<AnswerFrame> {
  const { blob } = artifact;
  const length = answerBytes(ask, blob.lengthBytes) ?? 0;
  const { id, portion } = ask;
  const data =
    portion.kind === 'tree'
      ? leavesFrom(artifact, at, mostBytes)
      : await bytesFrom(artifact, {
          start: (portion.kind === 'pieces' ? portion.first * PIECE_SIZE_BYTES : 0) + at,
          leftBytes: length - at,
          mostBytes,
        });
  const isLast = at + data.length >= length;
  const isFirstOfTree = portion.kind === 'tree' && at === 0;
  const tree = isFirstOfTree ? { root: blob.pieceRoot, lengthBytes: blob.lengthBytes } : undefined;
  const frame = encodeMessage({ type: 'part', id, data, isLast, tree });
  return { frame, bytes: data.length, isLast };
}

function leavesFrom({ blob, blobs }: PublicArtifact, at: number, mostBytes: number): Uint8Array {
  const leaves = blobs.leaves(blob.sha256);
  if (leaves?.length !== pieceCount(blob.lengthBytes))
    throw new XError('STORE_DAMAGED', `the tree of ${blob.sha256} is not here`);
  return packLeaves(leaves.slice(at / 32, at / 32 + Math.floor(mostBytes / 32)));
}

async function bytesFrom(
  { blob, blobs }: PublicArtifact,
  { start, leftBytes, mostBytes }: { start: number; leftBytes: number; mostBytes: number },
): Promise<Uint8Array> {
  const isRest = leftBytes <= mostBytes;
  const end = isRest ? start + leftBytes : Math.min(start + leftBytes, endOfPart(start, mostBytes));
  if (end === start) return new Uint8Array(0);
  const read: Uint8Array[] = [];
  for await (const bytes of blobs.open(blob.sha256, { start, end })) read.push(bytes);
  const data = joined(read);
  if (data.length === end - start) return data;
  throw new XError('STORE_DAMAGED', `${blob.sha256} ends before its length`);
}

/** Whole pieces, or a whole fraction of one: what lies in two would be read and hashed twice. */
function endOfPart(start: number, mostBytes: number): number {
  const pieces = Math.floor(mostBytes / PIECE_SIZE_BYTES);
  if (pieces > 0) return (Math.floor(start / PIECE_SIZE_BYTES) + pieces) * PIECE_SIZE_BYTES;
  const part = 2 ** Math.floor(Math.log2(mostBytes));
  return (Math.floor(start / part) + 1) * part;
}
