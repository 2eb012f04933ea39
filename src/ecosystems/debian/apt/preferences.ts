import { XError } from '../../../domain/errors.js';
import type { AptFile } from '../../../ports/apt.js';
import { isFault, parseStanzas, wordsOf } from '../deb822.js';
import type { PackageVersion } from '../package-version.js';
import type { ReleaseFacts, ReleaseIndex } from '../release-index.js';

/** One stanza of apt's preferences. */
export interface Pin {
  /** Whether it is for this package; `general` where it is for all (`Package: *`). */
  appliesTo: ((name: string) => boolean) | 'general';
  matches: (version: string, index: ReleaseIndex) => boolean;
  priority: number;
}

/** @throws XError INPUT_MALFORMED. @see apt_preferences(5) */
export function parsePreferences(files: readonly AptFile[]): Pin[] {
  return files.flatMap((file) => {
    const stanzas = parseStanzas(file.text);
    if (isFault(stanzas)) {
      throw new XError('INPUT_MALFORMED', `${file.path}:${stanzas.line}: ${stanzas.problem}`);
    }
    return stanzas.flatMap((stanza) => {
      const packages = wordsOf(stanza.get('package'));
      const pin = stanza.get('pin') ?? '';
      const priority = Number(stanza.get('pin-priority'));
      if (packages.length === 0 || pin === '' || !Number.isInteger(priority)) {
        throw new XError(
          'INPUT_MALFORMED',
          `${file.path}: a stanza lacks Package, Pin or a whole Pin-Priority`,
          { hint: 'See apt_preferences(5).' },
        );
      }
      const names = packages.map(globOf);
      const appliesTo =
        packages.includes('*') || ((name: string) => names.some((glob) => glob.test(name)));
      return [
        {
          appliesTo: appliesTo === true ? ('general' as const) : appliesTo,
          matches: matcherOf(pin),
          priority,
        },
      ];
    });
  });
}

/** The pin that APT::Default-Release is. */
export function defaultReleasePin(release: string): Pin {
  const glob = globOf(release);
  return {
    appliesTo: 'general',
    matches: (_version, { release: { suite, codename, version } }) =>
      [suite, codename, version].some((name) => name !== undefined && glob.test(name)),
    priority: 990,
  };
}

/**
 * apt's priority of a version: the first pin for its package, else the best over its indexes.
 * @see apt_preferences(5), "APT's Default Priority Assignments"
 */
export function priorityOf(version: PackageVersion, pins: readonly Pin[]): number {
  for (const pin of pins) {
    if (pin.appliesTo === 'general' || !pin.appliesTo(version.name)) continue;
    if (version.indexes.some((index) => pin.matches(version.version, index))) return pin.priority;
  }
  return Math.max(
    ...version.indexes.map((index) => {
      const pin = pins.find(
        ({ appliesTo, matches }) => appliesTo === 'general' && matches('', index),
      );
      return pin?.priority ?? defaultPriority(index.release);
    }),
  );
}

function defaultPriority({ isNotAutomatic, isButAutomaticUpgrades }: ReleaseFacts): number {
  if (isButAutomaticUpgrades) return 100;
  return isNotAutomatic ? 1 : 500;
}

function matcherOf(pin: string): Pin['matches'] {
  const [kind = '', ...rest] = pin.split(/\s+/);
  const data = rest.join(' ');
  if (kind === 'version') {
    const glob = globOf(data);
    return (version) => glob.test(version);
  }
  if (kind === 'origin') {
    const host = data.replaceAll('"', '');
    return (_version, { release }) => new URL(release.baseUrl).hostname === host;
  }
  const conditions = data.split(',').map((part) => {
    const [key = '', ...value] = part.split('=');
    return { key: key.trim(), glob: globOf(value.join('=').trim().replaceAll('"', '')) };
  });
  return (_version, index) =>
    conditions.every(({ key, glob }) => glob.test(releaseField(key, index) ?? ''));
}

function releaseField(key: string, { release, component, architecture }: ReleaseIndex) {
  switch (key) {
    case 'a':
      return release.suite;
    case 'n':
      return release.codename;
    case 'o':
      return release.origin;
    case 'l':
      return release.label;
    case 'v':
      return release.version;
    case 'c':
      return component;
    case 'b':
      return architecture;
    default:
      return undefined;
  }
}

/** apt's patterns: `/regex/`, or a glob with `*`, `?` and `[…]`. */
function globOf(pattern: string): RegExp {
  const regex = /^\/(.*)\/$/.exec(pattern)?.[1];
  try {
    if (regex !== undefined) return new RegExp(regex);
    const escaped = pattern.replace(/[.+^${}()|\\]/g, '\\$&');
    return new RegExp(`^${escaped.replaceAll('*', '.*').replaceAll('?', '.')}$`);
  } catch (error) {
    throw new XError('INPUT_MALFORMED', `apt's preferences: not a pattern: ${pattern}`, {
      cause: error,
    });
  }
}
