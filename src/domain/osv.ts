import { XError } from './errors.js';
import type { EcosystemName } from './plan.js';

/** One vulnerability as an OSV file describes it, as far as it concerns ecosystems that X carries. */
export interface Advisory {
  id: string;
  aliases: string[];
  summary: string;
  /** What the database says of its severity: a word, or a CVSS vector. */
  severity: string | undefined;
  /** CVSS vectors. */
  vectors: string[];
  /** `CWE-77`. */
  cwe: string[];
  /** ISO 8601. */
  modified: string;
  url: string | undefined;
  affected: AffectedPackage[];
}

export interface AffectedPackage {
  ecosystem: EcosystemName;
  /** For PyPI normalised as PEP 503 says. */
  name: string;
  /** Versions named one by one. */
  versions: string[];
  ranges: AffectedRange[];
}

/** Versions from `introduced` on (`0`: from the first) up to, and without, `fixed`, or with `lastAffected`. */
export interface AffectedRange {
  introduced: string;
  fixed: string | undefined;
  lastAffected: string | undefined;
}

/** Order of two versions of one ecosystem; undefined where one of them is none. */
export type CompareVersions = (
  ecosystem: EcosystemName,
  a: string,
  b: string,
) => number | undefined;

/** OSV's names of ecosystems; Debian's carry a release (`Debian:12`). */
const ECOSYSTEMS: Readonly<Record<string, EcosystemName>> = {
  PyPI: 'pypi',
  npm: 'npm',
  Debian: 'debian',
};

/** What `parseOsv` gathers of one record before it is known to be one. */
class Problems {
  readonly texts: string[] = [];

  unless(holds: boolean, text: string): void {
    if (!holds) this.texts.push(text);
  }
}

const LONGEST_ID = 200;
const MOST_LISTED = 64;

/**
 * One record in the OSV format; undefined where it was withdrawn.
 * @param where the file, and the place in it where it holds several.
 * @throws XError INPUT_MALFORMED, every bad field named.
 * @see https://ossf.github.io/osv-schema/
 */
export function parseOsv(json: unknown, where: string): Advisory | undefined {
  const problems = new Problems();
  problems.unless(isObject(json), 'it is no JSON object');
  const record = isObject(json) ? json : {};
  const { modified, withdrawn, affected = [] } = record;
  const id = textOf(record['id']) ?? '';
  problems.unless(id !== '' && id.length <= LONGEST_ID, '"id" is no name');
  problems.unless(isTime(modified), '"modified" is no time');
  const isWithdrawn = withdrawn !== undefined && withdrawn !== null;
  problems.unless(!isWithdrawn || isTime(withdrawn), '"withdrawn" is no time');
  problems.unless(Array.isArray(affected), '"affected" is no list');
  const packages = listOf(affected).map((part, at) =>
    affectedOf(part, `"affected[${at}]"`, problems),
  );
  if (problems.texts.length > 0) {
    throw new XError('INPUT_MALFORMED', `${where}: no OSV advisory: ${problems.texts.join('; ')}`, {
      hint: 'Give advisories in the OSV format (https://ossf.github.io/osv-schema/), as osv.dev and GitHub export them.',
    });
  }
  if (isWithdrawn) return undefined;
  const own = isObject(record['database_specific']) ? record['database_specific'] : {};
  const vectors = listOf(record['severity']).flatMap((one) =>
    isObject(one) ? (textOf(one['score']) ?? []) : [],
  );
  const said = textOf(record['summary'])?.trim() || textOf(record['details'])?.trim();
  return {
    id,
    aliases: texts(record['aliases']).slice(0, MOST_LISTED),
    summary: said?.split('\n')[0] ?? '',
    severity: textOf(own['severity'])?.toLowerCase() ?? vectors[0],
    vectors,
    cwe: texts(own['cwe_ids']).slice(0, MOST_LISTED),
    modified: new Date(String(modified)).toISOString(),
    url: urlOf(record['references']),
    affected: packages.flatMap((one) => one ?? []),
  };
}

function affectedOf(json: unknown, place: string, problems: Problems): AffectedPackage | undefined {
  const { package: found, versions = [], ranges = [] } = isObject(json) ? json : {};
  // A part without a package speaks of commits alone.
  if (isObject(json) && found === undefined) return undefined;
  const stated = isObject(found) ? found['ecosystem'] : undefined;
  const known = isObject(found) ? found['name'] : undefined;
  if (typeof stated !== 'string' || typeof known !== 'string') {
    problems.unless(false, `${place} names no package and ecosystem`);
    return undefined;
  }
  const ecosystem = ECOSYSTEMS[stated.split(':')[0] ?? ''];
  if (ecosystem === undefined) return undefined;
  problems.unless(
    Array.isArray(ranges) && Array.isArray(versions),
    `${place}: its ranges or versions are no list`,
  );
  return {
    ecosystem,
    name: ecosystem === 'pypi' ? known.toLowerCase().replaceAll(/[-_.]+/g, '-') : known,
    versions: texts(versions),
    ranges: listOf(ranges).flatMap((range) =>
      isObject(range) && range['type'] !== 'GIT' ? rangesOf(listOf(range['events'])) : [],
    ),
  };
}

/** A range's events, which stand in order of versions, as pairs. */
function rangesOf(events: readonly unknown[]): AffectedRange[] {
  const ranges: AffectedRange[] = [];
  for (const event of events) {
    if (!isObject(event)) continue;
    const introduced = textOf(event['introduced']);
    const last = ranges.at(-1);
    if (introduced !== undefined) {
      ranges.push({ introduced, fixed: undefined, lastAffected: undefined });
    } else if (last !== undefined) {
      last.fixed ??= textOf(event['fixed']);
      last.lastAffected ??= textOf(event['last_affected']);
    }
  }
  return ranges;
}

/** Whether an advisory concerns a version, and where that is mended. */
export interface AdvisoryVerdict {
  isAffected: boolean;
  /** The version that mends the range in which the given one lies. */
  fixed: string | undefined;
}

/** @param subject a package's ecosystem, its name as the ecosystem normalises it, and its version. */
export function affects(
  advisory: Advisory,
  subject: { ecosystem: EcosystemName; name: string; version: string },
  compare: CompareVersions,
): AdvisoryVerdict {
  const { ecosystem, name, version } = subject;
  const order = (a: string, b: string): number | undefined => compare(ecosystem, a, b);
  for (const affected of advisory.affected) {
    if (affected.ecosystem !== ecosystem || affected.name !== name) continue;
    const range = affected.ranges.find((one) => isInRange(one, version, order));
    if (range !== undefined) return { isAffected: true, fixed: range.fixed };
    if (affected.versions.some((one) => one === version || order(one, version) === 0)) {
      return { isAffected: true, fixed: undefined };
    }
  }
  return { isAffected: false, fixed: undefined };
}

function isInRange(
  { introduced, fixed, lastAffected }: AffectedRange,
  version: string,
  order: (a: string, b: string) => number | undefined,
): boolean {
  const below = (a: string, b: string): boolean => (order(a, b) ?? 0) < 0;
  if (introduced !== '0' && (order(introduced, version) ?? 1) > 0) return false;
  if (fixed !== undefined) return below(version, fixed);
  return lastAffected === undefined || !below(lastAffected, version);
}

function urlOf(references: unknown): string | undefined {
  const urls = listOf(references).flatMap((one) => (isObject(one) ? [one] : []));
  const best = urls.find(({ type }) => type === 'ADVISORY') ?? urls[0];
  const url = textOf(best?.['url']);
  return url !== undefined && /^https?:\/\//.test(url) ? url : undefined;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function listOf(value: unknown): unknown[] {
  return Array.isArray(value) ? value : [];
}

function texts(value: unknown): string[] {
  return listOf(value).filter((one) => typeof one === 'string');
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined;
}

/** ISO 8601, as RFC 3339 writes it. */
function isTime(value: unknown): boolean {
  return (
    typeof value === 'string' && /^\d{4}-\d\d-\d\dT/.test(value) && !Number.isNaN(Date.parse(value))
  );
}
