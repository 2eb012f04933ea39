import semver from 'semver';
import type { BundleEntry } from '../domain/bundle.js';
import { affects, type Advisory, type CompareVersions } from '../domain/osv.js';
import { compareVersions as compareDebian } from '../ecosystems/debian/version.js';
import { compareVersions as comparePython, parseVersion } from '../ecosystems/pypi/version.js';

/** A package of a bundle that an advisory concerns. */
export interface Finding {
  advisory: Advisory;
  purl: string;
  path: string;
  name: string;
  version: string;
  /** The version that mends it, where the advisory names one. */
  fixed: string | undefined;
}

/** The packages of a bundle that advisories concern, in path order. */
export function findAffected(
  entries: readonly BundleEntry[],
  advisories: readonly Advisory[],
): Finding[] {
  const byName = new Map<string, Advisory[]>();
  for (const advisory of advisories) {
    const keys = advisory.affected.map(({ ecosystem, name }) => `${ecosystem} ${name}`);
    for (const key of new Set(keys)) byName.set(key, [...(byName.get(key) ?? []), advisory]);
  }
  const findings: Finding[] = [];
  for (const { kind, ecosystem, name, version, purl = '', path } of entries) {
    if (kind !== 'package' || ecosystem === undefined) continue;
    if (name === undefined || version === undefined) continue;
    for (const advisory of byName.get(`${ecosystem} ${name}`) ?? []) {
      const subject = { ecosystem, name, version };
      const { isAffected, fixed } = affects(advisory, subject, compareVersionsOf);
      if (isAffected) findings.push({ advisory, purl, path, name, version, fixed });
    }
  }
  return findings;
}

export const compareVersionsOf: CompareVersions = (ecosystem, a, b) => {
  if (ecosystem === 'debian') return compareDebian(a, b);
  if (ecosystem === 'npm') {
    return semver.valid(a, true) && semver.valid(b, true) ? semver.compare(a, b, true) : undefined;
  }
  const [left, right] = [parseVersion(a), parseVersion(b)];
  return left && right ? comparePython(left, right) : undefined;
};
