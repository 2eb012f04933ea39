import { XError } from '../../domain/errors.js';
import { MalformedLines } from '../../domain/malformed.js';
import type { InputFile, ReadInput } from '../../ports/ecosystem.js';
import { requirementWithoutLogin } from './address-login.js';
import { chosenNames, type NamedParts } from './choices.js';
import { excerpt } from './excerpt.js';
import { normalizeName } from './filename.js';
import { emptyRequirements, type PypiRequirements } from './input.js';
import { isProblem, parseRequirement, type Requirement } from './requirement.js';
import { addressProblem } from './requirement-address.js';
import { EVERYWHERE, pythonScope } from './scope.js';
import { withWheel } from './sdist-metadata.js';
import { parseToml, placeOf, tableOf, type Table } from './toml.js';

/**
 * Reads pyproject.toml: the project's dependencies, those of every extra and every group (PEP 735),
 * and what building it needs (PEP 518).
 * @throws XError INPUT_MALFORMED.
 */
export function readPyproject(
  file: InputFile,
  choices: NamedParts = {},
): ReadInput<PypiRequirements> {
  const document = parseToml(file);
  const result = emptyRequirements(file.path);
  const project = tableOf(document['project']);
  checkStatic(document, file);
  result.scope = { ...EVERYWHERE, python: pythonScope(project['requires-python'], file) };
  const self = typeof project['name'] === 'string' ? normalizeName(project['name']) : undefined;
  const optional = tableOf(project['optional-dependencies']);
  const groups = tableOf(document['dependency-groups']);
  const builds = tableOf(document['build-system'])['requires'] ?? [];
  result.offers = { extras: Object.keys(optional), groups: Object.keys(groups) };
  const wanted = chosenNames(result.offers.extras, choices.extras);
  const malformed = new MalformedLines();
  const add = (text: string): void => {
    malformed.attempt(() => {
      const parsed = addRequirement(text, file, self, result);
      // `all = ["project[a,b]"]` names extras of the project itself.
      for (const extra of parsed?.extras ?? []) wanted.add(extra);
    });
  };
  const addAll = (list: unknown, key: string): void => {
    (malformed.attempt(() => textsOf(list, file, key)) ?? []).forEach(add);
  };
  addAll(project['dependencies'] ?? [], 'dependencies');
  const building = malformed.attempt(() => textsOf(builds, file, 'requires'));
  addAll(withWheel(building ?? []), 'requires');
  // A set that grows while it is walked: an extra may name others.
  for (const extra of wanted) {
    const key = result.offers.extras.find((one) => normalizeName(one) === extra);
    if (key !== undefined) addAll(optional[key], key);
  }
  malformed.attempt(() => {
    checkDistinct(result.offers.groups, file);
  });
  for (const name of chosenNames(result.offers.groups, choices.groups)) {
    const isOffered = result.offers.groups.some((one) => normalizeName(one) === name);
    if (!isOffered) continue;
    (malformed.attempt(() => groupTexts(groups, name, file, [])) ?? []).forEach(add);
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

function textsOf(list: unknown, file: InputFile, key: string): string[] {
  if (Array.isArray(list) && list.every((item) => typeof item === 'string')) return list;
  throw new XError(
    'INPUT_MALFORMED',
    `${placeOf(file, key)}: dependencies must be a list of texts: ${key}`,
    { hint: 'Write ["name>=1.2", "other"].' },
  );
}

/** PEP 735: names of groups that are one when normalised are an error. */
function checkDistinct(names: readonly string[], file: InputFile): void {
  const twice = [...Map.groupBy(names, normalizeName).values()].find((same) => same.length > 1);
  if (twice === undefined) return;
  throw new XError(
    'INPUT_MALFORMED',
    `${placeOf(file, twice[1] ?? '')}: dependency groups have one name: ${twice.join(', ')}`,
    { hint: 'Rename one of them, or bring them together.' },
  );
}

/** A group's requirements with those of the groups it includes; a cycle is refused. */
function groupTexts(groups: Table, name: string, file: InputFile, within: string[]): string[] {
  const key = Object.keys(groups).find((other) => normalizeName(other) === normalizeName(name));
  const list = key === undefined ? undefined : groups[key];
  const place = placeOf(file, name);
  if (!Array.isArray(list)) {
    throw new XError('INPUT_MALFORMED', `${place}: no dependency group: ${name}`, {
      hint: `There is ${Object.keys(groups).join(', ')}; each is a list.`,
    });
  }
  if (within.includes(normalizeName(name))) {
    throw new XError('INPUT_MALFORMED', `${place}: dependency groups include each other: ${name}`, {
      hint: `Take one include-group out of ${[...within, name].join(', ')}.`,
    });
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
      { hint: 'A group holds texts and {include-group = "name"}, nothing else.' },
    );
  });
}

/** Takes a requirement in; answers it where it is of the project itself, which is not. */
function addRequirement(
  text: string,
  file: InputFile,
  self: string | undefined,
  result: PypiRequirements,
): Requirement | undefined {
  const where = placeOf(file, text);
  const parsed = parseRequirement(text);
  const problem = isProblem(parsed)
    ? parsed.message
    : parsed.url === undefined
      ? undefined
      : addressProblem(parsed.url);
  if (isProblem(parsed) || problem !== undefined) {
    throw new XError('INPUT_MALFORMED', `${where}: ${excerpt(problem ?? '')}: ${excerpt(text)}`, {
      hint: 'Write a dependency specifier: name, name>=1.2, name[extra]; python_version<"3.12", or name @ the address of a wheel.',
    });
  }
  if (parsed.name === self) return parsed;
  result.requirements.push({
    requirement: requirementWithoutLogin(parsed, result.logins),
    hashes: [],
    where: where.replace(/:[0-9]+$/, ''),
  });
  return undefined;
}
