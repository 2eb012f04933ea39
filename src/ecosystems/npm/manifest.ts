import type { JsonObject } from '../../domain/plan.js';
import { isObject, list, strings } from './json.js';

/** A version's manifest in an index: what clients need to resolve, link binaries and show a line. */
const KEPT = [
  'name', 'version', 'description', 'license', 'dependencies', 'optionalDependencies',
  'peerDependencies', 'peerDependenciesMeta', 'bundleDependencies', 'acceptDependencies', 'bin',
  'directories', 'engines', 'os', 'cpu', 'libc', 'deprecated', 'hasInstallScript',
  '_hasShrinkwrap',
]; // prettier-ignore

/** What stays of `dist`; integrity and address are written over real bytes later. */
const KEPT_OF_DIST = ['shasum', 'fileCount', 'unpackedSize', 'signatures'];

const MAX_DESCRIPTION = 256;

/** Reduces a registry's version manifest to what an index document carries. */
export function prunedManifest(manifest: JsonObject): JsonObject {
  const pruned: JsonObject = {};
  for (const key of KEPT) {
    const value = manifest[key];
    if (value !== undefined) pruned[key] = value;
  }
  const bundled = manifest['bundleDependencies'] ?? manifest['bundledDependencies'];
  if (bundled !== undefined) pruned['bundleDependencies'] = bundled;
  if (typeof pruned['description'] === 'string') {
    pruned['description'] = pruned['description'].slice(0, MAX_DESCRIPTION);
  }
  const dist = isObject(manifest['dist']) ? manifest['dist'] : {};
  const kept: JsonObject = {};
  for (const key of KEPT_OF_DIST) {
    const value = dist[key];
    if (value !== undefined) kept[key] = value;
  }
  // The address would name the upstream host; the predicate says what kind of evidence exists.
  const attestations = dist['attestations'];
  const provenance = isObject(attestations) ? attestations['provenance'] : undefined;
  if (isObject(provenance)) kept['attestations'] = { provenance };
  return { ...pruned, dist: kept };
}

/** Names whose code comes inside the package's own tarball. */
export function bundledNames(manifest: JsonObject): Set<string> {
  const bundled = manifest['bundleDependencies'] ?? manifest['bundledDependencies'];
  if (bundled === true) return new Set(Object.keys(strings(manifest['dependencies'])));
  return new Set(list(bundled));
}

/** What must be there for the package to run: `dependencies` that are not optional and not bundled. */
export function requiredDependencies(manifest: JsonObject): Record<string, string> {
  const optional = strings(manifest['optionalDependencies']);
  const bundled = bundledNames(manifest);
  return Object.fromEntries(
    Object.entries(strings(manifest['dependencies'])).filter(
      ([name]) => optional[name] === undefined && !bundled.has(name),
    ),
  );
}

/** Peers that npm installs along: all but those marked optional. */
export function requiredPeers(manifest: JsonObject): Record<string, string> {
  const meta = manifest['peerDependenciesMeta'];
  return Object.fromEntries(
    Object.entries(strings(manifest['peerDependencies'])).filter(([name]) => {
      const peer = isObject(meta) ? meta[name] : undefined;
      return !(isObject(peer) && peer['optional'] === true);
    }),
  );
}
