import { dirname, isAbsolute, join } from 'node:path';
import { BOUNDS } from '../domain/bounds.js';
import { XError } from '../domain/errors.js';
import type { EcosystemName } from '../domain/plan.js';
import type { PurlLine } from '../domain/purl.js';
import type { EcosystemSource, InputFile, ReadInput } from '../ports/ecosystem.js';

export interface ReadInputsDeps {
  sources: readonly EcosystemSource[];
  /** @throws XError INPUT_NOT_FOUND, INPUT_UNREADABLE. */
  readFile: (path: string) => Promise<InputFile>;
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
 */
export async function readInputs(deps: ReadInputsDeps, paths: readonly string[]): Promise<Inputs> {
  const files = new Map<string, InputFile>();
  const byEcosystem = new Map<EcosystemName, EcosystemInput>();
  const problems: XError[] = [];
  for (const path of paths) {
    const file = await deps.readFile(path);
    if (files.has(file.path)) continue;
    files.set(file.path, file);
    const source = deps.sources.find((candidate) => candidate.claims(file));
    if (!source) {
      throw new XError('INPUT_UNREADABLE', `${path}: no ecosystem knows this kind of file`, {
        hint: 'Give a pip requirements file, package.json, package-lock.json, a .apt list, or a list of package URLs.',
      });
    }
    const read = await readOrCollect(source, file, besideOf(file, deps.readFile), problems);
    if (!read) continue;
    for (const nested of read.nested) files.set(nested.path, nested);
    if (files.size > BOUNDS.inputFiles) {
      throw new XError('LIMIT_EXCEEDED', `more than ${BOUNDS.inputFiles} input files`);
    }
    inputOf(byEcosystem, source.name).requirements.push(read.requirements);
    distribute(read.purls, deps.sources, byEcosystem, problems);
  }
  throwAll(problems);
  return { files: [...files.values()], byEcosystem };
}

/** Reads what a file names: relative to that file, wherever the command runs. */
function besideOf(
  file: InputFile,
  readFile: ReadInputsDeps['readFile'],
): ReadInputsDeps['readFile'] {
  return (path) => readFile(isAbsolute(path) ? path : join(dirname(file.path), path));
}

async function readOrCollect(
  source: EcosystemSource,
  file: InputFile,
  readFile: ReadInputsDeps['readFile'],
  problems: XError[],
): Promise<ReadInput<unknown> | undefined> {
  try {
    return await source.read(file, readFile);
  } catch (error) {
    if (!(error instanceof XError) || error.code !== 'INPUT_MALFORMED') throw error;
    problems.push(error);
    return undefined;
  }
}

function distribute(
  purls: readonly PurlLine[],
  sources: readonly EcosystemSource[],
  byEcosystem: Map<EcosystemName, EcosystemInput>,
  problems: XError[],
): void {
  for (const line of purls) {
    const source = sources.find(({ purlType }) => purlType === line.purl.type);
    if (source) inputOf(byEcosystem, source.name).purls.push(line);
    else {
      const known = sources.map(({ purlType }) => `pkg:${purlType}`).join(', ');
      const column = Math.max(line.text.indexOf('pkg:'), 0) + 1;
      problems.push(
        new XError(
          'INPUT_MALFORMED',
          `${line.file}:${line.line}:${column}: no ecosystem for "${line.text}"`,
          { hint: `Known types: ${known}.` },
        ),
      );
    }
  }
}

function inputOf(
  byEcosystem: Map<EcosystemName, EcosystemInput>,
  name: EcosystemName,
): EcosystemInput {
  let input = byEcosystem.get(name);
  if (!input) byEcosystem.set(name, (input = { requirements: [], purls: [] }));
  return input;
}

function throwAll(problems: readonly XError[]): void {
  const [first, ...others] = problems;
  if (!first) return;
  if (others.length === 0) throw first;
  throw new XError('INPUT_MALFORMED', problems.map(({ message }) => message).join('\n'), {
    hint: first.hint,
  });
}
