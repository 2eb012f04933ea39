import semver from 'semver';
import { messageOf, systemCodeOf, XError } from '../domain/errors.js';
import type { RawPackument } from './npm-packuments.js';

const NETWORK_CODES =
  /^(ECONN|ENOTFOUND|EAI_|ETIMEDOUT|EHOSTUNREACH|ENETUNREACH|EPIPE|ERR_SOCKET|ERR_SSL|ERR_TLS|SELF_SIGNED|UNABLE_TO|CERT_|DEPTH_ZERO|FETCH_ERROR|ERR_PROXY|EPROTO|ERR_STREAM_PREMATURE)/;

/** What to do about what npm's tree builder says of a package.json. */
const INPUT_ADVICE: readonly (readonly [RegExp, string])[] = [
  [
    /^Unsupported URL Type "(?:workspace|catalog|link|portal|patch|jsr):/,
    'npm does not know this kind of address, pnpm and Yarn do: give their lockfile (pnpm-lock.yaml, yarn.lock) instead of package.json.',
  ],
  [/^Unsupported URL Type/, 'Write a range, a tag, npm:NAME@RANGE, or an http or git address.'],
  [/^Invalid tag name/, 'A range is one of semver (^4.2, >=1 <3, 1.x), or a tag (latest).'],
  [/^(?:nested )?aliases /, 'An alias is npm:NAME@RANGE.'],
  [
    /^Override for /,
    'Give the dependency and its override the same range, or override it by "$NAME".',
  ],
  [
    /^Unable to resolve reference/,
    '"$NAME" in overrides refers to a dependency of the project itself.',
  ],
  [/^workspaces config expects/, '"workspaces" is a list of folders: ["packages/*"].'],
];

/** What npm's libraries hang on their errors. */
interface NpmError extends Error {
  code?: string;
  statusCode?: number;
  /** VERSION_NOT_FOUND: what exists. */
  versions?: string[];
  distTags?: Record<string, string>;
  wanted?: string;
  uri?: string;
  pkgid?: string;
  required?: unknown;
  requiredBy?: string;
  edge?: ExplainedEdge;
  current?: ExplainedNode | null;
  /** What is in the tree already, and what would have to stand in its place. */
  peerConflict?: { current?: ExplainedNode | null; peer?: ExplainedNode | null } | null;
}

/** As arborist's `explain()` gives them. */
interface ExplainedEdge {
  name: string;
  spec: string;
  type: string;
  from?: { name?: string; version?: string } | null;
}

interface ExplainedNode {
  name?: string;
  version?: string;
  dependents?: readonly ExplainedEdge[];
}

/**
 * One XError for whatever npm's libraries throw, with where it came from and no stack.
 * @param before the age gate that versions were chosen below.
 */
export function asXError(thrown: unknown, what: string, before?: Date): XError {
  if (thrown instanceof XError) return thrown;
  const error = (thrown instanceof Error ? thrown : new Error(messageOf(thrown))) as NpmError;
  const code = error.code ?? systemCodeOf(error.cause) ?? '';
  const status = error.statusCode;
  const cause = error;
  if (code === 'ETARGET' || code === 'ENOVERSIONS') {
    return nothingFits(error, what, before);
  }
  if (status === 404 || status === 410 || code === 'E404') {
    return packageNotFound(what, [], cause);
  }
  if (status !== undefined) return refused(status, what, cause);
  if (code === 'ERESOLVE')
    return new XError('NOT_RESOLVABLE', `npm: ${conflict(error)}`, {
      hint: 'Give ranges that agree, or an override; legacy-peer-deps=true in .npmrc lets it pass here as for npm.',
      cause,
    });
  if (/^EALLOW/.test(code)) {
    return new XError('NOT_RESOLVABLE', `npm: ${what}: ${firstLine(error)}`, {
      hint: 'X carries packages of registries only; depend on a published version instead of a git, file or URL address.',
      cause,
    });
  }
  if (NETWORK_CODES.test(code)) {
    return new XError('UPSTREAM_UNREACHABLE', `npm: ${what}: ${firstLine(error)}`, {
      hint: 'Check the registry and proxy settings that "npm config list" shows.',
      cause,
    });
  }
  if (code === 'EMAXREDIRECT' || /^maximum redirect reached/.test(error.message)) {
    return new XError('UPSTREAM_REFUSED', `npm: ${what}: ${firstLine(error)}`, {
      hint: 'The registry sends every request on to another; check its address in .npmrc.',
      cause,
    });
  }
  const input = inputError(error, code, what);
  if (input !== undefined) return input;
  if (code === 'ENOSPC')
    return new XError('DISK_FULL', `npm: ${what}: the disk is full`, { cause });
  if (error.name === 'AbortError') {
    return new XError('UPSTREAM_UNREACHABLE', `npm: ${what}: cancelled`, { cause });
  }
  return new XError('NOT_RESOLVABLE', `npm: ${what}: ${firstLine(error)}`, { cause });
}

/** What the input, or a published package, says that npm cannot read; undefined for other failures. */
function inputError(error: NpmError, code: string, what: string): XError | undefined {
  const cause = error;
  // A project's own names were looked at before, with the place where they stand.
  if (code === 'EINVALIDPACKAGENAME') {
    return new XError('UPSTREAM_MALFORMED', `npm: ${what}: ${firstLine(error)}`, {
      hint: 'A published package asks for this name, which can be none. Use another version of it, or an override.',
      cause,
    });
  }
  const advice = INPUT_ADVICE.find(([pattern]) => pattern.test(error.message))?.[1];
  const isInput = /^(EINVALID|EUNSUPPORTEDPROTOCOL|EOVERRIDE|EJSONPARSE|EMISSINGTARGET|EUSAGE)/;
  if (!isInput.test(code) && advice === undefined) return undefined;
  const hint = advice ?? 'npm cannot read it either: correct it there.';
  return new XError('INPUT_MALFORMED', `npm: ${what}: ${firstLine(error)}`, { hint, cause });
}

function nothingFits(error: NpmError, what: string, before: Date | undefined): XError {
  const known = { versions: error.versions ?? [], tags: error.distTags ?? {} };
  const gate = before === undefined ? '' : ` of those not newer than ${before.toISOString()}`;
  const wanted = error.wanted ?? '*';
  const isTag = semver.validRange(wanted, { loose: true }) === null;
  const missing = isTag ? 'the registry has no such tag' : 'no published version fits';
  return noVersion(`npm: ${what}: ${missing}${gate}`, wanted, known, error);
}

/** PACKAGE_NOT_FOUND with the names that are near, where any are known. */
export function packageNotFound(what: string, near: readonly string[], cause: unknown): XError {
  return new XError('PACKAGE_NOT_FOUND', `npm: ${what}: the registry has no such package`, {
    hint:
      near.length === 0
        ? 'Check the spelling; a scoped package of another registry needs @scope:registry in .npmrc.'
        : `Did you mean ${near.join(' or ')}?`,
    cause,
  });
}

function refused(status: number, what: string, cause: Error): XError {
  const hint =
    status === 401 || status === 403
      ? 'Run "npm login", or set the registry\'s token in .npmrc.'
      : 'The server fails, not this machine: try again later, or use another registry.';
  return new XError('UPSTREAM_REFUSED', `npm: ${what}: the registry answers ${status}`, {
    hint,
    cause,
  });
}

/** VERSION_NOT_FOUND for an exact version that a packument lacks. */
export function versionNotFound(name: string, version: string, packument: RawPackument): XError {
  const known = { versions: Object.keys(packument.versions), tags: packument['dist-tags'] };
  const message = `npm: ${name}@${version}: the registry has no such version`;
  return noVersion(message, version, known, undefined);
}

function noVersion(
  message: string,
  wanted: string,
  known: { versions: string[]; tags: Record<string, string> },
  cause: unknown,
): XError {
  const tags = Object.entries(known.tags).map(([tag, version]) => `${tag} ${version}`);
  const near = nearestVersions(known.versions, wanted).join(', ');
  const hint =
    near === ''
      ? 'The registry lists the package without any version that can be used.'
      : `Nearest published: ${near}${tags.length === 0 ? '' : `; tags: ${tags.slice(0, 5).join(', ')}`}.`;
  return new XError('VERSION_NOT_FOUND', message, { hint, cause });
}

/** Up to two published versions below the wanted range and two above; the newest where it is no range. */
export function nearestVersions(versions: readonly string[], wanted: string): string[] {
  const sorted = versions.filter((version) => semver.valid(version) !== null).sort(semver.compare);
  const stable = sorted.filter((version) => semver.prerelease(version) === null);
  const known = stable.length > 0 ? stable : sorted;
  const least = semver.validRange(wanted) === null ? null : semver.minVersion(wanted);
  if (least === null) return known.slice(-3);
  const above = known.findIndex((version) => semver.gte(version, least));
  const at = above < 0 ? known.length : above;
  return known.slice(Math.max(at - 2, 0), at + 2);
}

/** npm's report of a peer conflict, in a line: who wants what, and who wants the one in its place. */
function conflict(error: NpmError): string {
  const { edge, peerConflict } = error;
  if (edge === undefined) return firstLine(error);
  const peer = peerConflict?.peer?.dependents?.find(({ type }) => type.startsWith('peer'));
  const current = peerConflict?.current ?? error.current;
  const held =
    current?.name === undefined
      ? ''
      : `, but the tree has ${current.name}@${current.version ?? ''}`;
  const asked = current?.dependents?.[0];
  const because =
    held === '' || asked === undefined ? '' : `, for ${wanting(asked)} wants ${asked.spec}`;
  const through = peer === undefined ? '' : `, and ${wants(peer)}`;
  return `cannot resolve: ${wants(edge)}${through}${held}${because}`;
}

function wants(edge: ExplainedEdge): string {
  return `${wanting(edge)} wants ${edge.type} ${edge.name}@${edge.spec}`;
}

function wanting({ from }: ExplainedEdge): string {
  return from?.version === undefined || from.name === undefined
    ? 'the project'
    : `${from.name}@${from.version}`;
}

function firstLine(error: Error): string {
  return (error.message.split('\n')[0] ?? '').slice(0, 500);
}
