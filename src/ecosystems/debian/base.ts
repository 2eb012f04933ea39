import { fieldOf, PackageVersion } from './package-version.js';
import { compareVersions } from './version.js';
import { resolve } from './resolver/resolve.js';
import { Universe } from './resolver/universe.js';
import type { MentionOrder } from './resolver/preference.js';

/**
 * What is assumed to be installed on the target and is not carried: `minbase` what a minimal Debian
 * has, `none` nothing, `status` what a dpkg status file says.
 */
export type DebianBase = { kind: 'minbase' } | { kind: 'none' } | { kind: 'status'; text: string };

export interface InstalledPackages {
  versions: PackageVersion[];
  /** Names on hold. */
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
    if (want === 'hold') installed.held.add(name);
  }
  return installed;
}

/**
 * A minimal install: what is Essential, of Priority required, and apt, with all that needs; each in
 * the oldest version that the indexes have, for the target may not have been updated since.
 */
export function minimalBase(
  available: readonly PackageVersion[],
  architecture: string,
  mentions: MentionOrder,
): PackageVersion[] {
  const oldest = new Map<string, PackageVersion>();
  for (const version of available) {
    if (version.architecture !== 'all' && version.architecture !== architecture) continue;
    const known = oldest.get(version.name);
    if (known === undefined || compareVersions(version.version, known.version) < 0) {
      oldest.set(version.name, version);
    }
  }
  const universe = new Universe(architecture, oldest.values());
  const roots = [...oldest.values()].filter(
    (version) => version.isEssential || version.priorityRank === 1 || version.name === 'apt',
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
