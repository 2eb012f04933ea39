import { parse, TomlError } from 'smol-toml';
import { isDigest, type Digests } from '../../domain/digest.js';
import { messageOf, XError } from '../../domain/errors.js';
import { MalformedLines } from '../../domain/malformed.js';
import type { InputFile, ReadInput } from '../../ports/ecosystem.js';
import { requirementWithoutLogin } from './address-login.js';
import { withWheel } from './distributions.js';
import { normalizeName } from './filename.js';
import { emptyRequirements, type InputRequirement, type PypiRequirements } from './input.js';
import { isProblem, parseMarker, parseRequirement } from './requirement.js';

type Table = Record<string, unknown>;

function parseToml(file: InputFile): Table {
  try {
    return parse(file.text);
  } catch (thrown) {
    const place = thrown instanceof TomlError ? `:${thrown.line}:${thrown.column}` : '';
    const line = thrown instanceof TomlError ? file.text.split('\n')[thrown.line - 1] : undefined;
    const problem = (messageOf(thrown).split('\n')[0] ?? '').replace(
      /^Invalid TOML document: /,
      'not TOML: ',
    );
    const shown = line === undefined || line.trim() === '' ? '' : `: ${line.trim()}`;
    throw new XError('INPUT_MALFORMED', `${file.path}${place}: ${problem}${shown}`, {
      hint: 'Correct the file at that place; pip cannot read it either.',
      cause: thrown,
    });
  }
}

/** The place of a text in a file, as well as it can be found after parsing: `file:line:column`. */
function placeOf(file: InputFile, text: string): string {
  const at = file.text.indexOf(text);
  if (at < 0) return `${file.path}:1:1`;
  const before = file.text.slice(0, at).split('\n');
  return `${file.path}:${before.length}:${(before.at(-1)?.length ?? 0) + 1}`;
}

/**
 * Reads pyproject.toml: the project's dependencies, those of every extra and every group (PEP 735),
 * and what building it needs (PEP 518).
 * @throws XError INPUT_MALFORMED.
 */
export function readPyproject(file: InputFile): ReadInput<PypiRequirements> {
  const document = parseToml(file);
  const result = emptyRequirements(file.path);
  const project = tableOf(document['project']);
  checkStatic(document, file);
  const self = typeof project['name'] === 'string' ? normalizeName(project['name']) : undefined;
  const optional = tableOf(project['optional-dependencies']);
  const groups = tableOf(document['dependency-groups']);
  const builds = tableOf(document['build-system'])['requires'] ?? [];
  const lists = [
    project['dependencies'] ?? [],
    ...Object.values(optional),
    withWheel(textsOf(builds, file)),
  ];
  const malformed = new MalformedLines();
  const add = (text: string): void => {
    malformed.attempt(() => addRequirement(text, file, self, result));
  };
  for (const list of lists) {
    for (const text of textsOf(list, file)) add(text);
  }
  for (const name of Object.keys(groups)) {
    for (const text of groupTexts(groups, name, file, [])) add(text);
  }
  malformed.throwIfAny();
  return { requirements: result, nested: [], purls: [] };
}

/** Dependencies that only a build backend or a tool knows are refused: a bundle without them would look whole. */
function checkStatic(document: Table, file: InputFile): void {
  if (document['project'] === undefined && document['dependency-groups'] === undefined) {
    throw new XError('INPUT_MALFORMED', `${file.path}:1:1: no [project] table`, {
      hint: 'Dependencies in a tool’s own table are not read: export them with the tool to requirements.txt or pylock.toml, and give that.',
    });
  }
  const { dynamic } = tableOf(document['project']);
  const hidden = (Array.isArray(dynamic) ? dynamic : []).find(
    (field) => field === 'dependencies' || field === 'optional-dependencies',
  );
  if (hidden === undefined) return;
  throw new XError(
    'INPUT_MALFORMED',
    `${placeOf(file, 'dynamic')}: ${String(hidden)} are dynamic: known only when the project is built`,
    { hint: 'Nothing is built here: give the files that they come from, or a lock file.' },
  );
}

function tableOf(value: unknown): Table {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? (value as Table)
    : {};
}

function textsOf(list: unknown, file: InputFile): string[] {
  if (Array.isArray(list) && list.every((item) => typeof item === 'string')) return list;
  throw new XError('INPUT_MALFORMED', `${file.path}:1:1: dependencies must be a list of texts`);
}

/** A group's requirements with those of the groups it includes; a cycle is refused. */
function groupTexts(groups: Table, name: string, file: InputFile, within: string[]): string[] {
  const key = Object.keys(groups).find((other) => normalizeName(other) === normalizeName(name));
  const list = key === undefined ? undefined : groups[key];
  const place = placeOf(file, name);
  if (!Array.isArray(list)) {
    throw new XError('INPUT_MALFORMED', `${place}: no dependency group: ${name}`);
  }
  if (within.includes(normalizeName(name))) {
    throw new XError('INPUT_MALFORMED', `${place}: dependency groups include each other: ${name}`);
  }
  return list.flatMap((item: unknown) => {
    if (typeof item === 'string') return [item];
    const included = tableOf(item)['include-group'];
    if (typeof included === 'string') {
      return groupTexts(groups, included, file, [...within, normalizeName(name)]);
    }
    throw new XError(
      'INPUT_MALFORMED',
      `${place}: neither a requirement nor include-group: ${name}`,
    );
  });
}

function addRequirement(
  text: string,
  file: InputFile,
  self: string | undefined,
  result: PypiRequirements,
): void {
  const where = placeOf(file, text);
  const parsed = parseRequirement(text);
  if (isProblem(parsed)) {
    throw new XError('INPUT_MALFORMED', `${where}: ${parsed.message}: ${text}`);
  }
  // `all = ["project[a,b]"]` names extras of the project itself, which are all read already.
  if (parsed.name === self) return;
  result.requirements.push({
    requirement: requirementWithoutLogin(parsed, result.logins),
    hashes: [],
    where: where.replace(/:[0-9]+$/, ''),
  });
}

/**
 * Reads pylock.toml (PEP 751): each package at its version, from its recorded files' hashes.
 * Packages from directories and version control are refused.
 * @throws XError INPUT_MALFORMED.
 */
export function readPylock(file: InputFile): ReadInput<PypiRequirements> {
  const document = parseToml(file);
  const version = document['lock-version'];
  if (typeof version !== 'string' || !/^1\.[0-9]+$/.test(version)) {
    throw new XError('INPUT_MALFORMED', `${placeOf(file, 'lock-version')}: unknown lock-version`);
  }
  const result = emptyRequirements(file.path);
  const packages: unknown = document['packages'];
  for (const entry of Array.isArray(packages) ? packages : []) {
    result.requirements.push(lockedRequirement(tableOf(entry), file, result.logins));
  }
  return { requirements: result, nested: [], purls: [] };
}

function lockedRequirement(entry: Table, file: InputFile, logins: string[]): InputRequirement {
  const { name, version, marker } = entry;
  const place = placeOf(file, `name = "${String(name)}"`);
  const archive = tableOf(entry['archive'])['url'];
  if (typeof name !== 'string' || (typeof version !== 'string' && typeof archive !== 'string')) {
    const problem = 'only packages of an index or an archive can be carried';
    throw new XError('INPUT_MALFORMED', `${place}: ${problem}: ${String(name)}`);
  }
  const pin = typeof archive === 'string' ? ` @ ${archive}` : `==${String(version)}`;
  const condition = typeof marker === 'string' ? pylockMarker(marker) : '';
  const parsed = parseRequirement(name + pin + condition);
  if (isProblem(parsed))
    throw new XError('INPUT_MALFORMED', `${place}: ${parsed.message}: ${name}`);
  const wheels: unknown = entry['wheels'];
  const files = [...(Array.isArray(wheels) ? wheels : []), entry['sdist'], entry['archive']];
  const hashes = files.flatMap((raw) => lockedHashes(tableOf(tableOf(raw)['hashes'])));
  const requirement = requirementWithoutLogin(parsed, logins);
  return { requirement, hashes, where: place.replace(/:[0-9]+$/, '') };
}

/** Markers over `extras` and `dependency_groups` choose at install time: all of them are carried. */
function pylockMarker(marker: string): string {
  return isProblem(parseMarker(marker)) ? '' : ` ; ${marker}`;
}

function lockedHashes(hashes: Table): Digests[] {
  return (['sha256', 'sha512'] as const).flatMap((algorithm) => {
    const hex = hashes[algorithm];
    return typeof hex === 'string' && isDigest(algorithm, hex) ? [{ [algorithm]: hex }] : [];
  });
}
