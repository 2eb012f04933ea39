import { XError } from '../../domain/errors.js';
import type { JsonObject } from '../../domain/plan.js';
import type { AptFile, AptHost } from '../../ports/apt.js';
import { parseAptSources, writtenOut, type AptSource } from './apt/sources-list.js';
import { installedOfStatus } from './base.js';
import { fieldOf } from './package-version.js';

/** What an isolated machine says of its Debian in a request file. */
export interface DebianMachine {
  /** dpkg's status, cut down to what resolution looks at. */
  status: string;
  /** dpkg's architectures, its own first. */
  architectures: string[];
  /** apt's sources, without credentials: shown and compared, never fetched or trusted. */
  sources: AptFile[];
}

const STATUS_FIELDS = [
  'Package',
  'Status',
  'Priority',
  'Installed-Size',
  'Architecture',
  'Multi-Arch',
  'Source',
  'Version',
  'Essential',
  'Protected',
  'Important',
  'Replaces',
  'Provides',
  'Depends',
  'Pre-Depends',
  'Recommends',
  'Suggests',
  'Breaks',
  'Conflicts',
  'Enhances',
] as const;

/**
 * This machine's section of a request.
 * @throws XError INPUT_NOT_FOUND where dpkg has no status here.
 */
export async function describeMachine(host: AptHost): Promise<DebianMachine> {
  const stanzas = (await host.readStatus())
    .split(/\n\n+/)
    .filter((stanza) => / installed$/m.test(`Status: ${fieldOf(stanza, 'Status') ?? ''}`))
    .map((stanza) =>
      STATUS_FIELDS.flatMap((name) => {
        const value = fieldOf(stanza, name);
        return value === undefined ? [] : [`${name}: ${value.replace(/\s+/g, ' ')}\n`];
      }).join(''),
    );
  const sources = host.sources.map(({ path, text }) => ({
    path,
    text: text.replace(/(\w:\/\/)[^\s/@]*@/g, '$1'),
  }));
  return {
    status: stanzas.join('\n'),
    architectures: [host.architecture, ...(host.foreignArchitectures ?? [])].filter(
      (name) => name !== undefined,
    ),
    sources,
  };
}

/**
 * Reads such a section; every bad field is named.
 * @throws XError METADATA_INVALID.
 */
export function readMachine(section: JsonObject): DebianMachine {
  const { status, architectures, sources } = section;
  const problems: string[] = [];
  const isArchitecture = (value: unknown): value is string =>
    typeof value === 'string' && /^[a-z0-9-]{1,32}$/.test(value);
  const isFile = (value: unknown): value is JsonObject & AptFile =>
    typeof value === 'object' &&
    value !== null &&
    typeof Reflect.get(value, 'path') === 'string' &&
    typeof Reflect.get(value, 'text') === 'string';
  const names = Array.isArray(architectures) ? architectures.filter(isArchitecture) : [];
  const files = Array.isArray(sources) ? sources.filter(isFile) : [];
  const count = typeof status === 'string' ? installedOfStatus(status).versions.length : 0;
  if (count === 0) problems.push('status has no installed package');
  if (names.length === 0 || names.length !== (architectures as unknown[]).length) {
    problems.push('architectures is no list of dpkg’s architectures');
  }
  if (!Array.isArray(sources) || files.length !== sources.length) {
    problems.push('sources is no list of files');
  }
  if (problems.length > 0) {
    throw new XError('METADATA_INVALID', `the request's Debian section: ${problems.join('; ')}`, {
      hint: 'Make the request again on the machine: x request -o FILE.',
    });
  }
  return { status: String(status), architectures: names, sources: files };
}

/** What the machine's sources have that those here lack, for people; nothing of it is fetched. */
export function compareSources(machine: DebianMachine, here: readonly AptSource[]): string[] {
  const labelOf = ({ suite, components }: AptSource): string =>
    [suite, ...components.toSorted()].join(' ');
  const known = new Set(here.map(labelOf));
  let theirs: AptSource[];
  try {
    theirs = parseAptSources(machine.sources).map((source) =>
      writtenOut(source, machine.architectures[0] ?? ''),
    );
  } catch (error) {
    if (!(error instanceof XError)) throw error;
    return [`the machine's apt sources cannot be read (${error.message}); those here are used.`];
  }
  const missing = theirs.filter((source) => !known.has(labelOf(source)));
  return missing.map(
    (source) =>
      `the machine's apt reads ${withoutLogin(source.uri)} ${labelOf(source)}, which is no source here: what it has from there is taken as it is, and nothing is fetched from it.`,
  );
}

function withoutLogin(uri: string): string {
  return uri.replace(/\/\/[^/@]*@/, '//');
}
