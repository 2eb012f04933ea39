import type { Sha256 } from '../domain/digest.js';
import { XError } from '../domain/errors.js';
import { PIECE_SIZE_BYTES, pieceCount } from '../domain/piece.js';
import { blobName, sliceName, treeName } from './volume-layout.js';

/** A blob, or a run of its pieces, that one volume carries. */
export type VolumePart =
  | { kind: 'blob'; sha256: Sha256; lengthBytes: number }
  | {
      kind: 'slice';
      sha256: Sha256;
      lengthBytes: number;
      firstPiece: number;
      endPiece: number;
      /** Of the packed leaf hashes that travel with it. */
      treeBytes: number;
    };

export interface VolumePlanRequest {
  /** Each digest once, in the order in which they are wanted first. */
  blobs: readonly { sha256: Sha256; lengthBytes: number }[];
  volumeSizeBytes: number;
  /** What every volume carries beside its parts, the container's own bytes included. */
  fixedBytes: number;
  /** Kept free in each, so that a parity volume over them is no larger either. */
  reservedBytes?: number | undefined;
  itemOverheadBytes(name: string): number;
}

/** A slice shorter than this begins a new volume rather than fill up an old one. */
const MIN_SLICE_PIECES = 16;

interface Volume {
  parts: VolumePart[];
  freeBytes: number;
}

/**
 * Which volume carries what: a blob goes into the first volume with room for it, and one that no
 * volume can hold is cut at pieces. No volume is larger than asked for.
 * @throws XError USAGE where volumes of this size cannot carry the bundle.
 */
export function planVolumes(request: VolumePlanRequest): VolumePart[][] {
  const reservedBytes = request.reservedBytes ?? 0;
  const capacity = request.volumeSizeBytes - request.fixedBytes - reservedBytes;
  const volumes: Volume[] = [{ parts: [], freeBytes: capacity }];
  if (capacity < 0) throw tooSmall(request, request.fixedBytes + reservedBytes);
  for (const { sha256, lengthBytes } of request.blobs) {
    const bytes = lengthBytes + request.itemOverheadBytes(blobName(sha256));
    if (bytes > capacity) {
      placeSlices(request, capacity, volumes, { sha256, lengthBytes });
      continue;
    }
    let volume = volumes.find(({ freeBytes }) => freeBytes >= bytes);
    if (volume === undefined) {
      volume = { parts: [], freeBytes: capacity };
      volumes.push(volume);
    }
    volume.parts.push({ kind: 'blob', sha256, lengthBytes });
    volume.freeBytes -= bytes;
  }
  return volumes.map(({ parts }) => parts);
}

function placeSlices(
  request: VolumePlanRequest,
  capacity: number,
  volumes: Volume[],
  { sha256, lengthBytes }: { sha256: Sha256; lengthBytes: number },
): void {
  const pieces = pieceCount(lengthBytes);
  const treeBytes = pieces * 32;
  // The longest name that a slice of this blob can have.
  const overhead =
    request.itemOverheadBytes(sliceName(sha256, pieces, pieces)) +
    request.itemOverheadBytes(treeName(sha256)) +
    treeBytes;
  const roomFor = (freeBytes: number): number =>
    Math.floor((freeBytes - overhead) / PIECE_SIZE_BYTES);
  if (roomFor(capacity) < 1) {
    const reserved = request.reservedBytes ?? 0;
    throw tooSmall(request, request.fixedBytes + reserved + overhead + PIECE_SIZE_BYTES);
  }
  let firstPiece = 0;
  while (firstPiece < pieces) {
    let volume = volumes.at(-1);
    const enough = Math.min(MIN_SLICE_PIECES, pieces - firstPiece, roomFor(capacity));
    if (volume === undefined || roomFor(volume.freeBytes) < enough) {
      volume = { parts: [], freeBytes: capacity };
      volumes.push(volume);
    }
    const endPiece = Math.min(pieces, firstPiece + roomFor(volume.freeBytes));
    const start = firstPiece * PIECE_SIZE_BYTES;
    const sliceBytes = Math.min(endPiece * PIECE_SIZE_BYTES, lengthBytes) - start;
    volume.parts.push({
      kind: 'slice',
      sha256,
      lengthBytes: sliceBytes,
      firstPiece,
      endPiece,
      treeBytes,
    });
    volume.freeBytes -= sliceBytes + overhead;
    firstPiece = endPiece;
  }
}

function tooSmall(request: VolumePlanRequest, neededBytes: number): XError {
  return new XError(
    'USAGE',
    `volumes of ${request.volumeSizeBytes} bytes cannot carry this bundle: each needs at least ${neededBytes}`,
    { hint: `Give a --volume-size of ${Math.ceil(neededBytes / 1e6)}MB or more.` },
  );
}
