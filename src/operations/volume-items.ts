import type { Sha256 } from '../domain/digest.js';
import { XError } from '../domain/errors.js';
import { packLeaves, PIECE_SIZE_BYTES } from '../domain/piece.js';
import type { MetadataFiles } from '../ports/catalog.js';
import type { Store } from '../ports/store.js';
import type { VolumeItem } from '../ports/volume.js';
import { blobName, metadataName, sliceName, treeName } from './volume-layout.js';
import type { VolumePart } from './volume-plan.js';

export function inMemory(name: string, bytes: Uint8Array): VolumeItem {
  return { name, lengthBytes: bytes.length, open: () => once(bytes) };
}

async function* once(bytes: Uint8Array): AsyncIterable<Uint8Array> {
  yield await Promise.resolve(bytes);
}

export function metadataItems(metadata: MetadataFiles): VolumeItem[] {
  return [...metadata].map(([file, bytes]) => inMemory(metadataName(file), bytes));
}

/** The blobs and slices that one volume carries, read from the store when their turn comes. */
export function partItems(
  store: Pick<Store, 'stream' | 'leaves'>,
  parts: readonly VolumePart[],
): VolumeItem[] {
  return parts.flatMap((part): VolumeItem[] => {
    const { sha256, lengthBytes } = part;
    if (part.kind === 'blob') {
      return [{ name: blobName(sha256), lengthBytes, open: () => store.stream(sha256) }];
    }
    const { firstPiece, endPiece } = part;
    const start = firstPiece * PIECE_SIZE_BYTES;
    return [
      { name: treeName(sha256), lengthBytes: part.treeBytes, open: () => tree(store, sha256) },
      {
        name: sliceName(sha256, firstPiece, endPiece),
        lengthBytes,
        open: () => store.stream(sha256, { start, end: start + lengthBytes }),
      },
    ];
  });
}

async function* tree(store: Pick<Store, 'leaves'>, sha256: Sha256): AsyncIterable<Uint8Array> {
  const leaves = store.leaves(sha256);
  if (leaves === undefined) {
    throw new XError('STORE_DAMAGED', `the hash tree of ${sha256} is lost`, {
      hint: 'Run x verify: it drops what is damaged, so that it is fetched afresh.',
    });
  }
  yield await Promise.resolve(packLeaves(leaves));
}
