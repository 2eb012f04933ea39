import type { Did } from '../domain/bundle.js';
import type { MetadataFiles } from '../ports/catalog.js';
import { TIMESTAMP_FILE, versionedFileName } from './names.js';
import { parseSnapshot, parseTargets, parseTimestamp } from './parse.js';
import { readTopLevelFields, type TopLevelFields } from './top-level.js';

/**
 * What a bundle's top-level targets say, by metadata that was checked when it was stored. Undefined
 * where there is no metadata.
 * @throws XError METADATA_INVALID.
 */
export function topLevelOf(files: MetadataFiles): TopLevelFields | undefined {
  const timestampBytes = files.get(TIMESTAMP_FILE);
  if (timestampBytes === undefined) return undefined;
  const timestamp = parseTimestamp(TIMESTAMP_FILE, timestampBytes).signed;
  const snapshotName = versionedFileName('snapshot', timestamp.snapshotMeta.version);
  const snapshotBytes = files.get(snapshotName);
  if (snapshotBytes === undefined) return undefined;
  const snapshot = parseSnapshot(snapshotName, snapshotBytes).signed;
  const targetsName = versionedFileName('targets', snapshot.meta['targets.json']?.version ?? 0);
  const targetsBytes = files.get(targetsName);
  if (targetsBytes === undefined) return undefined;
  return readTopLevelFields(targetsName, parseTargets(targetsName, targetsBytes).signed);
}

/** Who may serve a bundle as its master. None where there is no metadata. @throws as topLevelOf. */
export function mastersOf(files: MetadataFiles): Did[] {
  return topLevelOf(files)?.masters ?? [];
}
