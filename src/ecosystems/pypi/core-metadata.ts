import { XError } from '../../domain/errors.js';
import { isProblem, parseRequirement, type Requirement } from './requirement.js';
import { excerpt } from './excerpt.js';
import { normalizeName } from './filename.js';
import { parseSpecifiers, type SpecifierSet } from './specifier.js';
import { compareVersions, parseVersion, type Version } from './version.js';

/** What resolution needs of a distribution's core metadata. */
export interface CoreMetadata {
  metadataVersion: Version;
  /** Normalised. */
  name: string;
  version: Version;
  requires: readonly Requirement[];
  requiresPython: SpecifierSet | undefined;
  /** As it is written. */
  requiresPythonText: string | undefined;
  /** Normalised. */
  extras: ReadonlySet<string>;
  /** Lower-case names of fields that a build may change; empty in wheels. */
  dynamic: ReadonlySet<string>;
}

/** More headers than this are no metadata that anybody wrote. */
const MAX_HEADERS = 100_000;

/**
 * Parses METADATA or PKG-INFO; the description after the headers is passed over.
 * @param where names the file in errors.
 * @throws XError UPSTREAM_MALFORMED.
 * @see https://packaging.python.org/en/latest/specifications/core-metadata/
 */
export function parseCoreMetadata(bytes: Uint8Array, where: string): CoreMetadata {
  const headers = parseHeaders(new TextDecoder().decode(bytes), where);
  const only = (field: string): string | undefined => headers.get(field)?.[0];
  const metadataVersion = parseVersion(only('metadata-version') ?? '');
  const name = only('name');
  const version = parseVersion(only('version') ?? '');
  if (
    metadataVersion === undefined ||
    (metadataVersion.release[0] !== 1 && metadataVersion.release[0] !== 2)
  ) {
    throw malformed(where, `unknown Metadata-Version "${excerpt(only('metadata-version') ?? '')}"`);
  }
  if (name === undefined || version === undefined) throw malformed(where, 'no Name or Version');
  const requiresPython = only('requires-python');
  return {
    metadataVersion,
    name: normalizeName(name),
    version,
    requires: (headers.get('requires-dist') ?? []).map((text) => requirementOf(text, where)),
    // A range that cannot be read counts as none, as in pip.
    requiresPython: requiresPython === undefined ? undefined : parseSpecifiers(requiresPython),
    requiresPythonText: requiresPython,
    extras: new Set((headers.get('provides-extra') ?? []).map(normalizeName)),
    dynamic: new Set((headers.get('dynamic') ?? []).map((field) => field.toLowerCase())),
  };
}

/**
 * Metadata of a distribution whose name and version its file name says, from what other files say.
 * @throws XError UPSTREAM_MALFORMED.
 */
export function metadataOf(
  said: {
    requires: readonly string[];
    extras: readonly string[];
    requiresPython: string | undefined;
  },
  { name, version }: { name: string; version: Version },
  where: string,
): CoreMetadata {
  const { requiresPython } = said;
  return {
    metadataVersion: STATIC_SINCE,
    name,
    version,
    requires: said.requires.map((text) => requirementOf(text, where)),
    requiresPython: requiresPython === undefined ? undefined : parseSpecifiers(requiresPython),
    requiresPythonText: requiresPython,
    extras: new Set(said.extras.map(normalizeName)),
    dynamic: new Set(),
  };
}

function requirementOf(text: string, where: string): Requirement {
  const parsed = parseRequirement(text);
  if (isProblem(parsed))
    throw malformed(where, `Requires-Dist: ${excerpt(text)}: ${excerpt(parsed.message)}`);
  return parsed;
}

function malformed(where: string, problem: string): XError {
  return new XError('UPSTREAM_MALFORMED', `${where}: ${problem}`);
}

/** The headers of core metadata by lower-case name. @throws XError UPSTREAM_MALFORMED. */
export function parseHeaders(text: string, where: string): Map<string, string[]> {
  const headers = new Map<string, string[]>();
  let current: string[] | undefined;
  let count = 0;
  for (const line of linesOf(text)) {
    if (line === '') break;
    if (++count > MAX_HEADERS) throw malformed(where, 'too many header lines');
    if (line.startsWith(' ') || line.startsWith('\t')) {
      const last = current?.pop();
      if (last !== undefined) current?.push(`${last}\n${line.trim()}`);
      continue;
    }
    const colon = line.indexOf(':');
    if (colon <= 0) throw malformed(where, `not a header: ${line.slice(0, 80)}`);
    const field = line.slice(0, colon).toLowerCase();
    current = headers.get(field) ?? [];
    headers.set(field, current);
    current.push(line.slice(colon + 1).trim());
  }
  return headers;
}

function* linesOf(text: string): Iterable<string> {
  let start = 0;
  while (start < text.length) {
    const newline = text.indexOf('\n', start);
    const end = newline < 0 ? text.length : newline;
    const line = text.slice(start, end);
    yield line.endsWith('\r') ? line.slice(0, -1) : line;
    start = end + 1;
  }
}

const STATIC_SINCE = parseVersion('2.2') as Version;

/** Whether PKG-INFO can be believed without a build: PEP 643, nothing that resolution needs is dynamic. */
export function isStatic(metadata: CoreMetadata): boolean {
  return (
    compareVersions(metadata.metadataVersion, STATIC_SINCE) >= 0 &&
    !['requires-dist', 'requires-python', 'provides-extra'].some((field) =>
      metadata.dynamic.has(field),
    )
  );
}
