import npa from 'npm-package-arg';
import semver from 'semver';
import { BOUNDS } from '../domain/bounds.js';
import type { JsonObject, JsonValue } from '../domain/plan.js';
import { registryOf, type NpmConfig } from './npm-config.js';
import { asXError } from './npm-errors.js';
import type { PackumentCache, RawPackument } from './npm-packuments.js';

/** The address npm asks for a package's packument. */
export function packumentAddress(name: string, config: NpmConfig): string {
  const escaped = name.replace('/', '%2f');
  return `${registryOf(name, config).replace(/\/+$/, '')}/${escaped}`;
}

/**
 * Asks for the packuments that a tree will most likely need, many at a time: arborist alone waits
 * for one after the other. A guess that misses costs a request, never a wrong tree. Failures are
 * left in the cache for arborist to meet where they matter.
 */
export async function prefetch(
  manifests: readonly JsonObject[],
  names: readonly string[],
  config: NpmConfig,
  cache: PackumentCache,
): Promise<void> {
  const seen = new Set<string>();
  const running = new Set<Promise<void>>();
  const failed: unknown[] = [];

  const visit = (name: string, spec: string): void => {
    const key = `${name}@${spec}`;
    if (seen.has(key) || seen.size >= BOUNDS.planArtifacts) return;
    seen.add(key);
    const work = cache
      .fetch(packumentAddress(name, config))
      .then(
        (packument) => follow(likelyVersion(packument, spec), false),
        () => undefined,
      )
      .catch((thrown: unknown) => {
        failed.push(thrown);
      })
      .finally(() => running.delete(work));
    running.add(work);
  };
  const follow = (manifest: JsonObject | undefined, root: boolean): void => {
    for (const [name, spec] of dependenciesOf(manifest ?? {}, root)) {
      const target = registryTarget(name, spec);
      if (target !== undefined) visit(target.name, target.spec);
    }
  };

  for (const manifest of manifests) follow(manifest, true);
  for (const name of names) {
    const target = registryTarget(name, '*');
    if (target !== undefined) visit(target.name, '*-none');
  }
  while (running.size > 0) await Promise.race(running);
  if (failed.length > 0) throw asXError(failed[0], 'the packuments');
}

/** Name and range in a registry, aliases resolved; undefined for addresses and folders. */
function registryTarget(name: string, spec: string): { name: string; spec: string } | undefined {
  try {
    const parsed = npa.resolve(name, spec);
    const real = parsed.type === 'alias' ? parsed.subSpec : parsed;
    if (real === undefined || real.name === null || real.registry !== true) return undefined;
    return { name: real.name, spec: real.fetchSpec ?? '*' };
  } catch {
    // What npm cannot parse it refuses with a better message when it meets it.
    return undefined;
  }
}

/** npm's choice in the common case: the `latest` tag where it satisfies, else the highest that does. */
function likelyVersion(packument: RawPackument, spec: string): JsonObject | undefined {
  const tagged = packument['dist-tags'][spec];
  if (tagged !== undefined) return packument.versions[tagged];
  if (semver.validRange(spec) === null) return undefined;
  const latest = packument['dist-tags']['latest'];
  if (latest !== undefined && semver.satisfies(latest, spec, { loose: true })) {
    return packument.versions[latest];
  }
  const best = semver.maxSatisfying(Object.keys(packument.versions), spec, { loose: true });
  return best === null ? undefined : packument.versions[best];
}

function dependenciesOf(manifest: JsonObject, root: boolean): [string, string][] {
  const fields = ['dependencies', 'optionalDependencies', ...(root ? ['devDependencies'] : [])];
  const pairs = fields.flatMap((field) => pairsOf(manifest[field]));
  const meta = manifest['peerDependenciesMeta'];
  for (const [name, spec] of pairsOf(manifest['peerDependencies'])) {
    const peer = isObject(meta) ? meta[name] : undefined;
    if (!(isObject(peer) && peer['optional'] === true)) pairs.push([name, spec]);
  }
  return pairs;
}

function pairsOf(value: JsonValue | undefined): [string, string][] {
  if (!isObject(value)) return [];
  return Object.entries(value).filter(
    (pair): pair is [string, string] => typeof pair[1] === 'string',
  );
}

function isObject(value: JsonValue | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
