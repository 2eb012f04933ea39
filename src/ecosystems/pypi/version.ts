/** A version as PEP 440 defines it; its numbers fit a double exactly. */
export interface Version {
  epoch: number;
  release: readonly number[];
  pre: { phase: 'a' | 'b' | 'rc'; number: number } | undefined;
  post: number | undefined;
  dev: number | undefined;
  local: readonly (number | string)[] | undefined;
  /** The normal form. */
  text: string;
  /** As it was written, which `===` compares. */
  written: string;
}

/** A version without its texts. */
export type VersionParts = Omit<Version, 'text' | 'written'>;

/** The alternatives of PEP 440's appendix B, as text for use in specifiers too. */
export const VERSION_PATTERNS = {
  epoch: '(?:([0-9]+)!)?',
  release: '([0-9]+(?:\\.[0-9]+)*)',
  pre: '(?:[-_.]?(alpha|beta|preview|pre|a|b|c|rc)[-_.]?([0-9]+)?)?',
  post: '(?:-([0-9]+)|[-_.]?(post|rev|r)[-_.]?([0-9]+)?)?',
  dev: '(?:[-_.]?(dev)[-_.]?([0-9]+)?)?',
  local: '(?:\\+([a-z0-9]+(?:[-_.][a-z0-9]+)*))?',
} as const;

const { epoch, release, pre, post, dev, local } = VERSION_PATTERNS;
const VERSION = new RegExp(`^\\s*v?${epoch}${release}${pre}${post}${dev}${local}\\s*$`, 'i');

/** Longer texts are no version: nobody publishes one, and the pattern's time is bounded by it. */
const MAX_VERSION_LENGTH = 512;

const cache = new Map<string, Version | undefined>();
const CACHED_VERSIONS = 100_000;

/** Parses a version; undefined where the text is none. @see https://peps.python.org/pep-0440/#appendix-b-parsing-version-strings-with-regular-expressions */
export function parseVersion(text: string): Version | undefined {
  if (cache.has(text)) return cache.get(text);
  const parsed = parse(text);
  if (cache.size >= CACHED_VERSIONS) cache.clear();
  cache.set(text, parsed);
  return parsed;
}

function parse(text: string): Version | undefined {
  if (text.length > MAX_VERSION_LENGTH) return undefined;
  const match = VERSION.exec(text);
  if (!match) return undefined;
  const [, epochText, releaseText = '', phase, preNumber, implicitPost, postWord, postNumber] =
    match;
  const [, , , , , , , , devWord, devNumber, localText] = match;
  const fields = {
    epoch: Number(epochText ?? 0),
    release: releaseText.split('.').map(Number),
    pre:
      phase === undefined ? undefined : { phase: phaseOf(phase), number: Number(preNumber ?? 0) },
    post:
      implicitPost === undefined && postWord === undefined
        ? undefined
        : Number(implicitPost ?? postNumber ?? 0),
    dev: devWord === undefined ? undefined : Number(devNumber ?? 0),
    local: localText
      ?.toLowerCase()
      .split(/[-_.]/)
      .map((part) => (/^[0-9]+$/.test(part) ? Number(part) : part)),
  };
  const numbers = [fields.epoch, ...fields.release, fields.pre?.number, fields.post, fields.dev];
  const all = [...numbers, ...(fields.local ?? [])];
  if (all.some((part) => typeof part === 'number' && !Number.isSafeInteger(part))) return undefined;
  return { ...fields, text: formatVersion(fields), written: text.trim() };
}

function phaseOf(word: string): 'a' | 'b' | 'rc' {
  const first = word.toLowerCase();
  if (first.startsWith('a')) return 'a';
  return first.startsWith('b') ? 'b' : 'rc';
}

/** The normal form of PEP 440; trailing zeros stay. */
export function formatVersion(version: VersionParts): string {
  return publicText(version) + (version.local === undefined ? '' : `+${version.local.join('.')}`);
}

/** The normal form without its local part. */
export function publicText(version: VersionParts): string {
  const parts = [
    version.epoch === 0 ? '' : `${version.epoch}!`,
    version.release.join('.'),
    version.pre === undefined ? '' : version.pre.phase + version.pre.number,
    version.post === undefined ? '' : `.post${version.post}`,
    version.dev === undefined ? '' : `.dev${version.dev}`,
  ];
  return parts.join('');
}

export function publicVersion(version: Version): Version {
  if (version.local === undefined) return version;
  return { ...version, local: undefined, text: publicText(version) };
}

/** Alphas, betas, candidates and development releases. */
export function isPreRelease(version: Version): boolean {
  return version.pre !== undefined || version.dev !== undefined;
}

/** The order of PEP 440: negative, zero or positive. */
export function compareVersions(a: Version, b: Version): number {
  return (
    a.epoch - b.epoch ||
    compareReleases(a.release, b.release) ||
    comparePre(a, b) ||
    (a.post ?? -1) - (b.post ?? -1) ||
    (a.dev ?? Number.MAX_VALUE) - (b.dev ?? Number.MAX_VALUE) ||
    compareLocal(a.local, b.local)
  );
}

function compareReleases(a: readonly number[], b: readonly number[]): number {
  for (let i = 0; i < Math.max(a.length, b.length); i++) {
    const difference = (a[i] ?? 0) - (b[i] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}

const PHASE_RANK = { a: 0, b: 1, rc: 2 } as const;

function comparePre(a: Version, b: Version): number {
  const difference = phaseRank(a) - phaseRank(b);
  return difference || (a.pre?.number ?? 0) - (b.pre?.number ?? 0);
}

/** A development release of nothing but a release sorts before its alphas; a final after its candidates. */
function phaseRank(version: Version): number {
  if (version.pre !== undefined) return PHASE_RANK[version.pre.phase];
  return version.post === undefined && version.dev !== undefined ? -1 : 3;
}

function compareLocal(a: Version['local'], b: Version['local']): number {
  if (a === undefined || b === undefined) return Number(a !== undefined) - Number(b !== undefined);
  for (let i = 0; i < Math.max(a.length, b.length); i++) {
    const difference = compareLocalPart(a[i], b[i]);
    if (difference !== 0) return difference;
  }
  return 0;
}

/** Missing before words, words before numbers. */
function compareLocalPart(a: number | string | undefined, b: number | string | undefined): number {
  if (typeof a === 'number' && typeof b === 'number') return a - b;
  if (typeof a === 'string' && typeof b === 'string') return a < b ? -1 : Number(a > b);
  const rank = (part: number | string | undefined): number =>
    part === undefined ? 0 : typeof part === 'string' ? 1 : 2;
  return rank(a) - rank(b);
}
