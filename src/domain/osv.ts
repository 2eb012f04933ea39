import { XError } from './errors.js';
import { ECOSYSTEM_NAMES, type EcosystemName } from './plan.js';

/** One vulnerability as an OSV file describes it, as far as it concerns ecosystems that X carries. */
export interface Advisory {
  id: string;
  aliases: string[];
  summary: string;
  /** What the database says of its severity: a word, or a CVSS vector. */
  severity: string | undefined;
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

/**
 * The advisories of an OSV file: one object, a list of them, or the answer of a query (`vulns`).
 * Withdrawn ones are left out.
 * @throws XError INPUT_MALFORMED naming the file.
 * @see https://ossf.github.io/osv-schema/
 */
export function parseOsv(text: string, where: string): Advisory[] {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (cause) {
    throw malformed(where, 'it is not JSON', cause);
  }
  const list = Array.isArray(json) ? json : isObject(json) && listOf(json['vulns']);
  const objects = Array.isArray(list) && list.length > 0 ? list : [json];
  return objects.flatMap((one) => advisoryOf(one, where) ?? []);
}

function advisoryOf(json: unknown, where: string): Advisory | undefined {
  if (!isObject(json) || typeof json['id'] !== 'string' || json['id'] === '') {
    throw malformed(where, 'it is no OSV record: it has no "id"');
  }
  if (json['withdrawn'] !== undefined) return undefined;
  const { id } = json;
  return {
    id,
    aliases: texts(json['aliases']),
    summary: textOf(json['summary']) ?? textOf(json['details'])?.split('\n')[0] ?? '',
    severity: severityOf(json),
    url: urlOf(json['references']),
    affected: listOf(json['affected']).flatMap((one) => affectedOf(one) ?? []),
  };
}

function affectedOf(json: unknown): AffectedPackage | undefined {
  const { package: pkg, versions, ranges } = isObject(json) ? json : {};
  if (!isObject(pkg) || typeof pkg['name'] !== 'string') return undefined;
  const ecosystem = ECOSYSTEMS[(textOf(pkg['ecosystem']) ?? '').split(':')[0] ?? ''];
  if (ecosystem === undefined || !ECOSYSTEM_NAMES.includes(ecosystem)) return undefined;
  const name =
    ecosystem === 'pypi' ? pkg['name'].toLowerCase().replaceAll(/[-_.]+/g, '-') : pkg['name'];
  return {
    ecosystem,
    name,
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

function severityOf(json: Record<string, unknown>): string | undefined {
  const specific = json['database_specific'];
  const word = isObject(specific) ? textOf(specific['severity']) : undefined;
  if (word !== undefined) return word.toLowerCase();
  const [first] = listOf(json['severity']);
  return isObject(first) ? textOf(first['score']) : undefined;
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

function malformed(where: string, problem: string, cause?: unknown): XError {
  return new XError('INPUT_MALFORMED', `${where}: ${problem}`, {
    hint: 'OSV files come from osv.dev: one JSON object an advisory (https://ossf.github.io/osv-schema/).',
    cause,
  });
}
