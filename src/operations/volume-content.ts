import { BOUNDS } from '../domain/bounds.js';
import type { BundleEntry } from '../domain/bundle.js';
import type { Sha256 } from '../domain/digest.js';
import { XError } from '../domain/errors.js';
import {
  leafHash,
  PIECE_SIZE_BYTES,
  pieceCount,
  pieceLengthBytes,
  treeRoot,
  unpackLeaves,
} from '../domain/piece.js';
import type { OpenVolume } from '../ports/volume.js';
import { readClaim, type MetadataClaim } from '../trust/claim.js';
import type { MetadataReader } from '../trust/check.js';
import { rootFileName } from '../trust/names.js';
import { metadataName, parseVolumeName, treeName } from './volume-layout.js';

/** The metadata that a volume carries, as the checks read it. */
export function volumeMetadata(volume: OpenVolume): MetadataReader {
  return async (file, maxBytes) => {
    const name = metadataName(file);
    return volume.entries.has(name) ? readSmall(volume, name, maxBytes) : undefined;
  };
}

/**
 * Whose bundle a volume says it carries, by its root; nothing is proved yet.
 * @throws XError METADATA_INVALID, VOLUME_DAMAGED.
 */
export async function volumeClaim(volume: OpenVolume): Promise<MetadataClaim> {
  const bytes = await volumeMetadata(volume)(rootFileName(1), BOUNDS.rootMetadataBytes);
  if (bytes !== undefined) return readClaim(bytes);
  throw new XError('VOLUME_DAMAGED', `${volume.path} holds no bundle’s metadata`, {
    hint: 'Name the volumes that x export wrote (*.x.zip).',
  });
}

/** @throws XError METADATA_INVALID where the entry is longer than it may be, VOLUME_DAMAGED. */
export async function readSmall(
  volume: OpenVolume,
  name: string,
  maxBytes: number,
): Promise<Uint8Array> {
  const lengthBytes = volume.entries.get(name)?.lengthBytes ?? 0;
  if (lengthBytes > maxBytes) {
    throw new XError(
      'METADATA_INVALID',
      `${volume.path}: ${name} has ${lengthBytes} bytes; at most ${maxBytes} may be`,
    );
  }
  const bytes = Buffer.allocUnsafe(lengthBytes);
  let at = 0;
  for await (const chunk of volume.read(name)) {
    bytes.set(chunk, at);
    at += chunk.length;
  }
  return bytes.subarray(0, at);
}

/**
 * The leaf hashes of a sliced blob, held against the signed piece root.
 * @throws XError DIGEST_MISMATCH, VOLUME_DAMAGED.
 */
export async function readLeaves(volume: OpenVolume, entry: BundleEntry): Promise<Uint8Array[]> {
  const name = treeName(entry.sha256);
  const maxBytes = 32 * pieceCount(entry.lengthBytes);
  const leaves = unpackLeaves(await readSmall(volume, name, maxBytes)) ?? [];
  const isWhole = leaves.length === pieceCount(entry.lengthBytes);
  if (!isWhole || Buffer.from(treeRoot(leaves)).toString('hex') !== entry.pieceRoot) {
    throw new XError('DIGEST_MISMATCH', `${volume.path}: ${name} is not the signed hash tree`);
  }
  return leaves;
}

/** What is wrong with an entry, without the volume's name before it: the artifact's own stands there. */
export function troubleIn(volume: OpenVolume, message: string): string {
  const prefix = `${volume.path}: `;
  return message.startsWith(prefix) ? message.slice(prefix.length) : message;
}

/** What a refused entry of a volume is told as: the artifact that it was to be, where that is known. */
export function refusalOf(
  { name, reason }: { name: string; reason: string },
  entryOf: (sha256: Sha256) => { path: string } | undefined,
): { path: string; message: string } {
  const parsed = parseVolumeName(name);
  const path = 'sha256' in parsed ? entryOf(parsed.sha256)?.path : undefined;
  if (path === undefined) return { path: name, message: reason };
  return { path, message: `${name}: ${reason}` };
}

/** One piece of a slice, and whether it is the one that was signed. */
export interface SlicePiece {
  index: number;
  bytes: Uint8Array;
  isSound: boolean;
}

/**
 * The pieces of a slice in order, each checked against its leaf. A piece is to be used up before the
 * next one is asked for.
 * @throws XError VOLUME_DAMAGED where the slice has another length than its pieces.
 */
export async function* readSlice(
  volume: OpenVolume,
  name: string,
  entry: BundleEntry,
  leaves: readonly Uint8Array[],
  range: { firstPiece: number; endPiece: number },
): AsyncIterable<SlicePiece> {
  const { firstPiece, endPiece } = range;
  const sliceBytes =
    Math.min(endPiece * PIECE_SIZE_BYTES, entry.lengthBytes) - firstPiece * PIECE_SIZE_BYTES;
  if (endPiece > leaves.length || volume.entries.get(name)?.lengthBytes !== sliceBytes) {
    throw new XError(
      'VOLUME_DAMAGED',
      `${volume.path}: ${name} has another length than its pieces`,
    );
  }
  let index = firstPiece;
  for await (const bytes of inPieces(volume.read(name), entry.lengthBytes, firstPiece)) {
    const leaf = leaves[index];
    const isSound = leaf !== undefined && Buffer.compare(leafHash(bytes), leaf) === 0;
    yield { index, bytes, isSound };
    index += 1;
  }
}

/** Chunks cut into pieces; one that lies in a single chunk is not copied. */
async function* inPieces(
  chunks: AsyncIterable<Uint8Array>,
  lengthBytes: number,
  firstPiece: number,
): AsyncIterable<Uint8Array> {
  const begun = Buffer.allocUnsafe(PIECE_SIZE_BYTES);
  let begunBytes = 0;
  let index = firstPiece;
  for await (const chunk of chunks) {
    let at = 0;
    while (at < chunk.length) {
      const length = pieceLengthBytes(lengthBytes, index);
      const part = chunk.subarray(at, at + length - begunBytes);
      at += part.length;
      const isWhole = begunBytes === 0 && part.length === length;
      if (!isWhole) {
        begun.set(part, begunBytes);
        begunBytes += part.length;
        if (begunBytes < length) break;
      }
      yield isWhole ? part : begun.subarray(0, length);
      begunBytes = 0;
      index += 1;
    }
  }
}
