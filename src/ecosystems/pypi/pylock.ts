import { resolve } from 'node:path';
import { dirname } from 'node:path/posix';
import { pathToFileURL } from 'node:url';
import { isDigest, type Digests } from '../../domain/digest.js';
import { XError } from '../../domain/errors.js';
import { MalformedLines } from '../../domain/malformed.js';
import type { InputFile, ReadInput } from '../../ports/ecosystem.js';
import { requirementWithoutLogin, withoutLogin } from './address-login.js';
import { chosenNames, type NamedParts } from './choices.js';
import { excerpt } from './excerpt.js';
import { normalizeName } from './filename.js';
import { fileOf, type IndexFile } from './index-page.js';
import { emptyRequirements, type InputRequirement, type PypiRequirements } from './input.js';
import { addressProblem } from './requirement-address.js';
import { isProblem, parseRequirement } from './requirement.js';
import { environmentScope, pythonScope } from './scope.js';
import { parseToml, placeOf, tableOf, type Table } from './toml.js';

/**
 * Reads pylock.toml (PEP 751): each package at its version, in one of the files that are recorded.
 * Packages from directories and version control are refused on targets that need them.
 * @throws XError INPUT_MALFORMED.
 * @see https://packaging.python.org/en/latest/specifications/pylock-toml/
 */
export function readPylock(file: InputFile, choices: NamedParts = {}): ReadInput<PypiRequirements> {
  const document = parseToml(file);
  const version = document['lock-version'];
  if (typeof version !== 'string' || !/^1\.[0-9]+$/.test(version)) {
    throw new XError('INPUT_MALFORMED', `${placeOf(file, 'lock-version')}: unknown lock-version`, {
      hint: 'Lock files of version 1 are read: lock-version = "1.0".',
    });
  }
  const result = emptyRequirements(file.path);
  result.offers = {
    extras: textsOf(document['extras']),
    groups: [...textsOf(document['dependency-groups']), ...textsOf(document['default-groups'])],
  };
  const selected: Selected = {
    extras: choices.extras && chosenNames(result.offers.extras, choices.extras),
    dependency_groups: choices.groups && chosenNames(result.offers.groups, choices.groups),
  };
  const malformed = new MalformedLines();
  malformed.attempt(() => {
    const python = pythonScope(document['requires-python'], file);
    result.scope = { python, environments: environmentScope(document['environments'], file) };
  });
  for (const entry of packagesOf(document, file)) {
    malformed.attempt(() => {
      result.requirements.push(lockedRequirement(tableOf(entry), file, selected, result.logins));
    });
  }
  malformed.throwIfAny();
  return { requirements: result, nested: [], purls: [] };
}

function packagesOf(document: Table, file: InputFile): unknown[] {
  const packages: unknown = document['packages'] ?? [];
  if (Array.isArray(packages)) return packages;
  const where = placeOf(file, 'packages');
  throw new XError('INPUT_MALFORMED', `${where}: packages must be a list of tables`, {
    hint: FORM,
  });
}

/** What is chosen; undefined: everything, so that every choice can be made at install time. */
type Selected = Record<'extras' | 'dependency_groups', Set<string> | undefined>;

function textsOf(value: unknown): string[] {
  return Array.isArray(value) ? value.filter((item) => typeof item === 'string') : [];
}

function lockedRequirement(
  entry: Table,
  file: InputFile,
  selected: Selected,
  logins: string[],
): InputRequirement {
  const { name, version, marker } = entry;
  const place = placeOfPackage(name, file);
  const refuse = (problem: string): never => {
    throw new XError('INPUT_MALFORMED', `${place}: ${excerpt(problem)}: ${excerpt(String(name))}`, {
      hint: FORM,
    });
  };
  if (typeof name !== 'string') return refuse('a package without a name');
  const archive = tableOf(entry['archive']);
  const url = addressOfEntry(archive, file);
  const isElsewhere = entry['vcs'] !== undefined || entry['directory'] !== undefined;
  const isCarried = !isElsewhere && (typeof version === 'string' || url !== undefined);
  const problem = url === undefined ? undefined : addressProblem(url);
  if (problem !== undefined) refuse(problem);
  const pin = url === undefined ? (typeof version === 'string' ? `==${version}` : '') : ` @ ${url}`;
  const condition = typeof marker === 'string' ? ` ; ${chosenMarker(marker, selected)}` : '';
  const parsed = parseRequirement(name + pin + condition);
  if (isProblem(parsed)) return refuse(parsed.message);
  const wheels: unknown = entry['wheels'];
  const recorded = [...(Array.isArray(wheels) ? wheels : []), entry['sdist']]
    .filter((one) => one !== undefined)
    .map(tableOf);
  const hashes = [...recorded, ...(url === undefined ? [] : [archive])].flatMap(
    (one) => lockedHashes(one) ?? refuse('a file without a sha256 or sha512 hash'),
  );
  const files = recorded.flatMap((one) => lockedFile(one, file, logins) ?? []);
  const only = 'only packages of an index or an archive can be carried';
  return {
    requirement: requirementWithoutLogin(parsed, logins),
    hashes,
    where: place.replace(/:[0-9]+$/, ''),
    ...(files.length > 0 && parsed.url === undefined ? { files } : {}),
    ...(typeof marker === 'string' ? { chosenBy: choicesOf(marker) } : {}),
    ...(isCarried ? {} : { refusal: `${only}: ${name}` }),
  };
}

const FORM =
  'An entry has name, version, and sdist, wheels or archive, each with url or path and hashes, as PEP 751 says.';

function placeOfPackage(name: unknown, file: InputFile): string {
  const key = /\bname\s*=\s*(["'])(.*?)\1/g;
  const found = [...file.text.matchAll(key)].find(([, , text]) => text === name);
  return placeOf(file, found?.[0] ?? '[[packages]]');
}

/** Where a recorded file is: its address, or its path beside the lock file. */
function addressOfEntry({ url, path }: Table, lock: InputFile): string | undefined {
  if (typeof url === 'string') return url;
  return typeof path === 'string'
    ? pathToFileURL(resolve(dirname(lock.path), path)).href
    : undefined;
}

const CHOICE = /(?:"([^"]*)"|'([^']*)')\s+(not\s+)?in\s+(extras|dependency_groups)\b/g;

/** The flags that choose whether an entry counts. */
function choicesOf(marker: string): string[] {
  return [...marker.matchAll(CHOICE)].map(
    ([, double, single, , of]) =>
      `${of === 'extras' ? '--extra' : '--group'} ${double ?? single ?? ''}`,
  );
}

/**
 * Conditions over `extras` and `dependency_groups`, which PEP 508 does not know, become constant ones.
 * Where nothing is chosen they hold either way: what is installed is chosen on the isolated machine.
 */
function chosenMarker(marker: string, selected: Selected): string {
  return marker.replace(
    CHOICE,
    (_, double: string | undefined, single: string | undefined, not: string | undefined, of) => {
      const names = selected[of as keyof Selected];
      const isIn = names?.has(normalizeName(double ?? single ?? ''));
      const holds = isIn === undefined || isIn !== (not !== undefined);
      return holds ? '"1" == "1"' : '"1" == "0"';
    },
  );
}

/** One recorded file; undefined where its place is not told, so that an index has to know it. */
function lockedFile(entry: Table, lock: InputFile, logins: string[]): IndexFile | undefined {
  const { name, size } = entry;
  const uploaded = entry['upload-time'];
  const text = addressOfEntry(entry, lock);
  if (text === undefined || !URL.canParse(text)) return undefined;
  const { address, login } = withoutLogin(text);
  if (login !== undefined) logins.push(login);
  return fileOf(new URL(address), {
    filename: typeof name === 'string' ? name : undefined,
    digests: Object.assign({}, ...(lockedHashes(entry) ?? [])) as Digests,
    sizeBytes: Number.isSafeInteger(size) ? (size as number) : undefined,
    uploadTime: uploaded instanceof Date ? uploaded.toISOString() : undefined,
  });
}

/** The hashes of a recorded file that can be checked; undefined where there is none. */
function lockedHashes(entry: Table): Digests[] | undefined {
  const hashes = tableOf(entry['hashes']);
  const known = (['sha256', 'sha512'] as const).flatMap((algorithm) => {
    const hex = hashes[algorithm];
    const text = typeof hex === 'string' ? hex.toLowerCase() : '';
    return isDigest(algorithm, text) ? [{ [algorithm]: text }] : [];
  });
  return known.length === 0 ? undefined : known;
}
