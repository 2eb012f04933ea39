import {
  compareVersions,
  isPreRelease,
  parseVersion,
  publicVersion,
  VERSION_PATTERNS,
  type Version,
} from './version.js';

export type SpecifierOperator = '~=' | '==' | '!=' | '<=' | '>=' | '<' | '>' | '===';

/** One clause of a version specifier: `>=1.2`, `==3.*`. */
export interface Specifier {
  operator: SpecifierOperator;
  /** The version as written, trimmed; ends in `.*` for a prefix. */
  operand: string;
  /** The operand parsed, the prefix's star taken off; undefined for `===`. */
  version: Version | undefined;
  isPrefix: boolean;
}

/** Clauses that must all hold; none allows every version. */
export type SpecifierSet = readonly Specifier[];

const { epoch, release, pre, post, dev, local } = VERSION_PATTERNS;
const suffix = `${pre}${post}${dev}`;
const OPERANDS: Readonly<Record<SpecifierOperator, RegExp>> = {
  '===': /^[^\s;)]*$/,
  '==': new RegExp(`^v?${epoch}${release}(?:\\.\\*|${suffix}${local})$`, 'i'),
  '!=': new RegExp(`^v?${epoch}${release}(?:\\.\\*|${suffix}${local})$`, 'i'),
  '~=': new RegExp(`^v?${epoch}([0-9]+(?:\\.[0-9]+)+)${suffix}$`, 'i'),
  '<=': new RegExp(`^v?${epoch}${release}${suffix}$`, 'i'),
  '>=': new RegExp(`^v?${epoch}${release}${suffix}$`, 'i'),
  '<': new RegExp(`^v?${epoch}${release}${suffix}$`, 'i'),
  '>': new RegExp(`^v?${epoch}${release}${suffix}$`, 'i'),
};

/** Longer texts are no specifier. */
const MAX_SPECIFIER_LENGTH = 4096;

/**
 * Parses a comma-separated set; undefined where any clause is malformed. Empty clauses are passed over.
 * @see https://packaging.python.org/en/latest/specifications/version-specifiers/
 */
export function parseSpecifiers(text: string): SpecifierSet | undefined {
  if (text.length > MAX_SPECIFIER_LENGTH) return undefined;
  const specifiers: Specifier[] = [];
  for (const clause of text.split(',')) {
    if (clause.trim() === '') continue;
    const specifier = parseSpecifier(clause);
    if (specifier === undefined) return undefined;
    specifiers.push(specifier);
  }
  return specifiers;
}

function parseSpecifier(text: string): Specifier | undefined {
  const match = /^\s*(===|==|~=|!=|<=|>=|<|>)\s*(\S*)\s*$/.exec(text);
  const operator = match?.[1] as SpecifierOperator | undefined;
  const operand = match?.[2] ?? '';
  if (operator === undefined || !OPERANDS[operator].test(operand)) return undefined;
  if (operator === '===') return { operator, operand, version: undefined, isPrefix: false };
  const isPrefix = operand.endsWith('.*');
  const version = parseVersion(isPrefix ? operand.slice(0, -2) : operand);
  return version === undefined ? undefined : { operator, operand, version, isPrefix };
}

/** The canonical text: clauses sorted, as Python's `packaging` prints them. */
export function formatSpecifiers(specifiers: SpecifierSet): string {
  return specifiers
    .map(({ operator, operand }) => operator + operand)
    .sort()
    .join(',');
}

/** Whether a version is in the set, pre-releases included where the range does not exclude them. */
export function satisfies(specifiers: SpecifierSet, version: Version): boolean {
  return specifiers.every((specifier) => holds(specifier, version));
}

/** Whether the set names a pre-release, and so asks for them: `>=1.0rc1`, `==2.0.dev3`. */
export function mentionsPreRelease(specifiers: SpecifierSet): boolean {
  return specifiers.some(({ operator, operand, version }) => {
    if (operator === '!=') return false;
    const named = operator === '===' ? parseVersion(operand) : version;
    return named !== undefined && isPreRelease(named);
  });
}

/** Whether the set pins one version (PEP 592's condition for taking a yanked file). */
export function isPinned(specifiers: SpecifierSet): boolean {
  return specifiers.some(
    ({ operator, isPrefix }) => operator === '===' || (operator === '==' && !isPrefix),
  );
}

function holds({ operator, operand, version, isPrefix }: Specifier, candidate: Version): boolean {
  if (version === undefined) return isWritten(candidate, operand);
  switch (operator) {
    case '==':
      return isPrefix ? hasPrefix(candidate, version) : equals(candidate, version);
    case '!=':
      return !(isPrefix ? hasPrefix(candidate, version) : equals(candidate, version));
    case '<=':
      return compareVersions(publicVersion(candidate), version) <= 0;
    case '>=':
      return compareVersions(publicVersion(candidate), version) >= 0;
    case '~=':
      return isCompatible(candidate, version, operand);
    case '<':
      return isBefore(candidate, version);
    case '>':
      return isAfter(candidate, version);
    case '===':
      return false;
  }
}

/**
 * `~=2.2.1` is `>=2.2.1, ==2.2.*`. As in Python's `packaging`, the prefix is cut from the text as it
 * is written, so `~=v1.0` matches nothing and `~=1.0.RC.1` pre-releases of 1.0 alone.
 */
function isCompatible(candidate: Version, version: Version, operand: string): boolean {
  const pieces = operand
    .slice(operand.indexOf('!') + 1)
    .split('.')
    .flatMap((piece) => /^([0-9]+)((?:a|b|c|rc)[0-9]+)$/.exec(piece)?.slice(1) ?? [piece]);
  const end = pieces.findIndex((piece) => /^(?:dev|a|b|rc|post)/.test(piece));
  const kept = pieces.slice(0, end < 0 ? undefined : end).slice(0, -1);
  const prefix = parseVersion(kept.join('.'));
  return (
    prefix !== undefined &&
    /^[0-9]/.test(operand) &&
    compareVersions(publicVersion(candidate), version) >= 0 &&
    hasPrefix(candidate, { ...prefix, epoch: version.epoch })
  );
}

function isWritten(candidate: Version, operand: string): boolean {
  const wanted = operand.toLowerCase();
  return candidate.text.toLowerCase() === wanted || candidate.written.toLowerCase() === wanted;
}

function equals(candidate: Version, version: Version): boolean {
  const compared = version.local === undefined ? publicVersion(candidate) : candidate;
  return compareVersions(compared, version) === 0;
}

function hasPrefix(candidate: Version, prefix: Version): boolean {
  const { epoch: prefixEpoch, release: parts, pre: phase } = prefix;
  const isSameRelease =
    candidate.epoch === prefixEpoch &&
    parts.every((part, i) => (candidate.release[i] ?? 0) === part);
  if (phase === undefined || !isSameRelease) return isSameRelease;
  return (
    candidate.release.length <= parts.length &&
    candidate.pre?.phase === phase.phase &&
    candidate.pre.number === phase.number
  );
}

/** `<V` takes no pre-release of V, unless V is one itself. */
function isBefore(candidate: Version, bound: Version): boolean {
  if (compareVersions(candidate, bound) >= 0) return false;
  if (isPreRelease(bound) || !isPreRelease(candidate)) return true;
  // The earliest pre-release of V is its development release number 0.
  const earliest: Version = { ...bound, local: undefined, dev: 0 };
  return compareVersions(candidate, earliest) < 0;
}

/** `>V` takes neither a post-release of V (unless V is one) nor a local version of it. */
function isAfter(candidate: Version, bound: Version): boolean {
  if (compareVersions(candidate, bound) <= 0) return false;
  if (bound.post === undefined && candidate.post !== undefined) {
    const base: Version = { ...candidate, post: undefined, dev: undefined, local: undefined };
    if (compareVersions(base, bound) === 0) return false;
  }
  return candidate.local === undefined || compareVersions(publicVersion(candidate), bound) !== 0;
}

/** The specifier that allows one version alone: `==1.0` for `1.0`, its local part included. */
export function exactly(version: Version): SpecifierSet {
  return [{ operator: '==', operand: version.text, version, isPrefix: false }];
}
