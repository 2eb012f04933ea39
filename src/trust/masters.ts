import type { Did } from '../domain/bundle.js';
import type { MetadataFiles } from '../ports/catalog.js';
import { TIMESTAMP_FILE, versionedFileName } from './names.js';
import { parseSnapshot, parseTargets, parseTimestamp } from './parse.js';
import { readTopLevelFields } from './top-level.js';

/**
 * Who may serve a bundle as its master, by metadata that was checked when it was stored. None where
 * there is no metadata.
 * @throws XError METADATA_INVALID.
 */
export function mastersOf(files: MetadataFiles): Did[] {
  const timestampBytes = files.get(TIMESTAMP_FILE);
  if (timestampBytes === undefined) return [];
  const timestamp = parseTimestamp(TIMESTAMP_FILE, timestampBytes).signed;
  const snapshotName = versionedFileName('snapshot', timestamp.snapshotMeta.version);
  const snapshotBytes = files.get(snapshotName);
  if (snapshotBytes === undefined) return [];
  const snapshot = parseSnapshot(snapshotName, snapshotBytes).signed;
  const targetsName = versionedFileName('targets', snapshot.meta['targets.json']?.version ?? 0);
  const targetsBytes = files.get(targetsName);
  if (targetsBytes === undefined) return [];
  return readTopLevelFields(targetsName, parseTargets(targetsName, targetsBytes).signed).masters;
}
