import semver from 'semver';
import { integrityOfDigest } from '../../domain/digest.js';
import type { JsonObject } from '../../domain/plan.js';
import { isObject, strings } from './json.js';

/** The index document of a package: `npm/<name>/packument.json`. */
export interface PackumentDocument {
  name: string;
  /** Tags whose version is held; `latest` is the highest held stable version. */
  distTags: Record<string, string>;
  time: Record<string, string>;
  /** Held versions only; `dist.tarball` is written when it is answered. */
  versions: Record<string, JsonObject>;
}

/** One held version, with what the registry said of it. */
export interface HeldVersion {
  version: string;
  manifest: JsonObject;
  time: string | undefined;
  tags: readonly string[];
  sha512: string;
}

/** Makes the document; its `dist.integrity` is computed over held bytes. */
export function makeDocument(name: string, held: readonly HeldVersion[]): PackumentDocument {
  const document: PackumentDocument = { name, distTags: {}, time: {}, versions: {} };
  const sorted = [...held].sort((a, b) => semver.compareBuild(a.version, b.version));
  for (const { version, manifest, time, tags, sha512 } of sorted) {
    const dist = isObject(manifest['dist']) ? manifest['dist'] : {};
    const integrity = integrityOfDigest('sha512', sha512);
    document.versions[version] = { ...manifest, name, version, dist: { ...dist, integrity } };
    if (time !== undefined) document.time[version] = time;
    for (const tag of tags) document.distTags[tag] = version;
  }
  document.distTags = withLatest(document.distTags, Object.keys(document.versions));
  return document;
}

/** `latest` is the highest held stable version, or the highest of all where none is stable. */
export function withLatest(
  tags: Readonly<Record<string, string>>,
  versions: readonly string[],
): Record<string, string> {
  const held = Object.fromEntries(
    Object.entries(tags).filter(([, version]) => versions.includes(version)),
  );
  const sorted = [...versions].sort(semver.compareBuild);
  const stable = sorted.filter((version) => semver.prerelease(version) === null);
  const latest = stable.at(-1) ?? sorted.at(-1);
  return latest === undefined ? held : { ...held, latest };
}

export function encodeDocument(document: PackumentDocument): Uint8Array {
  return Buffer.from(JSON.stringify(document));
}

/** Reads a document; undefined where the bytes are none. */
export function decodeDocument(bytes: Uint8Array): PackumentDocument | undefined {
  let json: unknown;
  try {
    json = JSON.parse(Buffer.from(bytes).toString('utf8'));
  } catch {
    // Its caller names the entry that holds no document.
    return undefined;
  }
  if (!isObject(json) || typeof json['name'] !== 'string' || !isObject(json['versions'])) {
    return undefined;
  }
  const versions = Object.entries(json['versions']).filter((pair): pair is [string, JsonObject] =>
    isObject(pair[1]),
  );
  return {
    name: json['name'],
    distTags: strings(json['distTags']),
    time: strings(json['time']),
    versions: Object.fromEntries(versions),
  };
}
