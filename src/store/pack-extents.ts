import { BOUNDS } from '../domain/bounds.js';
import type { BlobRow, PackPlace } from './blob-rows.js';

export type PackedBlob = BlobRow & { place: PackPlace };

/** Blobs that lie side by side in a pack, and are read at once. */
export interface PackExtent {
  offset: number;
  lengthBytes: number;
  blobs: PackedBlob[];
}

export function isPacked(row: BlobRow): row is PackedBlob {
  return row.place !== undefined;
}

/** As few reads as bring all of these, each of BOUNDS.runBytes at most unless one blob is longer. */
export function extentsOf(blobs: readonly PackedBlob[]): PackExtent[] {
  const extents: PackExtent[] = [];
  const inOrder = [...blobs].sort(
    (a, b) => a.place.pack - b.place.pack || a.place.offset - b.place.offset,
  );
  for (const blob of inOrder) {
    const last = extents.at(-1);
    const isNext =
      last?.blobs[0]?.place.pack === blob.place.pack &&
      last.offset + last.lengthBytes === blob.place.offset &&
      last.lengthBytes + blob.lengthBytes <= BOUNDS.runBytes;
    if (last !== undefined && isNext) {
      last.lengthBytes += blob.lengthBytes;
      last.blobs.push(blob);
    } else {
      const { offset } = blob.place;
      extents.push({ offset, lengthBytes: blob.lengthBytes, blobs: [blob] });
    }
  }
  return extents;
}
