import { BOUNDS } from '../../domain/bounds.js';
import { XError } from '../../domain/errors.js';
import type { PypiSettings } from '../../ports/pypi-settings.js';
import type { Distributions } from './distributions.js';
import type { Indexes } from './indexes.js';
import { pinsOf } from './insisted-python.js';
import type { PythonTarget } from './python-target.js';
import { isProblem, parseRequirement } from './requirement.js';
import {
  baseOf,
  Unresolvable,
  type Constraint,
  type RootRequirement,
} from './resolver/package-provider.js';
import { resolveAsPip } from './resolver/pip-answer.js';
import { resolve, type Resolution, type ResolveRequest } from './resolver/resolve.js';
import type { AdmissionPolicy } from './resolver/admission.js';
import { satisfies } from './specifier.js';
import { failureOf } from './target-failure.js';
import { waysAroundBuilding, type FailedRequest } from './what-to-change.js';
import { TargetPackages, type Chosen } from './target-packages.js';
import { compareVersions, type Version } from './version.js';
import type { Wanted } from './wanted.js';

export interface TargetPlanContext {
  indexes: Indexes;
  distributions: Distributions;
  settings: PypiSettings;
  policy: AdmissionPolicy;
  /** Nothing published after it is chosen. */
  notNewerThan: Date | undefined;
  warn: (message: string) => void;
  signal: AbortSignal | undefined;
}

/** What one target gets. */
export interface TargetPlan {
  selections: Selections;
  /** The versions of what is asked for and its closure, by name; what only builds need is not among them. */
  versions: ReadonlyMap<string, Version>;
  /** What is to be said if this plan is taken. */
  warnings: string[];
}

/** One chosen file of one target. */
export interface Selection {
  chosen: Chosen;
  /** Keys (`name==version`) of what it needs. */
  requires: Set<string>;
  /** Requirements of the user that name it, as written, those of this target. */
  asked: string[];
}

/** By `name==version`. */
export type Selections = Map<string, Selection>;

/** An sdist's build may need sdists itself; deeper than this it is a circle. */
const MAX_BUILD_NESTING = 8;

/**
 * The closure for one target, with what building its sdists needs.
 * @param preferred versions that other targets take, by name.
 * @throws XError NOT_RESOLVABLE, PACKAGE_NOT_FOUND, VERSION_NOT_FOUND, NO_ARTIFACT, UPSTREAM_*.
 */
export async function planTarget(
  wanted: Wanted,
  target: PythonTarget,
  preferred: ReadonlyMap<string, string>,
  outer: TargetPlanContext,
): Promise<TargetPlan> {
  const { hashes, direct } = wanted;
  const warnings: string[] = [];
  const context = { ...outer, warn: (message: string) => void warnings.push(message) };
  const packages = new TargetPackages({
    ...context,
    target,
    hashes,
    direct,
    preferred,
    pins: context.policy === 'explicit' ? pinsOf(wanted) : new Map(),
  });
  const roots = distinct(wanted.requirements).flatMap(({ requirement, where }) =>
    packages.edges(requirement, '').map((edge): RootRequirement => ({ ...edge, where })),
  );
  const selections: Selections = new Map();
  await solve(roots, wanted, target, packages, selections, context);
  const versions = new Map(
    [...selections.values()].map(({ chosen: { file } }) => [file.parsed.name, file.parsed.version]),
  );
  await addBuildRequires(selections, wanted, target, packages, context);
  return { selections, versions, warnings };
}

/** What is asked for twice in the same words counts once. */
function distinct(requirements: Wanted['requirements']): Wanted['requirements'] {
  const known = new Map<string, Wanted['requirements'][number]>();
  for (const one of requirements) {
    if (!known.has(one.requirement.text)) known.set(one.requirement.text, one);
  }
  return [...known.values()];
}

async function solve(
  roots: readonly RootRequirement[],
  wanted: Wanted,
  target: PythonTarget,
  packages: TargetPackages,
  selections: Selections,
  context: TargetPlanContext,
): Promise<Set<string>> {
  const constraints = wanted.constraints
    .filter(({ requirement }) => packages.edges(requirement, '').length > 0)
    .map(({ requirement: { name, specifiers }, where }) => ({ name, specifiers, where }));
  const request: ResolveRequest = {
    requirements: roots,
    constraints,
    provider: packages,
    policy: context.policy,
    allowPreReleases: context.settings.preReleases,
    direct: new Set(
      wanted.requirements.flatMap(({ requirement: { name, url } }) =>
        url === undefined ? [] : name,
      ),
    ),
    signal: context.signal,
  };
  let resolution: Resolution;
  try {
    resolution = await (context.policy === 'pip' ? resolveAsPip(request) : resolve(request));
  } catch (failure) {
    if (!(failure instanceof Unresolvable)) throw failure;
    const failureWith: FailedRequest['failureWith'] = async ({
      roots: others = roots,
      ...change
    }) => failureToTry({ ...request, ...change, requirements: others });
    const asked = wanted.requirements;
    throw await failureOf({
      failure,
      asked,
      roots,
      constraints,
      target,
      packages,
      context,
      failureWith,
    });
  }
  checkPassedOver(resolution, roots, constraints, packages);
  return collect(resolution, roots, packages, selections, context);
}

/** Why a request that is only tried for a hint fails, as far as a few decisions tell; undefined where it resolves. */
async function failureToTry(
  request: ResolveRequest,
): Promise<Unresolvable | 'unknown' | undefined> {
  try {
    await resolve({ ...request, decisions: BOUNDS.hintDecisions });
    return undefined;
  } catch (thrown) {
    if (thrown instanceof Unresolvable) return thrown;
    if (thrown instanceof XError) return 'unknown';
    throw thrown;
  }
}

/**
 * An older version must not silently stand in for an sdist that pip would build and take.
 * @throws XError NO_ARTIFACT.
 */
function checkPassedOver(
  resolution: Resolution,
  roots: readonly RootRequirement[],
  constraints: readonly Constraint[],
  packages: TargetPackages,
): void {
  const edges = [...resolution.values()].flatMap(({ dependencies }) => dependencies);
  const limits = [...roots, ...edges.filter(({ exact }) => exact === undefined), ...constraints];
  const passedOver = packages
    .mustBuild(new Set([...resolution.keys()].map(baseOf)))
    .filter(({ name, version }) => {
      const chosen = resolution.get(name)?.version;
      const own = limits.filter((limit) => limit.name === name);
      const fits = own.every(({ specifiers }) => satisfies(specifiers, version));
      return chosen !== undefined && fits && compareVersions(version, chosen) > 0;
    });
  if (passedOver.length === 0) return;
  const named = passedOver.map(({ name, filename }) => {
    const chosen = resolution.get(name)?.version.text ?? '';
    return `${filename} (the newest whose dependencies are known is ${chosen})`;
  });
  throw new XError('NO_ARTIFACT', `pip would build and take ${named.join(', ')}`, {
    hint: passedOver.slice(0, LISTED_WAYS).map(waysAroundBuilding).join('\n'),
  });
}

const LISTED_WAYS = 3;

/** Adds a resolution to the selections; answers the keys of what its roots name. */
function collect(
  resolution: Resolution,
  roots: readonly RootRequirement[],
  packages: TargetPackages,
  selections: Selections,
  context: TargetPlanContext,
): Set<string> {
  const keyOf = (name: string): string => `${name}==${resolution.get(name)?.version.text ?? ''}`;
  for (const [node, { version, dependencies }] of resolution) {
    const name = baseOf(node);
    const chosen = packages.chosen(name, version);
    if (chosen === undefined) continue;
    const selection = selections.get(keyOf(name)) ?? { chosen, requires: new Set(), asked: [] };
    selections.set(keyOf(name), selection);
    for (const edge of dependencies) {
      if (edge.name !== name) selection.requires.add(keyOf(edge.name));
    }
    if (node === name && chosen.hearsay !== undefined) {
      context.warn(
        `${chosen.file.filename}: its dependencies are those that its author's build wrote down (${chosen.hearsay}); built on another machine it may ask for others`,
      );
    }
    if (node === name && chosen.file.yanked !== undefined) {
      const reason = chosen.file.yanked === '' ? '' : `: ${chosen.file.yanked}`;
      context.warn(`${name} ${version.text} was yanked by its publisher${reason}`);
    }
  }
  for (const { node, name, text } of roots) {
    if (node === name) selections.get(keyOf(name))?.asked.push(text);
  }
  return new Set(roots.map(({ name }) => keyOf(name)));
}

/** What an isolated machine needs to build the chosen sdists: pip asks its index for it. */
async function addBuildRequires(
  selections: Selections,
  wanted: Wanted,
  target: PythonTarget,
  packages: TargetPackages,
  context: TargetPlanContext,
): Promise<void> {
  const builds = new Map<string, ReadonlySet<string>>();
  for (let nesting = 0; nesting < MAX_BUILD_NESTING; nesting++) {
    const sdists = [...selections].filter(
      ([key, { chosen }]) => chosen.file.parsed.kind === 'sdist' && !builds.has(key),
    );
    if (sdists.length === 0) {
      checkBuildOrder(selections, builds);
      return;
    }
    for (const [key, selection] of sdists) {
      const where = `building ${selection.chosen.file.filename}`;
      const roots = buildRoots(selection.chosen, packages, where);
      const keys = await solve(
        roots,
        { ...wanted, constraints: [] },
        target,
        packages,
        selections,
        context,
      );
      builds.set(key, keys);
      for (const needed of keys) {
        selection.requires.add(needed);
      }
    }
  }
  throw new XError('NOT_RESOLVABLE', 'sdists need each other to be built', {
    hint: NO_BUILD_CIRCLE,
  });
}

const NO_BUILD_CIRCLE =
  'Allow wheels for them, or build wheels elsewhere and name their folder with --find-links.';

/**
 * pip builds what an sdist needs before the sdist: where that needs the sdist itself, nothing is built.
 * @throws XError NOT_RESOLVABLE.
 */
function checkBuildOrder(
  selections: Selections,
  builds: ReadonlyMap<string, ReadonlySet<string>>,
): void {
  for (const [sdist, keys] of builds) {
    const ways = new Map([...keys].map((key) => [key, [sdist, key]]));
    for (const [key, way] of ways) {
      if (key === sdist) {
        const text = way.map((one) => one.replace('==', ' ')).join(', which needs ');
        throw new XError('NOT_RESOLVABLE', `building an sdist needs the sdist itself: ${text}`, {
          hint: NO_BUILD_CIRCLE,
        });
      }
      // The map grows while it is walked.
      for (const next of selections.get(key)?.requires ?? []) {
        if (!ways.has(next)) ways.set(next, [...way, next]);
      }
    }
  }
}

function buildRoots(chosen: Chosen, packages: TargetPackages, where: string): RootRequirement[] {
  return chosen.buildRequires.flatMap((text) => {
    const parsed = parseRequirement(text);
    if (isProblem(parsed)) {
      throw new XError(
        'UPSTREAM_MALFORMED',
        `${chosen.file.url}: build-system.requires: ${text}: ${parsed.message}`,
      );
    }
    return packages.edges(parsed, '').map((edge) => ({ ...edge, where }));
  });
}
