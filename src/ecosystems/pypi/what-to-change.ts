import { filesApart } from './files-apart.js';
import type { PythonTarget } from './python-target.js';
import type { Constraint, RootRequirement, Unresolvable } from './resolver/package-provider.js';
import { formatSpecifiers, satisfies } from './specifier.js';
import type { TargetPackages } from './target-packages.js';
import type { TargetPlanContext } from './target-plan.js';
import type { Wanted } from './wanted.js';

/** What did not resolve, and how to ask for something else. */
export interface FailedRequest {
  failure: Unresolvable;
  /** As it is written in the files. */
  asked: Wanted['requirements'];
  roots: readonly RootRequirement[];
  constraints: readonly Constraint[];
  target: PythonTarget;
  packages: TargetPackages;
  context: TargetPlanContext;
  /** Why something else would not resolve either; undefined where it would. */
  failureWith: (change: {
    roots?: readonly RootRequirement[];
    constraints?: readonly Constraint[];
    policy?: TargetPlanContext['policy'];
    allowPreReleases?: boolean;
  }) => Promise<Unresolvable | 'unknown' | undefined>;
}

const TRIED_CHANGES = 12;

/** Ends an explanation with changes that were tried and help. */
export async function whatToChange(request: FailedRequest): Promise<string> {
  const { failure, packages } = request;
  const helping = [...(await helpingChanges(request)), ...(await helpingOptions(request))];
  const ways = [
    ...packages.mustBuild(failure.involved).map(waysAroundBuilding).slice(0, 3),
    ...[gatedHint(request)].filter((hint) => hint !== undefined),
    ...(await apart(request)),
    helping.length > 0 ? `It resolves ${helping.join(', or ')}.` : await severalChanges(request),
  ];
  return ways.join('\n');
}

/** What a person wrote that the failure rests on, each line once. */
function concernedBy({ failure, roots }: FailedRequest): RootRequirement[] {
  const concerned = roots.filter(({ name }) => failure.involved.has(name));
  const lines = new Map(concerned.map((root) => [`${root.where}\0${root.text}`, root]));
  return [...lines.values()];
}

/** Versions that would do, were their files for this target: those of names whose range nothing meets. */
async function apart(request: FailedRequest): Promise<string[]> {
  const { context, packages } = request;
  const told: string[] = [];
  for (const { name, specifiers } of concernedBy(request)) {
    const offered = await context.indexes.files(name);
    const isMet = offered.some(
      (file) => satisfies(specifiers, file.parsed.version) && packages.misfit(file) === undefined,
    );
    if (!isMet) told.push(...filesApart(offered, specifiers, packages));
  }
  return told.slice(0, TOLD_APART);
}

const TOLD_APART = 4;

async function helpingChanges(request: FailedRequest): Promise<string[]> {
  const { failure, roots, constraints, failureWith } = request;
  const resolves = async (change: Parameters<typeof failureWith>[0]): Promise<boolean> =>
    (await failureWith(change)) === undefined;
  const helping: string[] = [];
  for (const { where, text, specifiers } of concernedBy(request).slice(0, TRIED_CHANGES)) {
    const isIt = (root: RootRequirement): boolean => root.where === where && root.text === text;
    const limit = formatSpecifiers(specifiers);
    const rest = roots.filter((root) => !isIt(root));
    if (limit !== '' && (await resolves({ roots: loosened(roots, isIt) }))) {
      helping.push(`without the ${limit} of ${text} (${where})`);
    } else if (rest.length > 0 && limit === '' && (await resolves({ roots: rest }))) {
      helping.push(`without ${text} (${where})`);
    }
  }
  const limits = constraints.filter(({ name }) => failure.involved.has(name));
  for (const limit of limits.slice(0, TRIED_CHANGES)) {
    if (await resolves({ constraints: constraints.filter((other) => other !== limit) })) {
      helping.push(
        `without the constraint ${limit.name}${formatSpecifiers(limit.specifiers)} (${limit.where})`,
      );
    }
  }
  return helping;
}

function loosened(
  roots: readonly RootRequirement[],
  isIt: (root: RootRequirement) => boolean,
): RootRequirement[] {
  return roots.map((root) => (isIt(root) ? { ...root, specifiers: [] } : root));
}

/** Pre-releases and yanked files that other settings would let in. */
async function helpingOptions({ context, failureWith }: FailedRequest): Promise<string[]> {
  if (
    !context.settings.preReleases &&
    (await failureWith({ allowPreReleases: true })) === undefined
  )
    return ['with --pre in the requirements'];
  const isStrict = context.policy === 'explicit';
  return isStrict && (await failureWith({ policy: 'pip' })) === undefined
    ? ['with --policy pip']
    : [];
}

/** Where no single change helps: all of them together, and what fails then. */
async function severalChanges(request: FailedRequest): Promise<string> {
  const { roots, constraints, failure, failureWith } = request;
  const concerned = concernedBy(request);
  const limited = concerned.filter(({ specifiers }) => specifiers.length > 0);
  const limits = constraints.filter(({ name }) => failure.involved.has(name));
  const names = concerned.map(({ text }) => text).join(', ');
  if (limited.length + limits.length === 0) {
    return `Nothing that meets this is to be had here: add an index or a find-links folder that has it, or leave ${names} out.`;
  }
  const isLimited = (root: RootRequirement): boolean =>
    limited.some(({ where, text }) => root.where === where && root.text === text);
  const left = await failureWith({
    roots: loosened(roots, isLimited),
    constraints: constraints.filter((one) => !limits.includes(one)),
  });
  const all = [
    ...limited.map(({ text, where }) => `${text} (${where})`),
    ...limits.map((one) => `${one.name}${formatSpecifiers(one.specifiers)} (${one.where})`),
  ].join(' and ');
  if (left === undefined) return `It resolves without the limits of ${all}.`;
  if (left === 'unknown') return `No single change makes it resolve: loosen ${all} together.`;
  const next = concernedBy({ ...request, failure: left });
  const lines = next.map(({ text, where }) => `${text} (${where})`).join(', ');
  return [
    `Without ${all} another conflict is left:`,
    ...left.chain.map((line) => `  ${line}`),
    `So loosen ${all}, and as well one of ${lines}.`,
  ].join('\n');
}

/** What `--not-newer-than` takes away from the packages of a failure. */
export function gatedHint({ failure, packages, context }: FailedRequest): string | undefined {
  if (context.notNewerThan === undefined) return undefined;
  const files = [...failure.involved].flatMap((name) => packages.tooNew(name));
  const [first] = files;
  if (first === undefined) return undefined;
  const undated = files.filter(({ uploadTime }) => uploadTime === undefined);
  if (undated.length === files.length) {
    return `${first.index?.url ?? 'The index'} gives no upload times, so that --not-newer-than leaves out all that it has: plan without it, or from an index that gives them.`;
  }
  const newest = files.at(-1) ?? first;
  const count = files.length === 1 ? '1 file' : `${files.length} files`;
  return `--not-newer-than leaves out ${count}, for example ${newest.filename} of ${newest.uploadTime}: name a later time, or ask for an older version.`;
}

/** The ways out for an sdist whose dependencies only a build would tell. */
export function waysAroundBuilding({ name, filename }: { name: string; filename: string }): string {
  return `${filename} must be built before its dependencies are known, and nothing from upstream is executed here: build a wheel of it elsewhere and name its folder with --find-links, or write --only-binary ${name} into the requirements to take the newest version that has a wheel, or pin another version.`;
}
