import { priorityOf, type Pin } from '../apt/preferences.js';
import { compareVersions } from '../version.js';
import type { PackageVersion } from '../package-version.js';
import type { PackageNode } from './universe.js';

/**
 * apt's candidate of a package: of the highest pin priority, then the newest; below 1000 never older
 * than what is installed; a negative priority never.
 */
export function candidateOf(node: PackageNode, pins: readonly Pin[]): PackageVersion | undefined {
  let best: PackageVersion | undefined;
  let bestPriority = 0;
  for (const version of node.versions) {
    const priority = versionPriority(node, version, pins);
    if (priority <= bestPriority) continue;
    if (priority < 1000 && isDowngrade(node, version)) continue;
    best = version;
    bestPriority = priority;
  }
  return best;
}

/** Whether a version is older than the one that is installed. */
export function isDowngrade({ installed }: PackageNode, version: PackageVersion): boolean {
  return installed !== undefined && compareVersions(version.version, installed.version) < 0;
}

/** What is installed counts 100, beside what its indexes say. */
export function versionPriority(
  node: PackageNode,
  version: PackageVersion,
  pins: readonly Pin[],
): number {
  const indexed = version.indexes.length === 0 ? -1 : priorityOf(version, pins);
  return version === node.installed ? Math.max(indexed, 100) : indexed;
}

/** Whether an index of the suite, codename or release number lists a version. */
export function isFromSuite(version: PackageVersion, wanted: string): boolean {
  return version.indexes.some(({ release: { suite, codename, version: number } }) =>
    [suite, codename, number].includes(wanted),
  );
}
