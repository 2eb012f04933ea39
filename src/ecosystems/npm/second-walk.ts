import npa from 'npm-package-arg';
import semver from 'semver';
import { XError } from '../../domain/errors.js';
import type { JsonObject } from '../../domain/plan.js';
import { requiredDependencies, requiredPeers } from './manifest.js';

/** In place of a range: the lockfile has the dependency taken out (`overrides`, `packageExtensions`). */
export const LEFT_OUT = '-';

/** A held package as its own tarball describes it. */
export interface HeldPackage {
  name: string;
  version: string;
  purl: string;
  /** The package.json inside the tarball. */
  packageJson: JsonObject;
  targets: readonly string[];
  /** Ranges that the project's overrides put in place of this package's own. */
  overrides: Readonly<Record<string, string>>;
  /** Of what no registry has: the names that it answers for, whatever its version. */
  installedAs?: readonly string[] | undefined;
}

/** What a project itself asks for, by its own words and not by the resolver's. */
export interface RootRequirements {
  label: string;
  /** Names to ranges, all that must be there. */
  dependencies: Readonly<Record<string, string>>;
  targets: readonly string[];
}

/**
 * Proves the closure over held bytes, without the resolver that chose them: for each target, each
 * package's required dependencies, and the projects' own, are satisfied by something held for it.
 * @returns warnings, for peers that npm installs along but tolerates otherwise.
 * @throws XError NOT_RESOLVABLE naming the first packages with nothing to satisfy them.
 */
export function proveClosure(
  held: readonly HeldPackage[],
  roots: readonly RootRequirements[] = [],
): string[] {
  const versions = versionsByTarget(held);
  const gaps = roots.flatMap((root) => gapsOf(root, versions));
  const warnings = new Set<string>();
  for (const pkg of held) {
    for (const target of pkg.targets) {
      const available = versions.get(target) ?? new Map<string, string[]>();
      for (const [name, spec] of Object.entries(requiredDependencies(pkg.packageJson))) {
        const wanted = pkg.overrides[name] ?? spec;
        if (wanted === LEFT_OUT) continue;
        if (!satisfied(name, wanted, available) && !satisfied(name, spec, available)) {
          gaps.push(`${pkg.name}@${pkg.version} needs ${name}@${wanted} on ${target}`);
        }
      }
      for (const [name, spec] of Object.entries(requiredPeers(pkg.packageJson))) {
        const wanted = pkg.overrides[name] ?? spec;
        if (wanted === LEFT_OUT || satisfied(name, wanted, available)) continue;
        warnings.add(
          `npm: ${pkg.name}@${pkg.version} has peer ${name}@${spec}, which is not held on ${target}`,
        );
      }
    }
  }
  if (gaps.length > 0) throw notClosed(gaps);
  return [...warnings];
}

/** By target, then by name. */
function versionsByTarget(held: readonly HeldPackage[]): Map<string, Map<string, string[]>> {
  const versions = new Map<string, Map<string, string[]>>();
  for (const { name, version, targets, installedAs } of held) {
    for (const target of targets) {
      const byName = versions.get(target) ?? new Map<string, string[]>();
      versions.set(target, byName);
      if (installedAs === undefined) byName.set(name, [...(byName.get(name) ?? []), version]);
      for (const alias of installedAs ?? []) byName.set(alias + FROM_ELSEWHERE, [version]);
    }
  }
  return versions;
}

function gapsOf(
  { label, dependencies, targets }: RootRequirements,
  versions: ReadonlyMap<string, ReadonlyMap<string, readonly string[]>>,
): string[] {
  return targets.flatMap((target) =>
    Object.entries(dependencies)
      .filter(([name, spec]) => !satisfied(name, spec, versions.get(target) ?? new Map()))
      .map(([name, spec]) => `${label} needs ${name}@${spec} on ${target}`),
  );
}

/** Behind a name: what answers for it is of no registry. */
const FROM_ELSEWHERE = '@elsewhere';

/** Whether one held version answers a dependency as npm reads it: range, tag, or alias. */
function satisfied(
  name: string,
  spec: string,
  available: ReadonlyMap<string, readonly string[]>,
): boolean {
  if (available.has(name + FROM_ELSEWHERE)) return true;
  let parsed: ReturnType<typeof npa.resolve>;
  try {
    parsed = npa.resolve(name, spec);
  } catch {
    // npm's parser refuses by throwing; what it cannot read, nothing satisfies.
    return false;
  }
  const real = parsed.type === 'alias' ? parsed.subSpec : parsed;
  if (real?.name === null || real === undefined || real.registry !== true) return false;
  const versions = available.get(real.name) ?? [];
  const range = real.fetchSpec ?? '*';
  if (real.type === 'tag' || range === '*' || range === '') return versions.length > 0;
  return versions.some((version) => semver.satisfies(version, range, { loose: true }));
}

const SHOWN_GAPS = 5;

function notClosed(gaps: readonly string[]): XError {
  const more = gaps.length > SHOWN_GAPS ? `; and ${gaps.length - SHOWN_GAPS} more` : '';
  return new XError(
    'NOT_RESOLVABLE',
    `npm: what is needed is not held: ${gaps.slice(0, SHOWN_GAPS).join('; ')}${more}`,
    {
      hint: 'The project, or these packages’ own package.json, asks for other than the registry or the lockfile says.',
    },
  );
}
