import { isDigest, type Sha256 } from '../domain/digest.js';

/** The format of volumes that this version writes and reads. */
export const VOLUME_FORMAT = 1;

/** Says what a volume is, for people and for a quick look; nothing is decided by it. */
export const INFO_NAME = 'x-volume.json';

/** What a name inside a volume means; `unknown` for what a later version may add. */
export type VolumeName =
  | { kind: 'info' }
  | { kind: 'metadata'; file: string }
  | { kind: 'blob'; sha256: Sha256 }
  | { kind: 'tree'; sha256: Sha256 }
  | { kind: 'slice'; sha256: Sha256; firstPiece: number; endPiece: number }
  | { kind: 'unknown' };

export function metadataName(file: string): string {
  return `metadata/${file}`;
}

/** A whole blob. */
export function blobName(sha256: Sha256): string {
  return `artifacts/${sha256}`;
}

/** The packed leaf hashes of a blob that is cut into slices. */
export function treeName(sha256: Sha256): string {
  return `trees/${sha256}`;
}

/** Pieces `firstPiece` to `endPiece` (exclusive) of a blob. */
export function sliceName(sha256: Sha256, firstPiece: number, endPiece: number): string {
  return `slices/${sha256}/${firstPiece}-${endPiece}`;
}

export function parseVolumeName(name: string): VolumeName {
  if (name === INFO_NAME) return { kind: 'info' };
  const [folder, second = '', third, ...surplus] = name.split('/');
  if (surplus.length > 0) return { kind: 'unknown' };
  if (folder === 'metadata' && third === undefined) return { kind: 'metadata', file: second };
  if (!isDigest('sha256', second)) return { kind: 'unknown' };
  if (folder === 'artifacts' && third === undefined) return { kind: 'blob', sha256: second };
  if (folder === 'trees' && third === undefined) return { kind: 'tree', sha256: second };
  const range = /^(0|[1-9][0-9]{0,8})-([1-9][0-9]{0,8})$/.exec(third ?? '');
  if (folder !== 'slices' || !range) return { kind: 'unknown' };
  const [firstPiece, endPiece] = [Number(range[1]), Number(range[2])];
  if (firstPiece >= endPiece) return { kind: 'unknown' };
  return { kind: 'slice', sha256: second, firstPiece, endPiece };
}

/** `demo-v3-001.x.zip`; of what is carried for somebody `demo-v3-for-SERIES-001.x.zip`. */
export function volumeFileName(
  bundle: string,
  version: number,
  index: number,
  series?: string,
): string {
  const set = series === undefined ? '' : `-for-${series}`;
  return `${bundle}-v${version}${set}-${String(index).padStart(3, '0')}.x.zip`;
}
