import type { BundleEntry } from '../domain/bundle.js';
import { licenceOf } from '../domain/licence.js';
import type { EcosystemName } from '../domain/plan.js';

/** A package of one side: all its versions and files together. */
export interface PackageSide {
  versions: string[];
  /** As its metadata names them; empty where it names none. */
  licences: string[];
  files: number;
  bytes: number;
}

export interface PackageName {
  ecosystem: EcosystemName;
  name: string;
}

export interface ChangedPackage extends PackageName {
  from: PackageSide;
  to: PackageSide;
  /** What differs, in this order. `content`: other bytes under the same version. */
  differs: ('version' | 'licence' | 'content' | 'files' | 'private')[];
  /** Files whose bytes differ although path and version are the same. */
  replaced: { path: string; from: string; to: string }[];
}

export interface BundleDifference {
  added: (PackageName & PackageSide)[];
  removed: (PackageName & PackageSide)[];
  changed: ChangedPackage[];
  unchanged: number;
  /** Indexes, proofs and inputs that differ, by path. */
  documents: { added: string[]; removed: string[]; changed: string[] };
  bytes: { from: number; to: number };
  /** What a machine that holds all of the first lacks of the second, in bytes of distinct files. */
  transferBytes: number;
}

/** What a reader of two bundles wants to know: which packages came, went, changed, and how much has to be carried. */
export function diffBundles(
  from: readonly BundleEntry[],
  to: readonly BundleEntry[],
): BundleDifference {
  const [before, after] = [packagesOf(from), packagesOf(to)];
  const difference: BundleDifference = {
    added: [],
    removed: [],
    changed: [],
    unchanged: 0,
    documents: diffDocuments(from, to),
    bytes: { from: totalBytes(from), to: totalBytes(to) },
    transferBytes: transferBytes(from, to),
  };
  for (const key of [...new Set([...before.keys(), ...after.keys()])].sort()) {
    const [old, now] = [before.get(key), after.get(key)];
    if (now === undefined) difference.removed.push(summaryOf(old ?? []));
    else if (old === undefined) difference.added.push(summaryOf(now));
    else {
      const changed = diffPackage(old, now);
      if (changed.differs.length > 0) difference.changed.push(changed);
      else difference.unchanged += 1;
    }
  }
  return difference;
}

function packagesOf(entries: readonly BundleEntry[]): Map<string, BundleEntry[]> {
  const packages = entries.filter(({ kind }) => kind === 'package');
  return Map.groupBy(packages, ({ ecosystem, name }) => `${ecosystem}/${name}`);
}

function diffPackage(old: readonly BundleEntry[], now: readonly BundleEntry[]): ChangedPackage {
  const { ecosystem, name, ...from } = summaryOf(old);
  const { ecosystem: _ecosystem, name: _name, ...to } = summaryOf(now);
  const oldByPath = new Map(old.map((entry) => [entry.path, entry]));
  const replaced = now.flatMap(({ path, sha256 }) => {
    const was = oldByPath.get(path)?.sha256;
    return was === undefined || was === sha256 ? [] : [{ path, from: was, to: sha256 }];
  });
  const versions = isSame(from.versions, to.versions);
  const paths = (list: readonly BundleEntry[]): string[] => list.map(({ path }) => path).sort();
  const isPrivate = (list: readonly BundleEntry[]): boolean => list.some((one) => one.private);
  const differs: ChangedPackage['differs'] = [];
  if (!versions) differs.push('version');
  if (!isSame(from.licences, to.licences)) differs.push('licence');
  if (replaced.length > 0) differs.push('content');
  if (versions && !isSame(paths(old), paths(now))) differs.push('files');
  if (isPrivate(old) !== isPrivate(now)) differs.push('private');
  return { ecosystem, name, from, to, differs, replaced };
}

function summaryOf(entries: readonly BundleEntry[]): PackageName & PackageSide {
  const [first] = entries;
  return {
    ecosystem: first?.ecosystem ?? 'pypi',
    name: first?.name ?? '',
    versions: distinct(entries.map(({ version }) => version ?? '')),
    licences: distinct(entries.flatMap((entry) => licenceOf(entry) ?? [])),
    files: entries.length,
    bytes: totalBytes(entries),
  };
}

function diffDocuments(from: readonly BundleEntry[], to: readonly BundleEntry[]) {
  const documents = (entries: readonly BundleEntry[]): Map<string, string> =>
    new Map(entries.flatMap((one) => (one.kind === 'package' ? [] : [[one.path, one.sha256]])));
  const [before, after] = [documents(from), documents(to)];
  return {
    added: [...after.keys()].filter((path) => !before.has(path)),
    removed: [...before.keys()].filter((path) => !after.has(path)),
    changed: [...after].flatMap(([path, sha256]) =>
      before.has(path) && before.get(path) !== sha256 ? [path] : [],
    ),
  };
}

function transferBytes(from: readonly BundleEntry[], to: readonly BundleEntry[]): number {
  const held = new Set(from.map(({ sha256 }) => sha256));
  const lacking = new Map(to.map(({ sha256, lengthBytes }) => [sha256, lengthBytes]));
  for (const sha256 of held) lacking.delete(sha256);
  return [...lacking.values()].reduce((sum, bytes) => sum + bytes, 0);
}

function totalBytes(entries: readonly BundleEntry[]): number {
  return entries.reduce((sum, { lengthBytes }) => sum + lengthBytes, 0);
}

function distinct(texts: readonly string[]): string[] {
  return [...new Set(texts)].sort();
}

function isSame(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((one, at) => one === b[at]);
}
