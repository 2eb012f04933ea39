import { BOUNDS } from '../../domain/bounds.js';
import { XError } from '../../domain/errors.js';
import { candidateOf, isDowngrade, isFromSuite, versionPriority } from './resolver/policy.js';
import { nearest } from '../../domain/nearest.js';
import { versionFits } from './relation.js';
import { expandSelectors } from './selectors.js';
import type { Pin } from './apt/preferences.js';
import type { DebianRequirement } from './requirements.js';
import type { TableVersions } from './packages-table.js';
import type { PackageVersion } from './package-version.js';
import type { Wish } from './resolver/solver.js';
import type { PackageNode, Solution, Universe } from './resolver/universe.js';

/**
 * The wishes of all requirements, those that selectors stand for included.
 * @throws XError as wishOf and expandSelectors; of several, with a line for each.
 */
export function wishesOf(
  universe: Universe,
  indexes: readonly TableVersions[],
  requirements: readonly DebianRequirement[],
  pins: readonly Pin[],
): { requirements: DebianRequirement[]; wishes: Wish[] } {
  const failures = new Map<string, XError>();
  const attempt = <T>(requirement: DebianRequirement, make: () => T[]): T[] => {
    try {
      return make();
    } catch (error) {
      if (!(error instanceof XError) || error.exitCode !== NOT_FOUND) throw error;
      failures.set(requirement.text, error);
      return [];
    }
  };
  const single = requirements.flatMap((requirement) =>
    attempt(requirement, () => expandSelectors(universe, indexes, [requirement])),
  );
  const wishes = single.flatMap((requirement) =>
    attempt(requirement, () => [wishOf(universe, requirement, pins)]),
  );
  if (failures.size > 0) throw inOne(failures, requirements);
  return { requirements: single, wishes };
}

const NOT_FOUND = 4;

/** One failure for all, each with its own hint. */
function inOne(failures: ReadonlyMap<string, XError>, asked: readonly DebianRequirement[]): XError {
  const texts = asked.map(({ text }) => text);
  const inOrder = [...failures].sort(([a], [b]) => texts.indexOf(a) - texts.indexOf(b));
  const [first, ...others] = inOrder.map(([, failure]) => failure);
  if (first !== undefined && others.length === 0) return first;
  const shown = inOrder.slice(0, BOUNDS.shownProblems);
  const rest = failures.size - shown.length;
  const messages = shown.map(([, { message }]) => message);
  const hints = shown.flatMap(([text, { hint }]) => (hint === undefined ? [] : `${text}: ${hint}`));
  return new XError(
    first?.code ?? 'PACKAGE_NOT_FOUND',
    [...messages, ...(rest > 0 ? [`and ${rest} more`] : [])].join('\n'),
    { hint: hints.join('\n') },
  );
}

/**
 * The versions that meet a requirement, best first: apt's candidate, then by version.
 * @throws XError PACKAGE_NOT_FOUND with the nearest names, VERSION_NOT_FOUND with those that exist,
 *   NOT_RESOLVABLE where several packages provide a name.
 */
function wishOf(universe: Universe, requirement: DebianRequirement, pins: readonly Pin[]): Wish {
  const architecture = requirement.architecture ?? universe.nativeArchitecture;
  const node = universe.node(requirement.name, architecture);
  const known = node?.versions.filter((version) => isObtainable(node, version)) ?? [];
  if (node === undefined || known.length === 0) return virtualWish(universe, requirement, pins);
  const fitting = known.filter(
    (version) =>
      versionFits(version.version, requirement) &&
      (requirement.suite === undefined || isFromSuite(version, requirement.suite)),
  );
  if (fitting.length === 0) throw versionNotFound(requirement, known);
  const candidate = candidateOf(node, pins);
  const isExplicit = requirement.op !== undefined || requirement.suite !== undefined;
  const solutions = fitting
    .filter((version) => isExplicit || versionPriority(node, version, pins) > 0)
    .toSorted((a, b) => Number(b === candidate) - Number(a === candidate))
    .map((version) => ({ node, version }));
  if (solutions.length === 0) throw versionNotFound(requirement, known);
  // An older version than is there is taken only where nothing else was asked for.
  const forward = solutions.filter(({ version }) => !isDowngrade(node, version));
  const { text, suite } = requirement;
  return { text, suite, solutions: forward.length > 0 ? forward : solutions };
}

function isObtainable(node: PackageNode, version: PackageVersion): boolean {
  return version.indexes.length > 0 || node.installed === version;
}

/** A name that packages provide: the only one, or the one that is there already; apt asks the user otherwise. */
function virtualWish(
  universe: Universe,
  requirement: DebianRequirement,
  pins: readonly Pin[],
): Wish {
  const architecture = requirement.architecture ?? universe.nativeArchitecture;
  const relation = { ...requirement, arch: undefined };
  const solutions = new Map<PackageNode, Solution>();
  for (const provider of universe.providersOf(requirement.name)) {
    const { node, version } = provider;
    const isCandidate = candidateOf(node, pins) === version;
    if (isCandidate && universe.providerFits(provider, relation, architecture)) {
      solutions.set(node, { node, version });
    }
  }
  const found = [...solutions.values()];
  if (found.length === 0) throw notFound(universe, requirement);
  const installed = found.filter(({ node }) => node.installed !== undefined);
  if (installed.length > 0) return { text: requirement.text, solutions: installed };
  if (found.length === 1) return { text: requirement.text, solutions: found };
  const names = found.map(({ node }) => node.name).sort();
  throw new XError(
    'NOT_RESOLVABLE',
    `${requirement.where}: ${requirement.name} is a virtual package of ${names.length} others`,
    { hint: `Choose one of them: ${names.slice(0, 12).join(', ')}.` },
  );
}

/** How many names a hint has room for. */
const NEAR_NAMES = 5;

function notFound(universe: Universe, { name, architecture, where }: DebianRequirement): XError {
  const others = universe.nodesOf(name).map((node) => node.architecture);
  const hint =
    others.length > 0
      ? `It is there for ${others.join(', ')}.`
      : `Nearest names: ${nearest(name, universe.names(), NEAR_NAMES).join(', ') || 'none'}.`;
  const what = architecture === undefined ? name : `${name}:${architecture}`;
  return new XError('PACKAGE_NOT_FOUND', `${where}: no source has a Debian package ${what}`, {
    hint,
  });
}

function versionNotFound(
  { where, text }: DebianRequirement,
  known: readonly PackageVersion[],
): XError {
  const versions = known
    .slice(0, 12)
    .map(({ version, indexes }) => `${version} (${indexes[0]?.release.suiteId ?? 'installed'})`);
  return new XError('VERSION_NOT_FOUND', `${where}: no version fits ${text}`, {
    hint: `There is ${versions.join(', ')}.`,
  });
}
