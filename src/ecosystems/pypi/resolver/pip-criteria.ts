import { admitted } from './admission.js';
import type { CandidateVersion, Dependency } from './package-provider.js';
import type { ResolveRequest } from './resolve.js';
import { satisfies, type SpecifierSet } from '../specifier.js';
import { compareVersions, type Version } from '../version.js';

/** What pip decides on: a package alone, or with a set of extras (`name[a,b]`), each by itself. */
export interface Identity {
  id: string;
  name: string;
  /** Sorted. */
  extras: readonly string[];
}

/** A range, or - of an extra's package, or of what is named by address - the one version itself. */
export interface Need extends Identity {
  specifiers: SpecifierSet;
  exact: Version | undefined;
}

/** A version of an identity that is tried or taken. */
export interface Pin extends Identity {
  version: Version;
}

/** A need with the pin that has it; undefined: the user. */
export interface Information {
  need: Need;
  parent: Pin | undefined;
}

/** All that is known of an identity: never changed, only replaced, so that answers may be kept with it. */
export interface Criterion {
  identity: Identity;
  candidates: readonly Version[];
  information: readonly Information[];
  /** Versions that conflicts have ruled out. */
  incompatible: readonly Version[];
  /** The last pin that was held against it, with the verdict. */
  checked?: { pin: Pin; fits: boolean };
  rank?: readonly number[];
}

export type Criteria = Map<string, Criterion>;

export function identityOf(name: string, extras: readonly string[]): Identity {
  const sorted = [...new Set(extras)].sort();
  return { id: sorted.length === 0 ? name : `${name}[${sorted.join(',')}]`, name, extras: sorted };
}

/** A range with extras binds the package itself first, and its extras then. */
export function needsOf({ name, specifiers, exact, extras = [] }: Dependency): Need[] {
  const own = { specifiers, exact };
  const whole = { ...identityOf(name, extras), ...own };
  const isSplit = extras.length > 0 && (specifiers.length > 0 || exact !== undefined);
  return isSplit ? [{ ...identityOf(name, []), ...own }, whole] : [whole];
}

export function meets({ specifiers, exact }: Need, version: Version): boolean {
  return exact === undefined
    ? satisfies(specifiers, version)
    : compareVersions(exact, version) === 0;
}

/** Whether a pin fits all that is known. */
export function fits(criterion: Criterion, pin: Pin | undefined): boolean {
  if (pin === undefined) return false;
  if (criterion.checked?.pin === pin) return criterion.checked.fits;
  const verdict = criterion.information.every(({ need }) => meets(need, pin.version));
  criterion.checked = { pin, fits: verdict };
  return verdict;
}

/**
 * The versions that meet what is needed of an identity, most preferred first; what is needed of the
 * package itself counts for its extras too.
 */
export function candidatesFor(
  identity: Identity,
  own: readonly Information[],
  criteria: Criteria,
  incompatible: readonly Version[],
  list: readonly CandidateVersion[],
  request: ResolveRequest,
): Version[] {
  const needs = own.map(({ need }) => need);
  const base = identity.extras.length === 0 ? [] : (criteria.get(identity.name)?.information ?? []);
  const all = [...needs, ...base.map(({ need }) => need)];
  const limits = request.constraints
    .filter(({ name }) => name === identity.name)
    .map(({ specifiers }) => specifiers);
  const ruledOut = new Set(incompatible.map(({ text }) => text));
  const isOpen = ({ text }: Version): boolean => !ruledOut.has(text);
  const exact = all.flatMap((need) => need.exact ?? []);
  if (exact.length > 0) {
    const distinct = [...new Map(exact.map((version) => [version.text, version])).values()];
    return distinct.filter(
      (version) =>
        isOpen(version) &&
        limits.every((limit) => satisfies(limit, version)) &&
        needs.every((need) => meets(need, version)),
    );
  }
  const { policy, allowPreReleases } = request;
  const ranges = [...all.map(({ specifiers }) => specifiers), ...limits];
  const allowed = admitted({ policy, allowPreReleases, candidates: list, ranges, rootRanges: [] });
  return list.flatMap(({ version }, at) => (allowed.has(at) && isOpen(version) ? version : []));
}

/**
 * What pip decides first: what is named by address, what is pinned, what has an upper limit, what the
 * user asked for in that order, what has any limit.
 */
export function rankOf(criterion: Criterion, asked: number | undefined): readonly number[] {
  criterion.rank ??= rankAmong(criterion.information, asked ?? Infinity);
  return criterion.rank;
}

function rankAmong(information: readonly Information[], asked: number): number[] {
  const specifiers = information.flatMap(({ need }) =>
    need.exact === undefined ? need.specifiers : [],
  );
  const isPinned = specifiers.some(
    ({ operator, isPrefix }) => operator.startsWith('==') && !isPrefix,
  );
  const isLimited = specifiers.some(
    ({ operator, isPrefix }) =>
      ['<', '<=', '~='].includes(operator) || (operator === '==' && isPrefix),
  );
  return [
    Number(information.every(({ need }) => need.exact === undefined)),
    Number(!isPinned),
    Number(!isLimited),
    asked,
    Number(specifiers.length === 0),
  ];
}
