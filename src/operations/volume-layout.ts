import { isDigest, type Sha256 } from '../domain/digest.js';

/** The format of volumes that this version writes and reads. */
export const VOLUME_FORMAT = 1;

/** Says what a volume is, for people and for a quick look; nothing is decided by it. */
export const INFO_NAME = 'x-volume.json';

/** Which volume holds which blob, for messages to people; nothing is decided by it. */
export const PLACEMENT_NAME = 'x-placement.json';

/** In a parity volume: which volumes it helps to rebuild, their checks, and the parity itself. */
export const PARITY_NAME = 'parity/volumes.json';
export const PARITY_CHECKS_NAME = 'parity/checks';
export const PARITY_DATA_NAME = 'parity/data';

/** What a name inside a volume means; `unknown` for what a later version may add. */
export type VolumeName =
  | { kind: 'info' }
  | { kind: 'placement' }
  | { kind: 'parity' }
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
  if (name === PLACEMENT_NAME) return { kind: 'placement' };
  const parity = [PARITY_NAME, PARITY_CHECKS_NAME, PARITY_DATA_NAME];
  if (parity.includes(name)) return { kind: 'parity' };
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

/** A volume's number in its set, or that of a parity volume. */
export type VolumePlace = { index: number } | { parity: number };

/**
 * `demo-v3-001.x.zip`, a parity volume `demo-v3-p01.x.zip`; of what is carried for somebody
 * `demo-v3-for-SERIES-001.x.zip`.
 */
export function volumeFileName(
  bundle: string,
  version: number,
  place: VolumePlace,
  series?: string,
): string {
  const set = series === undefined ? '' : `-for-${series}`;
  const number =
    'index' in place
      ? String(place.index).padStart(3, '0')
      : `p${String(place.parity).padStart(2, '0')}`;
  return `${bundle}-v${version}${set}-${number}.x.zip`;
}

/** Whether a file's name could be one that volumeFileName gives: nothing else is ever written to. */
export function isVolumeFileName(name: string): boolean {
  return /^[a-z0-9][a-z0-9._-]{0,63}-v[0-9]{1,15}(-for-[A-Za-z0-9._-]{1,80})?-(p[0-9]{2}|[0-9]{3,6})\.x\.zip$/.test(
    name,
  );
}
