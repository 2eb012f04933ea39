import { messageOf, XError } from '../domain/errors.js';
import { sha256, type Sha256 } from '../domain/digest.js';
import type { MetadataFiles } from '../ports/catalog.js';
import { rootFilesOf } from './roots.js';
import { TIMESTAMP_FILE, versionedFileName } from './names.js';
import { parseSnapshot, parseTimestamp } from './parse.js';

/** The versions that new metadata must not fall below. */
export interface HeldVersions {
  rootVersion: number;
  timestampVersion: number;
  snapshotVersion: number;
  snapshotSha256: Sha256;
  /** Versions by file name without version, as the held snapshot lists them: `targets.json`, `bin-0f.json`. */
  listed: [string, number][];
}

/**
 * Reads what was accepted before. Rollback protection must not vanish with a damaged file, so one
 * that cannot be read is an error.
 * @throws XError STORE_DAMAGED.
 */
export function readHeld(files: MetadataFiles): HeldVersions {
  try {
    const timestamp = parseTimestamp(TIMESTAMP_FILE, fileOf(files, TIMESTAMP_FILE));
    const snapshotVersion = timestamp.signed.snapshotMeta.version;
    const name = versionedFileName('snapshot', snapshotVersion);
    const bytes = fileOf(files, name);
    const snapshot = parseSnapshot(name, bytes);
    const rootVersions = [...rootFilesOf(files).keys()].map((file) => Number.parseInt(file, 10));
    return {
      rootVersion: Math.max(0, ...rootVersions),
      timestampVersion: timestamp.signed.version,
      snapshotVersion,
      snapshotSha256: sha256(bytes),
      listed: Object.entries(snapshot.signed.meta).map(([file, meta]) => [file, meta.version]),
    };
  } catch (cause) {
    throw new XError('STORE_DAMAGED', `the metadata held here is damaged: ${messageOf(cause)}`, {
      hint: 'Restore the data folder from a backup, or forget the bundle and accept it afresh.',
      cause,
    });
  }
}

function fileOf(files: MetadataFiles, name: string): Uint8Array {
  const bytes = files.get(name);
  if (bytes === undefined) throw new XError('METADATA_INVALID', `${name} is missing`);
  return bytes;
}
