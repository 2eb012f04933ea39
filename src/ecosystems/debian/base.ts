import { fieldOf, PackageVersion } from './package-version.js';
import { compareVersions } from './version.js';
import { resolve } from './resolver/resolve.js';
import { Universe, type VersionSource } from './resolver/universe.js';
import type { TableVersions } from './packages-table.js';
import type { MentionOrder } from './resolver/preference.js';

/**
 * What is assumed to be installed on the target and is not carried: `minbase` what a minimal Debian
 * has, `none` nothing, `status` what a dpkg status file says.
 */
export type DebianBase =
  | { kind: 'minbase' }
  | { kind: 'none' }
  /** `architectures`: dpkg's, where more are known than the installed packages show. */
  | { kind: 'status'; text: string; architectures?: readonly string[] | undefined };

export interface InstalledPackages {
  versions: PackageVersion[];
  /** What is on hold: `name:architecture`. */
  held: Set<string>;
}

/** What a dpkg status file says is installed. Stanzas that say otherwise, or nothing clear, are passed over. */
export function installedOfStatus(text: string): InstalledPackages {
  const installed: InstalledPackages = { versions: [], held: new Set() };
  for (const stanza of text.replaceAll('\r\n', '\n').split(/\n\n+/)) {
    const [want, , state] = (fieldOf(stanza, 'Status') ?? '').split(/\s+/);
    const [name, version, architecture] = ['Package', 'Version', 'Architecture'].map((field) =>
      fieldOf(stanza, field),
    );
    if (state === undefined || ['not-installed', 'config-files'].includes(state)) continue;
    if (name === undefined || version === undefined || architecture === undefined) continue;
    installed.versions.push(
      new PackageVersion(name, version, architecture, stanza.trim(), undefined),
    );
    if (want === 'hold') installed.held.add(`${name}:${architecture}`);
  }
  return installed;
}

/**
 * A minimal install: what is Essential, of Priority required, and apt, with all that needs; each in
 * the oldest version that the indexes have, for the target may not have been updated since.
 */
export function minimalBase(
  indexes: readonly TableVersions[],
  architecture: string,
  mentions: MentionOrder,
): PackageVersion[] {
  const oldest = oldestOf(indexes, architecture);
  const universe = new Universe(architecture, [oldest]);
  const base = indexes.flatMap((index) => [...index.base(), ...index.named('apt')]);
  const names = [...new Set(base.map(({ name }) => name))].sort();
  const roots = names
    .flatMap((name) => oldest.named(name))
    .filter(
      ({ isEssential, priorityRank, name }) => isEssential || priorityRank === 1 || name === 'apt',
    );
  const wishes = roots.map((version) => ({
    text: version.name,
    solutions: [{ node: universe.nodeOf(version), version }],
  }));
  const { selection } = resolve(universe, wishes, {
    pins: [],
    withRecommends: false,
    followsSuggests: false,
    mentions,
  });
  return [...selection.values()];
}

/** Of each package of an architecture the oldest version alone. */
function oldestOf(indexes: readonly TableVersions[], architecture: string): VersionSource {
  const known = new Map<string, PackageVersion | undefined>();
  const oldest = (name: string): PackageVersion | undefined => {
    if (known.has(name)) return known.get(name);
    const [first, ...others] = indexes
      .flatMap((index) => index.named(name))
      .filter((version) => ['all', architecture].includes(version.architecture));
    const version = others.reduce(
      (a, b) => (a !== undefined && compareVersions(b.version, a.version) < 0 ? b : a),
      first,
    );
    known.set(name, version);
    return version;
  };
  return {
    named(name) {
      const version = oldest(name);
      return version === undefined ? [] : [version];
    },
    providing: (name) =>
      indexes
        .flatMap((index) => index.providing(name))
        .filter((version) => oldest(version.name) === version),
    names: () => indexes.flatMap((index) => [...index.names()]),
  };
}
