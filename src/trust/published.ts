import type { JsonObject } from '../domain/plan.js';
import { messageOf, XError } from '../domain/errors.js';
import type { MetadataFiles } from '../ports/catalog.js';
import { parseBin } from './bin-file.js';
import { orderedJson } from './canonical.js';
import { readDelegation } from './delegation.js';
import { readMark } from './mark.js';
import { rootFileName, TIMESTAMP_FILE, versionedFileName } from './names.js';
import {
  expiryOf,
  markOf,
  parseRoot,
  parseSnapshot,
  parseTargets,
  parseTimestamp,
} from './parse.js';
import { rootFilesOf, type RootChain } from './roots.js';
import { readTopLevelFields, type TopLevelFields } from './top-level.js';

/** A bin as it was published. */
export interface PublishedBin {
  name: string;
  version: number;
  bytes: Uint8Array;
  expires: Date;
  graceDays: number;
  keyIds: string[];
  /** Its targets as `targetsText` writes them. */
  targets: string;
}

/** A source's own last metadata, taken apart for the next. */
export interface Published {
  files: MetadataFiles;
  /** The highest version of timestamp, snapshot and top-level targets. */
  version: number;
  roots: RootChain;
  fields: TopLevelFields;
  bitLength: number;
  snapshot: Uint8Array;
  /** What the snapshot lists, as it stands in it. */
  listed: JsonObject;
  /** By role name. */
  bins: Map<string, PublishedBin>;
  /** The earliest expiry of timestamp, snapshot and top-level targets. */
  expires: Date;
}

/**
 * Takes the last published metadata apart. It is the source's own, so signatures are not checked again.
 * @throws XError STORE_DAMAGED.
 */
export function readPublished(files: MetadataFiles): Published {
  try {
    return read(files);
  } catch (cause) {
    throw new XError(
      'STORE_DAMAGED',
      `the metadata published last cannot be read: ${messageOf(cause)}`,
      {
        hint: 'Restore the data folder from a backup: versions must rise from the last one.',
        cause,
      },
    );
  }
}

function read(files: MetadataFiles): Published {
  const timestamp = parseTimestamp(TIMESTAMP_FILE, fileOf(files, TIMESTAMP_FILE)).signed;
  const snapshotName = versionedFileName('snapshot', timestamp.snapshotMeta.version);
  const snapshotBytes = fileOf(files, snapshotName);
  const snapshot = parseSnapshot(snapshotName, snapshotBytes).signed;
  const targetsName = versionedFileName('targets', snapshot.meta['targets.json']?.version ?? 0);
  const targets = parseTargets(targetsName, fileOf(files, targetsName)).signed;
  const { bins, bitLength } = readDelegation(targets);
  const expiries = [timestamp, snapshot, targets].map((role) => expiryOf(role).getTime());
  return {
    files,
    version: Math.max(timestamp.version, snapshot.version, targets.version),
    roots: readRoots(files),
    fields: readTopLevelFields(targetsName, targets),
    bitLength,
    snapshot: snapshotBytes,
    listed: Object.fromEntries(
      Object.entries(snapshot.meta).map(([name, meta]) => [name, meta.toJSON()]),
    ),
    bins: new Map(
      bins.map((bin) => [bin, readBin(files, bin, snapshot.meta[`${bin}.json`]?.version ?? 0)]),
    ),
    expires: new Date(Math.min(...expiries)),
  };
}

/** The root chain of a bundle's metadata, as it stands. */
export function readRoots(metadata: MetadataFiles): RootChain {
  const files = rootFilesOf(metadata);
  const newest = rootFileName(files.size);
  const root = parseRoot(newest, fileOf(files, newest));
  const source = readMark(markOf(root.signed))?.source;
  if (source === undefined) throw new XError('METADATA_INVALID', `${newest} names no source`);
  return { files, root, source };
}

function readBin(files: MetadataFiles, bin: string, version: number): PublishedBin {
  const name = versionedFileName(bin, version);
  const bytes = fileOf(files, name);
  const { signed, keyIds, targets } = parseBin(name, bytes);
  const graceDays = readMark(markOf(signed))?.graceDays ?? -1;
  return {
    name,
    version,
    bytes,
    expires: expiryOf(signed),
    graceDays,
    keyIds,
    targets: orderedJson(targets),
  };
}

function fileOf(files: MetadataFiles, name: string): Uint8Array {
  const bytes = files.get(name);
  if (bytes === undefined) throw new XError('METADATA_INVALID', `${name} is missing`);
  return bytes;
}
