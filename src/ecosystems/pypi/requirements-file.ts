import { resolve } from 'node:path';
import { dirname, isAbsolute } from 'node:path/posix';
import { pathToFileURL } from 'node:url';
import { BOUNDS } from '../../domain/bounds.js';
import { isDigest, type Digests } from '../../domain/digest.js';
import { messageOf, XError } from '../../domain/errors.js';
import { MalformedLines } from '../../domain/malformed.js';
import type { PurlLine } from '../../domain/purl.js';
import { isWebAddress } from '../../domain/web-address.js';
import type { InputFile, ReadInput } from '../../ports/ecosystem.js';
import { holdsSecret, requirementWithoutLogin, withoutLogin } from './address-login.js';
import { excerpt } from './excerpt.js';
import { parseFilename } from './filename.js';
import { emptyRequirements, type InputRequirement, type PypiRequirements } from './input.js';
import { nestedPlace, NOT_FROM_HERE } from './nested-file.js';
import { isProblem, parseRequirement, type Requirement } from './requirement.js';
import { addressProblem, lastSegmentOf, localProblem } from './requirement-address.js';
import { splitLines, wordsOf, type LogicalLine, type Word } from './requirements-line.js';

export interface ReadingContext {
  /** Reads a file by its path relative to the first one, or by its http or https address. */
  readFile: (path: string) => Promise<InputFile>;
  env: Readonly<Record<string, string | undefined>>;
  /** Whether a file address of this machine names anything; without it, places are not looked for. */
  isThere?: ((fileUrl: string) => Promise<boolean>) | undefined;
}

interface Reading extends ReadingContext {
  result: PypiRequirements;
  nested: InputFile[];
  purls: PurlLine[];
  seen: Set<string>;
  malformed: MalformedLines;
}

/**
 * Reads a requirements file and all that it names with -r and -c.
 * @throws XError INPUT_MALFORMED with file:line:column, LIMIT_EXCEEDED; what readFile throws.
 * @see https://pip.pypa.io/en/stable/reference/requirements-file-format/
 */
export async function readRequirementsFile(
  file: InputFile,
  context: ReadingContext,
  role: Role = 'requirement',
): Promise<ReadInput<PypiRequirements>> {
  const result = emptyRequirements(file.path);
  const malformed = new MalformedLines();
  const reading: Reading = {
    ...context,
    result,
    nested: [],
    purls: [],
    seen: new Set(),
    malformed,
  };
  await readLines(file, '', role, reading, 0);
  malformed.throwIfAny();
  const { options } = result;
  options.findLinks = await Promise.all(
    options.findLinks.map((place) => placeOf(place, context.isThere)),
  );
  return { requirements: result, nested: reading.nested, purls: reading.purls };
}

type Role = 'requirement' | 'constraint';

async function readLines(
  file: InputFile,
  folder: string,
  role: Role,
  reading: Reading,
  nesting: number,
): Promise<void> {
  // Who writes a file elsewhere must not learn what this machine's variables hold.
  const env = file.address === undefined ? reading.env : {};
  const { lines, purls } = splitLines(file.text, file.path, env, reading.malformed);
  if (lines.length > BOUNDS.requirementLines) {
    throw new XError('LIMIT_EXCEEDED', `${file.path}: more than ${BOUNDS.requirementLines} lines`);
  }
  reading.purls.push(...purls);
  for (const line of lines) {
    const nested = reading.malformed.attempt(() => {
      checkVariables(file, line, reading.env);
      return readLine(file, line, role, reading.result);
    });
    if (nested === undefined) continue;
    try {
      await readNested(nested, file, line, folder, role, reading, nesting);
    } catch (error) {
      reading.malformed.add(error);
    }
  }
}

/** @throws XError INPUT_MALFORMED where a fetched file asks for a variable that is set here. */
function checkVariables(file: InputFile, line: LogicalLine, env: ReadingContext['env']): void {
  if (file.address === undefined) return;
  const names = [...line.text.matchAll(/\$\{([A-Z0-9_]+)\}/g)].flatMap(([, name]) => name ?? []);
  const name = names.find((one) => (env[one] ?? '') !== '');
  if (name === undefined) return;
  throw malformed(
    file,
    line,
    0,
    `a file that was fetched is not told what ${name} holds here; save it on this machine and name it by its path`,
  );
}

/** Takes a line in; answers the file that it names, if it names one. */
function readLine(
  file: InputFile,
  line: LogicalLine,
  role: Role,
  result: PypiRequirements,
): { path: string; role: Role } | undefined {
  if (line.text.startsWith('-')) return optionOf(file, line, result);
  const entry = requirementOf(file, line, result.logins);
  if (role === 'requirement') result.requirements.push(entry);
  else result.constraints.push(checkedConstraint(entry, file, line));
  return undefined;
}

async function readNested(
  nested: { path: string; role: Role },
  file: InputFile,
  line: LogicalLine,
  folder: string,
  role: Role,
  reading: Reading,
  nesting: number,
): Promise<void> {
  const place = nestedPlace(nested.path, file, folder);
  if ('problem' in place) throw malformed(file, line, 0, place.problem);
  const where = `${file.path}:${line.line}`;
  // A login stays with those who fetch; the file that names it must not hold it.
  const asked = 'path' in place ? place.path : (place.login ?? place.address);
  addressWithoutLogin(asked, file, line, 0, reading.result.logins);
  const inner: Role = role === 'constraint' ? 'constraint' : nested.role;
  const key = `${inner}\0${'path' in place ? place.path : place.address}`;
  if (reading.seen.has(key)) return;
  reading.seen.add(key);
  if (nesting >= BOUNDS.inputNesting || reading.nested.length >= BOUNDS.inputFiles) {
    throw new XError('LIMIT_EXCEEDED', `${where}: files are nested too deeply`);
  }
  const input = await readNamed(reading, asked, where);
  reading.nested.push(input);
  const inside = 'path' in place ? dirname(place.path) : '';
  await readLines(input, inside, inner, reading, nesting + 1);
}

async function readNamed(reading: Reading, path: string, where: string): Promise<InputFile> {
  try {
    return await reading.readFile(path);
  } catch (error) {
    if (!(error instanceof XError)) throw error;
    throw new XError(error.code, `${where}: ${messageOf(error)}`, {
      hint:
        error.code === 'INPUT_NOT_FOUND' && !isWebAddress(path)
          ? 'A file that is named in another is looked for beside that one.'
          : error.hint,
      cause: error,
    });
  }
}

function malformed(file: InputFile, line: LogicalLine, offset: number, problem: string): XError {
  const place = `${file.path}:${line.line}:${offset + 1}`;
  return new XError('INPUT_MALFORMED', `${place}: ${excerpt(problem)}: ${excerpt(line.written)}`, {
    hint: 'Write what pip reads: name, name>=1.2, name[extra]; python_version<"3.12", or its options.',
  });
}

/** Options that say how pip builds or prints; a plan does not depend on them. */
const IGNORED_WITH_VALUE = new Set([
  '--trusted-host',
  '--use-feature',
  '--global-option',
  '--config-settings',
  '-C',
]);

const OPTION_ALIASES: Readonly<Record<string, string>> = {
  '-i': '--index-url',
  '--pypi-url': '--index-url',
  '-f': '--find-links',
  '-r': '--requirement',
  '-c': '--constraint',
  '-e': '--editable',
};

/** Applies an option line; answers the file that it names, if it names one. */
function optionOf(
  file: InputFile,
  line: LogicalLine,
  { options, logins }: PypiRequirements,
): { path: string; role: Role } | undefined {
  const words = wordsOf(line.text);
  let nested: { path: string; role: Role } | undefined;
  for (let at = 0; at < words.length; at++) {
    const { name, attached, offset } = optionWord(words[at] as Word);
    const value = (): string => {
      const text = attached ?? words[++at]?.text;
      if (text === undefined || text === '')
        throw malformed(file, line, offset, `${name} needs a value`);
      return text;
    };
    const address = (): string => {
      const text = value();
      if (file.address !== undefined && !isWebAddress(text))
        throw malformed(file, line, offset, NOT_FROM_HERE);
      return addressWithoutLogin(text, file, line, offset, logins);
    };
    if (name === '--index-url') {
      options.indexUrl = address();
      options.extraIndexUrls = [];
    } else if (name === '--extra-index-url') options.extraIndexUrls.push(address());
    else if (name === '--find-links') options.findLinks.push(linkOf(address(), file));
    else if (name === '--only-binary') options.onlyBinary.push(...value().split(','));
    else if (name === '--no-binary') options.noBinary.push(...value().split(','));
    else if (name === '--no-index') options.noIndex = true;
    else if (name === '--pre') options.preReleases = true;
    else if (name === '--prefer-binary') options.preferBinary = true;
    else if (name === '--require-hashes') options.requireHashes = true;
    else if (name === '--no-require-hashes') options.requireHashes = false;
    else if (name === '--requirement') nested = { path: value(), role: 'requirement' };
    else if (name === '--constraint') nested = { path: value(), role: 'constraint' };
    else if (name === '--editable') {
      throw malformed(
        file,
        line,
        offset,
        'editable requirements are a folder of this machine, not a package; build a wheel and name its folder with --find-links',
      );
    } else if (IGNORED_WITH_VALUE.has(name)) value();
    else throw malformed(file, line, offset, `unknown option ${name}`);
  }
  return nested;
}

/** @throws XError INPUT_MALFORMED where user and password stand in the file itself. */
function addressWithoutLogin(
  text: string,
  file: InputFile,
  line: LogicalLine,
  offset: number,
  logins: string[],
): string {
  const { address, login } = withoutLogin(text);
  if (login === undefined) return address;
  if (holdsSecret(line.written)) {
    throw new XError(
      'INPUT_MALFORMED',
      `${file.path}:${line.line}:${offset + 1}: credentials stand in the address of ${new URL(text).host}`,
      {
        hint: 'An input file travels with the bundle: write ${NAME} for them, or keep them in pip.conf, PIP_INDEX_URL or .netrc.',
      },
    );
  }
  logins.push(login);
  return address;
}

/** A find-links place: an address, or a path from the folder of the file that names it. */
function linkOf(text: string, file: InputFile): string {
  if (/^[a-z][a-z0-9+.-]+:\/\//i.test(text)) return text;
  const beside = pathToFileURL(resolve(dirname(file.path), text));
  // What is there decides between this and the working folder once all is read.
  if (!isAbsolute(text)) beside.hash = encodeURIComponent(text);
  return beside.href;
}

/** The place itself: beside the file that names it, and else, as pip looks for it, in the working folder. */
async function placeOf(
  link: string,
  isThere: ReadingContext['isThere'] = () => Promise.resolve(true),
): Promise<string> {
  if (!link.startsWith('file:')) return link;
  const [beside = link, text = ''] = link.split('#');
  if (text === '' || (await isThere(beside))) return beside;
  const here = pathToFileURL(resolve(decodeURIComponent(text))).href;
  return (await isThere(here)) ? here : beside;
}

function optionWord({ text, offset }: Word): {
  name: string;
  attached: string | undefined;
  offset: number;
} {
  const long = /^(--[a-z-]+)=(.*)$/s.exec(text);
  const short = /^(-[a-zA-Z])(.+)$/s.exec(text);
  const [name = text, attached] = (long ?? short)?.slice(1) ?? [];
  return { name: OPTION_ALIASES[name] ?? name, attached, offset };
}

function requirementOf(file: InputFile, line: LogicalLine, logins: string[]): InputRequirement {
  const optionsAt = line.text.search(/\s--?[a-zA-Z]/);
  const text = (optionsAt < 0 ? line.text : line.text.slice(0, optionsAt)).trim();
  const hashes = optionsAt < 0 ? [] : hashesOf(file, line, optionsAt);
  const refusal = localProblem(text);
  if (refusal !== undefined) throw malformed(file, line, 0, refusal);
  const address = /^(?:https?|file):\/\//i.test(text) ? text : undefined;
  const parsed = address === undefined ? parseRequirement(text) : requirementOfUrl(address);
  if (isProblem(parsed)) throw malformed(file, line, parsed.offset, parsed.message);
  const where = `${file.path}:${line.line}`;
  if (parsed.url !== undefined) checkUrl(parsed.url, file, line);
  return { requirement: requirementWithoutLogin(parsed, logins), hashes, where };
}

function requirementOfUrl(text: string): Requirement | { message: string; offset: number } {
  const [address = '', ...rest] = text.split(/\s+(?=;)/);
  const path = URL.canParse(address) ? new URL(address).pathname : '';
  const parsed = parseFilename(lastSegmentOf(path));
  if (parsed === undefined) {
    return { message: 'the address does not end in the name of a wheel or an sdist', offset: 0 };
  }
  return parseRequirement(`${parsed.name} @ ${address} ${rest.join(' ')}`.trim());
}

function checkUrl(url: string, file: InputFile, line: LogicalLine): void {
  const isHere = file.address !== undefined && !isWebAddress(url);
  const problem = isHere ? NOT_FROM_HERE : addressProblem(url);
  if (problem === undefined) return;
  throw malformed(file, line, Math.max(line.text.indexOf(url), 0), problem);
}

function hashesOf(file: InputFile, line: LogicalLine, from: number): Digests[] {
  const hashes: Digests[] = [];
  const words = wordsOf(line.text.slice(from));
  for (let at = 0; at < words.length; at++) {
    const { name, attached, offset } = optionWord(words[at] as Word);
    const value = attached ?? words[++at]?.text ?? '';
    if (name === '--hash') hashes.push(hashOf(value, file, line, from + offset));
    else if (!IGNORED_WITH_VALUE.has(name)) {
      throw malformed(file, line, from + offset, `unknown option ${name} of a requirement`);
    }
  }
  return hashes;
}

function hashOf(value: string, file: InputFile, line: LogicalLine, offset: number): Digests {
  const [algorithm = '', hex = ''] = value.toLowerCase().split(':');
  if (algorithm === 'sha256' && isDigest('sha256', hex)) return { sha256: hex };
  if (algorithm === 'sha512' && isDigest('sha512', hex)) return { sha512: hex };
  throw malformed(file, line, offset, `not a sha256 or sha512 hash "${value}"`);
}

function checkedConstraint(
  entry: InputRequirement,
  file: InputFile,
  line: LogicalLine,
): InputRequirement {
  if (entry.requirement.extras.length > 0)
    throw malformed(file, line, 0, 'constraints take no extras');
  return entry;
}
