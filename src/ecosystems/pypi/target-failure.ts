import { XError } from '../../domain/errors.js';
import { hashTexts } from './demanded-hashes.js';
import type { PythonTarget } from './python-target.js';
import type { Constraint, RootRequirement, Unresolvable } from './resolver/package-provider.js';
import { formatSpecifiers, isPinned, satisfies } from './specifier.js';
import type { TargetPackages } from './target-packages.js';
import type { TargetPlanContext } from './target-plan.js';

/** What did not resolve, and how to ask for something else. */
export interface FailedRequest {
  failure: Unresolvable;
  roots: readonly RootRequirement[];
  constraints: readonly Constraint[];
  target: PythonTarget;
  packages: TargetPackages;
  context: TargetPlanContext;
  /** Whether this would resolve. */
  wouldResolve: (
    roots: readonly RootRequirement[],
    constraints: readonly Constraint[],
  ) => Promise<boolean>;
}

/** Turns a dead end into the error that says most: an unknown name, no version, no file, or a conflict. */
export async function failureOf(request: FailedRequest): Promise<XError> {
  const { failure, target, packages } = request;
  return (
    unreached(request) ??
    (await unknownName(request)) ??
    (await unknownVersion(request)) ??
    new XError(
      packages.mustBuild(failure.involved).length > 0 ? 'NO_ARTIFACT' : 'NOT_RESOLVABLE',
      [`no versions fit together for ${target.id}:`, ...failure.chain].join('\n'),
      { hint: await whatToChange(request) },
    )
  );
}

function because({ chain }: Unresolvable): string {
  return chain.join('; ');
}

function unreached({ failure, context }: FailedRequest): XError | undefined {
  const error = failure.unknown
    .map((one) => context.indexes.failure(one))
    .find((one) => one !== undefined);
  if (error === undefined) return undefined;
  const message = `${failure.unknown.join(', ')} cannot be looked up: ${error.message}`;
  return new XError(error.code, message, {
    hint: `${error.hint ?? 'Check the network and the index.'} The plan rests on it: ${because(failure)}`,
    cause: error,
  });
}

async function unknownName(request: FailedRequest): Promise<XError | undefined> {
  const { failure, roots, target, packages, context } = request;
  const [name] = failure.unknown;
  if (name === undefined) return undefined;
  const gated = gatedHint(request);
  if (gated !== undefined && packages.tooNew(name).length > 0) {
    const message = `no file of ${name} is old enough: ${because(failure)}`;
    return new XError('NO_ARTIFACT', message, { hint: gated });
  }
  const hashed = otherHash(name, request);
  if (hashed !== undefined) return hashed;
  const offered = await context.indexes.files(name);
  if (offered.length > 0) {
    const files = offered.slice(-3).map(({ filename }) => filename);
    return new XError('NO_ARTIFACT', `no file of ${name} fits ${target.id}: ${because(failure)}`, {
      hint: `There ${offered.length === 1 ? 'is 1 file' : `are ${offered.length} files`} for other targets or formats, for example ${files.join(', ')}.`,
    });
  }
  const known = roots.map((root) => root.name).filter((one) => one !== name);
  const near = await context.indexes.nearNames(name, known);
  const missing = await context.indexes.missingFolders();
  const hint = [
    near.length === 0 ? 'Check the name and the index.' : `Did you mean ${near.join(' or ')}?`,
    ...missing.map((url) => `The index ${url} is not there.`),
  ].join(' ');
  const message = `no index has a Python package ${name}: ${because(failure)}`;
  return new XError('PACKAGE_NOT_FOUND', message, { hint });
}

const LISTED_VERSIONS = 5;

/** A name whose files would fit, but for the hashes that are demanded of them. */
function otherHash(name: string, { roots, packages, target }: FailedRequest): XError | undefined {
  const files = packages.ofOtherHash(name);
  if (files.length === 0) return undefined;
  const own = roots.filter((root) => root.name === name);
  const asked = own.map(({ text, where }) => `${where} asks for ${text}`).join('; ');
  const fitting = files.filter(({ parsed }) =>
    own.every(({ specifiers }) => satisfies(specifiers, parsed.version)),
  );
  if (fitting.length === 0) {
    const versions = [...new Set(files.map(({ parsed }) => parsed.version.text))];
    return new XError('VERSION_NOT_FOUND', `no version of ${name} fits: ${asked}`, {
      hint: `There is ${versions.slice(-LISTED_VERSIONS).join(', ')}, of which no file has the hash that is demanded either.`,
    });
  }
  const [file] = fitting.slice(-1);
  const has = file === undefined ? [] : hashTexts([file.digests]);
  return new XError(
    'NO_ARTIFACT',
    `no file of ${name} for ${target.id} has a hash that is demanded: ${asked}`,
    {
      hint: `${file?.filename ?? ''} has ${has.join(' and ') || 'another one'}. The hash was written down for another file, or the index has been changed.`,
    },
  );
}

/** A single requirement of the user that no version meets. */
async function unknownVersion(request: FailedRequest): Promise<XError | undefined> {
  const { failure, roots, context } = request;
  const root = roots.find(({ specifiers }) => isPinned(specifiers));
  const isAlone = failure.chain.length === 1 && failure.involved.size === 1;
  if (root === undefined || !isAlone || !failure.involved.has(root.name)) return undefined;
  const offered = await context.indexes.files(root.name);
  const versions = [...new Set(offered.map(({ parsed }) => parsed.version.text))];
  const listed = versions.slice(-LISTED_VERSIONS).join(', ');
  const others = versions.length > LISTED_VERSIONS ? ' and others' : '';
  const hint = gatedHint(request) ?? `There is ${listed}${others}.`;
  const message = `no version of ${root.name} fits: ${because(failure)}`;
  return new XError('VERSION_NOT_FOUND', message, { hint });
}

/** What `--not-newer-than` takes away from the packages of a failure. */
function gatedHint({ failure, packages, context }: FailedRequest): string | undefined {
  if (context.notNewerThan === undefined) return undefined;
  const files = [...failure.involved].flatMap((name) => packages.tooNew(name));
  const [first] = files;
  if (first === undefined) return undefined;
  const undated = files.filter(({ uploadTime }) => uploadTime === undefined);
  if (undated.length === files.length) {
    return `${first.index?.url ?? 'The index'} gives no upload times, so that --not-newer-than leaves out all that it has.`;
  }
  const newest = files.at(-1) ?? first;
  return `--not-newer-than leaves out ${files.length} files, for example ${newest.filename} of ${newest.uploadTime}.`;
}

const TRIED_CHANGES = 12;

/** Ends an explanation with changes that were tried and help. */
async function whatToChange(request: FailedRequest): Promise<string> {
  const helping = await helpingChanges(request);
  const concerned = request.roots.filter(({ name }) => request.failure.involved.has(name));
  const isLimited = concerned.some(({ specifiers }) => specifiers.length > 0);
  const names = [...new Set(concerned.map(({ text }) => text))].join(', ');
  const parts = [
    ...request.packages.mustBuild(request.failure.involved).map(waysAroundBuilding).slice(0, 3),
    ...[gatedHint(request)].filter((hint) => hint !== undefined),
    helping.length > 0
      ? `It resolves ${helping.join(', or ')}.`
      : isLimited || concerned.length !== 1
        ? 'No single requirement of yours, loosened, makes it resolve: change several of those named.'
        : `What ${names} needs is not to be had here: add an index or a find-links folder that has it, or leave ${names} out.`,
  ];
  return parts.join('\n');
}

async function helpingChanges(request: FailedRequest): Promise<string[]> {
  const { failure, roots, constraints, wouldResolve } = request;
  const concerned = roots.filter(({ name }) => failure.involved.has(name));
  const places = new Map(
    concerned.map(({ where, text }) => [`${where}\0${text}`, { where, text }]),
  );
  const helping: string[] = [];
  for (const { where, text } of [...places.values()].slice(0, TRIED_CHANGES)) {
    const isIt = (root: RootRequirement): boolean => root.where === where && root.text === text;
    const limit = formatSpecifiers(roots.find(isIt)?.specifiers ?? []);
    const loose = roots.map((root) => (isIt(root) ? { ...root, specifiers: [] } : root));
    const rest = roots.filter((root) => !isIt(root));
    if (limit !== '' && (await wouldResolve(loose, constraints))) {
      helping.push(`without the ${limit} of ${text} (${where})`);
    } else if (rest.length > 0 && limit === '' && (await wouldResolve(rest, constraints))) {
      helping.push(`without ${text} (${where})`);
    }
  }
  const limits = constraints.filter(({ name }) => failure.involved.has(name));
  for (const limit of limits.slice(0, TRIED_CHANGES)) {
    const rest = constraints.filter((other) => other !== limit);
    if (await wouldResolve(roots, rest)) {
      helping.push(
        `without the constraint ${limit.name}${formatSpecifiers(limit.specifiers)} (${limit.where})`,
      );
    }
  }
  return helping;
}

/** The ways out for an sdist whose dependencies only a build would tell. */
export function waysAroundBuilding({ name, filename }: { name: string; filename: string }): string {
  return `${filename} must be built before its dependencies are known, and nothing from upstream is executed here: build a wheel of it elsewhere and name its folder with --find-links, or write --only-binary ${name} into the requirements to take the newest version that has a wheel, or pin another version.`;
}
