import {
  Metadata,
  MetadataKind,
  type Root,
  type Snapshot,
  type Targets,
  type Timestamp,
} from '@tufjs/models';
import { BOUNDS } from '../domain/bounds.js';
import { messageOf, XError } from '../domain/errors.js';
import type { JsonObject, JsonValue } from '../domain/plan.js';
import { parseTime } from './time.js';

export type SignedRole = Root | Timestamp | Snapshot | Targets;

/**
 * The bytes of a metadata file as one of the models. Nothing in it is trusted yet, but its shape is
 * sound: the version and expiry are what they must be, and no list is longer than its bound (the
 * models copy every list once for each member, so an unbounded one would keep a process busy for hours).
 * @throws XError METADATA_INVALID naming the file.
 */
export function parseRoot(file: string, bytes: Uint8Array): Metadata<Root> {
  const json = readSignedJson(file, bytes, {
    keys: BOUNDS.metadataKeys,
    roles: BOUNDS.metadataKeys,
  });
  const root = convert(file, () => Metadata.fromJSON(MetadataKind.Root, json));
  checkRootKeys(file, root.signed);
  if (!root.signed.consistentSnapshot) throw invalid(file, 'it is not a consistent snapshot');
  return checkedRole(file, root);
}

export function parseTimestamp(file: string, bytes: Uint8Array): Metadata<Timestamp> {
  const json = readSignedJson(file, bytes, { meta: 16 });
  return checkedRole(
    file,
    convert(file, () => Metadata.fromJSON(MetadataKind.Timestamp, json)),
  );
}

export function parseSnapshot(file: string, bytes: Uint8Array): Metadata<Snapshot> {
  // Bins of former, coarser divisions stay listed: together less than one finest division again.
  const json = readSignedJson(file, bytes, { meta: 2 * BOUNDS.bundleBins + 1 });
  return checkedRole(
    file,
    convert(file, () => Metadata.fromJSON(MetadataKind.Snapshot, json)),
  );
}

export function parseTargets(file: string, bytes: Uint8Array): Metadata<Targets> {
  const json = readSignedJson(file, bytes, { targets: BOUNDS.binTargets });
  return checkedRole(
    file,
    convert(file, () => Metadata.fromJSON(MetadataKind.Targets, json)),
  );
}

/** The `x` member of a role's signed part. */
export function markOf(signed: SignedRole): unknown {
  return signed.unrecognizedFields['x'];
}

/** When a parsed role expires. */
export function expiryOf(signed: SignedRole): Date {
  return new Date(signed.expires);
}

/**
 * A signed file as JSON, no list in it longer than its bound.
 * @throws XError METADATA_INVALID naming the file.
 */
export function readSignedJson(
  file: string,
  bytes: Uint8Array,
  limits: Record<string, number>,
): JsonObject {
  let json: JsonValue;
  try {
    json = JSON.parse(Buffer.from(bytes).toString('utf8')) as JsonValue;
  } catch (cause) {
    throw invalid(file, 'it is not JSON', cause);
  }
  if (!isObject(json) || !isObject(json['signed']) || !Array.isArray(json['signatures'])) {
    throw invalid(file, 'it is not signed metadata');
  }
  if (json['signatures'].length > BOUNDS.metadataKeys) throw invalid(file, 'too many signatures');
  for (const [name, limit] of Object.entries(limits)) {
    const list = json['signed'][name];
    const length = isObject(list) ? Object.keys(list).length : 0;
    if (length > limit) throw invalid(file, `${length} in "${name}", more than ${limit}`);
  }
  return json;
}

function convert<T>(file: string, read: () => T): T {
  try {
    return read();
  } catch (cause) {
    throw invalid(file, messageOf(cause), cause);
  }
}

/**
 * Metadata whose version and expiry are what they must be.
 * @throws XError METADATA_INVALID naming the file.
 */
export function checkedRole<T extends SignedRole>(
  file: string,
  metadata: Metadata<T>,
): Metadata<T> {
  const { version, expires } = metadata.signed;
  if (!Number.isSafeInteger(version) || version < 1) throw invalid(file, `version ${version}`);
  if (parseTime(expires) === undefined) throw invalid(file, `"expires" is "${expires}"`);
  return metadata;
}

/** One key under two ids would count twice against a threshold. */
function checkRootKeys(file: string, root: Root): void {
  const publicKeys = Object.values(root.keys).map((key) => key.keyVal['public']?.toLowerCase());
  if (new Set(publicKeys).size !== publicKeys.length) {
    throw invalid(file, 'one key stands under two ids');
  }
}

function isObject(value: JsonValue | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function invalid(file: string, what: string, cause?: unknown): XError {
  // The models quote what they read: nothing of it may steer a terminal.
  const plain = what.replaceAll(/[\u0000-\u001f\u007f-\u009f]/g, '?').slice(0, 300);
  return new XError('METADATA_INVALID', `${file}: ${plain}`, { cause });
}
