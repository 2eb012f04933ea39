import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import semver from 'semver';
import { BOUNDS } from '../domain/bounds.js';
import type { BundleEntry } from '../domain/bundle.js';
import { messageOf, XError } from '../domain/errors.js';
import { affects, parseOsv, type Advisory, type CompareVersions } from '../domain/osv.js';
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

/**
 * The advisories of OSV files, and of the *.json files in folders, at any depth.
 * @throws XError INPUT_NOT_FOUND, INPUT_UNREADABLE, INPUT_MALFORMED, LIMIT_EXCEEDED.
 */
export async function readAdvisories(paths: readonly string[]): Promise<Advisory[]> {
  const advisories: Advisory[] = [];
  for (const path of paths) {
    for (const file of await filesOf(path)) advisories.push(...(await readFileOf(file)));
  }
  return advisories;
}

async function filesOf(path: string): Promise<string[]> {
  const status = await stat(path).catch((cause: unknown) => {
    throw new XError('INPUT_NOT_FOUND', `advisories ${path}: ${messageOf(cause)}`, { cause });
  });
  if (!status.isDirectory()) return [path];
  const names = await readdir(path, { recursive: true });
  const files = names.filter((name) => name.endsWith('.json')).sort();
  if (files.length <= BOUNDS.advisoryFiles) return files.map((name) => join(path, name));
  throw new XError('LIMIT_EXCEEDED', `${path} holds ${files.length} files of advisories`, {
    hint: `At most ${BOUNDS.advisoryFiles} are read: keep those of the ecosystems in use.`,
  });
}

async function readFileOf(file: string): Promise<Advisory[]> {
  let text: string;
  try {
    const { size } = await stat(file);
    if (size > BOUNDS.advisoryFileBytes) {
      throw new XError('LIMIT_EXCEEDED', `${file} has ${size} bytes, too many for advisories`);
    }
    text = await readFile(file, 'utf8');
  } catch (cause) {
    if (cause instanceof XError) throw cause;
    throw new XError('INPUT_UNREADABLE', `${file}: ${messageOf(cause)}`, { cause });
  }
  return parseOsv(text, file);
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
