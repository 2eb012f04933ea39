import { resolve } from 'node:path';
import { dirname } from 'node:path/posix';
import { pathToFileURL } from 'node:url';
import { isDigest, type Digests } from '../../domain/digest.js';
import { XError } from '../../domain/errors.js';
import { MalformedLines } from '../../domain/malformed.js';
import type { InputFile, ReadInput } from '../../ports/ecosystem.js';
import { requirementWithoutLogin, withoutLogin } from './address-login.js';
import { chosenNames, type NamedParts } from './choices.js';
import { normalizeName } from './filename.js';
import { fileOf, type IndexFile } from './index-page.js';
import { emptyRequirements, type InputRequirement, type PypiRequirements } from './input.js';
import { isProblem, parseRequirement } from './requirement.js';
import { parseToml, placeOf, tableOf, type Table } from './toml.js';

/**
 * Reads pylock.toml (PEP 751): each package at its version, in one of the files that are recorded.
 * Packages from directories and version control are refused.
 * @throws XError INPUT_MALFORMED.
 * @see https://packaging.python.org/en/latest/specifications/pylock-toml/
 */
export function readPylock(file: InputFile, choices: NamedParts = {}): ReadInput<PypiRequirements> {
  const document = parseToml(file);
  const version = document['lock-version'];
  if (typeof version !== 'string' || !/^1\.[0-9]+$/.test(version)) {
    throw new XError('INPUT_MALFORMED', `${placeOf(file, 'lock-version')}: unknown lock-version`);
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
  const packages: unknown = document['packages'];
  const malformed = new MalformedLines();
  for (const entry of Array.isArray(packages) ? packages : []) {
    malformed.attempt(() => {
      result.requirements.push(lockedRequirement(tableOf(entry), file, selected, result.logins));
    });
  }
  malformed.throwIfAny();
  return { requirements: result, nested: [], purls: [] };
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
  const place = placeOf(file, `name = "${String(name)}"`);
  const archive = tableOf(entry['archive'])['url'];
  const isCarried = typeof version === 'string' || typeof archive === 'string';
  const isElsewhere = entry['vcs'] !== undefined || entry['directory'] !== undefined;
  if (typeof name !== 'string' || !isCarried || isElsewhere) {
    const problem = 'only packages of an index or an archive can be carried';
    throw new XError('INPUT_MALFORMED', `${place}: ${problem}: ${String(name)}`);
  }
  const pin = typeof archive === 'string' ? ` @ ${archive}` : `==${String(version)}`;
  const condition = typeof marker === 'string' ? ` ; ${chosenMarker(marker, selected)}` : '';
  const parsed = parseRequirement(name + pin + condition);
  if (isProblem(parsed))
    throw new XError('INPUT_MALFORMED', `${place}: ${parsed.message}: ${name}`);
  const wheels: unknown = entry['wheels'];
  const recorded = [...(Array.isArray(wheels) ? wheels : []), entry['sdist']].map(tableOf);
  const hashes = [...recorded, tableOf(entry['archive'])].flatMap((one) =>
    lockedHashes(tableOf(one['hashes'])),
  );
  const files = recorded.flatMap((one) => lockedFile(one, file, logins) ?? []);
  return {
    requirement: requirementWithoutLogin(parsed, logins),
    hashes,
    where: place.replace(/:[0-9]+$/, ''),
    ...(files.length > 0 && parsed.url === undefined ? { files } : {}),
  };
}

/**
 * Conditions over `extras` and `dependency_groups`, which PEP 508 does not know, become constant ones.
 * Where nothing is chosen they hold either way: what is installed is chosen on the isolated machine.
 */
function chosenMarker(marker: string, selected: Selected): string {
  return marker.replace(
    /(?:"([^"]*)"|'([^']*)')\s+(not\s+)?in\s+(extras|dependency_groups)\b/g,
    (_, double: string | undefined, single: string | undefined, not: string | undefined, of) => {
      const names = selected[of as keyof Selected];
      const isIn = names?.has(normalizeName(double ?? single ?? ''));
      const holds = isIn === undefined || isIn !== (not !== undefined);
      return holds ? '"1" == "1"' : '"1" == "0"';
    },
  );
}

/** One recorded file, by its address or by its path beside the lock file; undefined where it has neither. */
function lockedFile(entry: Table, lock: InputFile, logins: string[]): IndexFile | undefined {
  const { url, path, name, size } = entry;
  const uploaded = entry['upload-time'];
  const local =
    typeof path === 'string' ? pathToFileURL(resolve(dirname(lock.path), path)).href : undefined;
  const text = typeof url === 'string' ? url : local;
  if (text === undefined || !URL.canParse(text)) return undefined;
  const { address, login } = withoutLogin(text);
  if (login !== undefined) logins.push(login);
  return fileOf(new URL(address), {
    filename: typeof name === 'string' ? name : undefined,
    digests: Object.assign({}, ...lockedHashes(tableOf(entry['hashes']))) as Digests,
    sizeBytes: typeof size === 'number' ? size : undefined,
    uploadTime: uploaded instanceof Date ? uploaded.toISOString() : undefined,
  });
}

function lockedHashes(hashes: Table): Digests[] {
  return (['sha256', 'sha512'] as const).flatMap((algorithm) => {
    const hex = hashes[algorithm];
    return typeof hex === 'string' && isDigest(algorithm, hex) ? [{ [algorithm]: hex }] : [];
  });
}
