import { XError } from '../../domain/errors.js';
import { hashTexts } from './demanded-hashes.js';
import type { Unresolvable } from './resolver/package-provider.js';
import { isPinned, satisfies } from './specifier.js';
import type { OfferedFile } from './indexes.js';
import { compareVersions } from './version.js';
import { filesApart, otherFiles } from './files-apart.js';
import { choiceHint } from './wanted.js';
import { gatedHint, whatToChange, type FailedRequest } from './what-to-change.js';

/** Turns a dead end into the error that says most: an unknown name, no version, no file, or a conflict. */
export async function failureOf(request: FailedRequest): Promise<XError> {
  const error = await explained(request);
  const names = [...request.failure.involved];
  const [choice] = names.flatMap((name) => choiceHint(name, request.asked) ?? []);
  if (choice === undefined) return error;
  const hint = error.hint === undefined ? choice : `${choice}\n${error.hint}`;
  return new XError(error.code, error.message, { hint, cause: error });
}

async function explained(request: FailedRequest): Promise<XError> {
  const { failure, target, packages } = request;
  return (
    (await unreached(request)) ??
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

async function unreached({ failure, roots, context }: FailedRequest): Promise<XError | undefined> {
  const error = failure.unknown
    .map((one) => context.indexes.failure(one))
    .find((one) => one !== undefined);
  if (error === undefined) return undefined;
  const message = `${failure.unknown.join(', ')} cannot be looked up: ${error.message}`;
  const [name = ''] = failure.unknown;
  const known = roots.map((root) => root.name).filter((one) => one !== name);
  const near = await context.indexes.nearNames(name, known);
  const meant = near.length === 0 ? '' : `\nDid you mean ${near.join(' or ')}?`;
  return new XError(error.code, message, {
    hint: `${error.hint ?? 'Check the network and the index.'} The plan rests on it: ${because(failure)}${meant}`,
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
    return new XError('NO_ARTIFACT', `no file of ${name} fits ${target.id}: ${because(failure)}`, {
      hint: otherFiles(offered, packages),
    });
  }
  const known = roots.map((root) => root.name).filter((one) => one !== name);
  const near = await context.indexes.nearNames(name, known);
  const missing = await context.indexes.missingFolders();
  const isOffline = context.settings.noIndex;
  const hint = [
    near.length > 0
      ? `Did you mean ${near.join(' or ')}?`
      : isOffline
        ? `--no-index is on, so that find-links alone are looked into: take it out, or add a folder that has ${name}.`
        : `Check the name, or name an index that has ${name} with --extra-index-url in the requirements or in pip's configuration.`,
    ...missing.map((url) => `The index ${url} is not there.`),
  ].join(' ');
  const nobody = isOffline ? 'no find-links place' : 'no index';
  const message = `${nobody} has a Python package ${name}: ${because(failure)}`;
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
    const versions = newestFirst(files);
    return new XError('VERSION_NOT_FOUND', `no version of ${name} fits: ${asked}`, {
      hint: `There is ${versions.slice(0, LISTED_VERSIONS).join(', ')}, of which no file has the hash that is demanded either.`,
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

function newestFirst(files: readonly OfferedFile[]): string[] {
  const versions = files.map(({ parsed }) => parsed.version).sort((a, b) => compareVersions(b, a));
  return [...new Set(versions.map(({ text }) => text))];
}

/** A single requirement of the user that no version meets. */
async function unknownVersion(request: FailedRequest): Promise<XError | undefined> {
  const { failure, roots, context, packages, target } = request;
  const root = roots.find(({ specifiers }) => isPinned(specifiers));
  const isAlone = failure.chain.length === 1 && failure.involved.size === 1;
  if (root === undefined || !isAlone || !failure.involved.has(root.name)) return undefined;
  const message = `no version of ${root.name} fits ${target.id}: ${because(failure)}`;
  const gated = gatedHint(request);
  if (gated !== undefined) return new XError('VERSION_NOT_FOUND', message, { hint: gated });
  const offered = await context.indexes.files(root.name);
  const apart = filesApart(offered, root.specifiers, packages);
  const fitting = newestFirst(offered.filter((file) => packages.misfit(file) === undefined));
  const listed = fitting.slice(0, LISTED_VERSIONS).join(', ');
  const others = fitting.length > LISTED_VERSIONS ? ' and others' : '';
  const hint = [
    ...apart,
    `There is ${listed}${others}: change ${root.text} in ${root.where}, or name an index or a find-links folder that has it.`,
  ];
  return new XError('VERSION_NOT_FOUND', message, { hint: hint.join('\n') });
}
