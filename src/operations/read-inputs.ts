import { dirname, isAbsolute, join, resolve } from 'node:path';
import { BOUNDS } from '../domain/bounds.js';
import { XError } from '../domain/errors.js';
import { MalformedLines } from '../domain/malformed.js';
import type { EcosystemName } from '../domain/plan.js';
import { isWebAddress } from '../domain/web-address.js';
import { isPurlLine, type PurlLine } from '../domain/purl.js';
import type { EcosystemSource, InputFile } from '../ports/ecosystem.js';

export interface ReadInputsDeps {
  sources: readonly EcosystemSource[];
  /**
   * By its path, or its http or https address.
   * @throws XError INPUT_NOT_FOUND, INPUT_UNREADABLE; UPSTREAM_* of an address.
   */
  readFile: (path: string) => Promise<InputFile>;
  /** Whether files that ask for nothing will do, for something is asked for elsewhere. */
  mayAskNothing?: boolean | undefined;
}

/** What the user's files ask of one ecosystem. */
export interface EcosystemInput {
  requirements: unknown[];
  purls: PurlLine[];
}

export interface Inputs {
  /** Every file read, the nested ones included, each once. */
  files: InputFile[];
  byEcosystem: Map<EcosystemName, EcosystemInput>;
}

/**
 * Reads the requirement files: each goes to the first ecosystem that claims it, and purl lines found
 * in any of them go to the ecosystem of their type. All malformed lines are reported together.
 * @throws XError INPUT_NOT_FOUND, INPUT_UNREADABLE, INPUT_MALFORMED, NOTHING_ASKED, LIMIT_EXCEEDED.
 */
export async function readInputs(deps: ReadInputsDeps, paths: readonly string[]): Promise<Inputs> {
  const files = new Map<string, InputFile>();
  const byEcosystem: Inputs['byEcosystem'] = new Map();
  const malformed = new MalformedLines();
  const asked = new Map(paths.map((path) => [isWebAddress(path) ? path : resolve(path), path]));
  const given: InputFile[] = [];
  for (const path of asked.values()) {
    const file = await deps.readFile(path);
    given.push(file);
    files.set(keyOf(file), file);
    const source = deps.sources.find((candidate) => candidate.claims(file));
    if (!source) throw unclaimed(file);
    if (file.address !== undefined && source.claimsFetched?.(file) !== true) throw notFetched(file);
    try {
      const read = await source.read(file, besides(file, deps.readFile));
      for (const nested of read.nested) files.set(keyOf(nested), nested);
      inputOf(byEcosystem, source.name).requirements.push(read.requirements);
      distribute(read.purls, deps.sources, byEcosystem, malformed);
    } catch (error) {
      malformed.add(error);
    }
    if (files.size > BOUNDS.inputFiles) {
      throw new XError(
        'LIMIT_EXCEEDED',
        `${path}: with what it names, these are more than ${BOUNDS.inputFiles} input files`,
        { hint: 'Ask for fewer at once: several bundles, each with its own --name.' },
      );
    }
  }
  malformed.throwIfAny();
  if (!deps.mayAskNothing && given.every(({ text }) => isBlank(text))) throw nothingAsked(given);
  return { files: [...files.values()], byEcosystem };
}

function keyOf({ address, path }: InputFile): string {
  return address ?? resolve(path);
}

/** Reads the files that a file names: relative to itself, as every native client does; addresses are whole. */
function besides(
  { path }: InputFile,
  readFile: ReadInputsDeps['readFile'],
): ReadInputsDeps['readFile'] {
  return (nested) =>
    readFile(isAbsolute(nested) || isWebAddress(nested) ? nested : join(dirname(path), nested));
}

/** Whether a text list has no line but comments. */
function isBlank(text: string): boolean {
  return text.split(/\r\n|\r|\n/).every((line) => /^\s*(?:#|$)/.test(line) && !isPurlLine(line));
}

function nothingAsked(files: readonly InputFile[]): XError {
  const [asks, names] = files.length === 1 ? ['asks', 'it'] : ['ask', 'them'];
  const paths = files.map(({ path }) => path).join(', ');
  return new XError('NOTHING_ASKED', `${paths} ${asks} for nothing`, {
    hint: files.some(({ path }) => /\.(?:lock|ya?ml|json|toml)$/.test(path))
      ? 'It is empty: let the client that writes it make it anew.'
      : `Name packages in ${names}, one a line: requests>=2, or pkg:npm/lodash@^4.`,
  });
}

function unclaimed({ path }: InputFile): XError {
  return new XError('INPUT_UNREADABLE', `${path}: no ecosystem knows this kind of file`, {
    hint: 'Give a pip requirements file, pyproject.toml, package.json, package-lock.json, a .apt list, or a list of package URLs.',
  });
}

function notFetched({ path }: InputFile): XError {
  return new XError('INPUT_UNREADABLE', `${path}: of this kind, files of this machine are read`, {
    hint: 'Save it here with what it names beside it. Requirements files of pip can be fetched.',
  });
}

function distribute(
  purls: readonly PurlLine[],
  sources: readonly EcosystemSource[],
  byEcosystem: Inputs['byEcosystem'],
  malformed: MalformedLines,
): void {
  for (const line of purls) {
    const source = sources.find(({ purlType }) => purlType === line.purl.type);
    if (source) inputOf(byEcosystem, source.name).purls.push(line);
    else malformed.add(unknownType(line, sources));
  }
}

function unknownType({ file, line, text }: PurlLine, sources: readonly EcosystemSource[]): XError {
  const known = sources.map(({ purlType }) => `pkg:${purlType}`).join(', ');
  const column = Math.max(text.indexOf('pkg:'), 0) + 1;
  return new XError(
    'INPUT_MALFORMED',
    `${file}:${line}:${column}: no ecosystem has this type of package: ${text}`,
    { hint: `Types of package URLs that are known: ${known}.` },
  );
}

function inputOf(byEcosystem: Inputs['byEcosystem'], name: EcosystemName): EcosystemInput {
  let input = byEcosystem.get(name);
  if (!input) byEcosystem.set(name, (input = { requirements: [], purls: [] }));
  return input;
}
