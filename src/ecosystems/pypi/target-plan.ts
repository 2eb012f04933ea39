import { XError } from '../../domain/errors.js';
import type { PypiSettings } from '../../ports/pypi-settings.js';
import type { Distributions } from './distributions.js';
import type { Indexes } from './indexes.js';
import type { PythonTarget } from './python-target.js';
import { isProblem, parseRequirement } from './requirement.js';
import { baseOf, Unresolvable, type RootRequirement } from './resolver/package-provider.js';
import { resolve, type Resolution } from './resolver/resolve.js';
import { isPinned } from './specifier.js';
import { TargetPackages, type Chosen } from './target-packages.js';
import type { Wanted } from './wanted.js';

export interface TargetPlanContext {
  indexes: Indexes;
  distributions: Distributions;
  settings: PypiSettings;
  warn: (message: string) => void;
  signal: AbortSignal | undefined;
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
  context: TargetPlanContext,
): Promise<Selections> {
  const { hashes, direct } = wanted;
  const packages = new TargetPackages({
    ...context,
    target,
    hashes,
    direct,
    preferred,
  });
  const roots = wanted.requirements.flatMap(({ requirement, where }) =>
    packages.edges(requirement, '').map((edge): RootRequirement => ({ ...edge, where })),
  );
  const selections: Selections = new Map();
  await solve(roots, wanted, target, packages, selections, context);
  await addBuildRequires(selections, wanted, target, packages, context);
  return selections;
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
  let resolution: Resolution;
  try {
    resolution = await resolve({
      requirements: roots,
      constraints,
      provider: packages,
      policy: 'pip',
      allowPreReleases: context.settings.preReleases,
      signal: context.signal,
    });
  } catch (thrown) {
    if (thrown instanceof Unresolvable) throw await failureOf(thrown, roots, target, context);
    throw thrown;
  }
  return collect(resolution, roots, packages, selections, context);
}

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
  const done = new Set<string>();
  for (let nesting = 0; nesting < MAX_BUILD_NESTING; nesting++) {
    const sdists = [...selections].filter(
      ([key, { chosen }]) => chosen.file.parsed.kind === 'sdist' && !done.has(key),
    );
    if (sdists.length === 0) return;
    for (const [key, selection] of sdists) {
      done.add(key);
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
      for (const needed of keys) {
        selection.requires.add(needed);
      }
    }
  }
  throw new XError('NOT_RESOLVABLE', 'sdists need each other to be built', {
    hint: 'Allow wheels for them, or build wheels and name their folder with --find-links.',
  });
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

/** Turns a dead end into the error that says most: an unknown name, no version, no file, or a conflict. */
async function failureOf(
  failure: Unresolvable,
  roots: readonly RootRequirement[],
  target: PythonTarget,
  context: TargetPlanContext,
): Promise<XError> {
  const because = failure.facts.map((fact) => fact.trim()).join('; ');
  const unreached = failure.unknown
    .map((one) => context.indexes.failure(one))
    .find((one) => one !== undefined);
  if (unreached !== undefined) {
    const message = `${failure.unknown.join(', ')} cannot be looked up: ${unreached.message}`;
    return new XError(unreached.code, message, {
      hint: `${unreached.hint ?? 'Check the network and the index.'} The plan rests on it: ${because}`,
      cause: unreached,
    });
  }
  const [name] = failure.unknown;
  if (name !== undefined) {
    const offered = await context.indexes.files(name);
    if (offered.length > 0) {
      const files = offered
        .slice(-3)
        .map(({ filename }) => filename)
        .join(', ');
      return new XError('NO_ARTIFACT', `no file of ${name} fits ${target.id}: ${because}`, {
        hint: `There are ${offered.length} files for other targets or formats, for example ${files}.`,
      });
    }
    const near = await context.indexes.nearNames(
      name,
      roots.map((root) => root.name),
    );
    const hint =
      near.length === 0 ? 'Check the name and the index.' : `Did you mean ${near.join(' or ')}?`;
    return new XError('PACKAGE_NOT_FOUND', `no index has a Python package ${name}: ${because}`, {
      hint,
    });
  }
  const [only] = roots.filter(({ specifiers }) => isPinned(specifiers));
  const isVersion = failure.facts.length === 1 && only !== undefined && because.includes(only.text);
  if (isVersion) return versionFailure(only, because, context);
  return new XError('NOT_RESOLVABLE', `no versions fit together for ${target.id}: ${because}`, {
    hint: 'Loosen one of the requirements named.',
  });
}

const LISTED_VERSIONS = 5;

async function versionFailure(
  root: RootRequirement,
  because: string,
  context: TargetPlanContext,
): Promise<XError> {
  const offered = await context.indexes.files(root.name);
  const versions = [...new Set(offered.map(({ parsed }) => parsed.version.text))];
  const listed = versions.slice(-LISTED_VERSIONS).join(', ');
  return new XError('VERSION_NOT_FOUND', `no version of ${root.name} fits: ${because}`, {
    hint: `There is ${listed}${versions.length > LISTED_VERSIONS ? ' and others' : ''}.`,
  });
}
