import semver from 'semver';
import { XError } from '../../../domain/errors.js';
import type { JsonObject, JsonValue } from '../../../domain/plan.js';
import { isObject, list } from '../json.js';
import { baseScore } from './cvss.js';

export type Severity = 'info' | 'low' | 'moderate' | 'high' | 'critical';

/** What an advisory says of one package. */
export interface AffectedPackage {
  name: string;
  /** A semver range of the versions that are affected. */
  vulnerable: string;
  /** A semver range of those that mend it; `<0.0.0` where none does. */
  patched: string;
}

/** One advisory about packages of npm, reduced to what clients show. */
export interface Advisory {
  /** `GHSA-…`, `MAL-…`, `CVE-…`. */
  id: string;
  aliases: string[];
  title: string;
  url: string;
  severity: Severity;
  cwe: string[];
  cvss: { score: number; vectorString: string | null };
  /** ISO 8601. */
  modified: string;
  affected: AffectedPackage[];
}

export interface ParsedAdvisory {
  /** Undefined where it was withdrawn or is of another ecosystem. */
  advisory: Advisory | undefined;
  warnings: string[];
}

const MAX_TITLE = 256;
const MAX_LISTED = 64;

/**
 * Reads one advisory in the OSV format.
 * @param where the file, and the place in it where it holds several.
 * @throws XError INPUT_MALFORMED, every bad field named.
 * @see https://ossf.github.io/osv-schema/
 */
export function parseOsv(json: unknown, where: string): ParsedAdvisory {
  const problems: string[] = [];
  const record = isObject(json) ? json : {};
  if (!isObject(json)) problems.push('it is no JSON object');
  const id = record['id'];
  if (typeof id !== 'string' || id === '' || id.length > 200) problems.push('"id" is no name');
  const modified = record['modified'];
  if (!isTime(modified)) problems.push('"modified" is no time');
  const withdrawn = record['withdrawn'];
  if (withdrawn !== undefined && withdrawn !== null && !isTime(withdrawn)) {
    problems.push('"withdrawn" is no time');
  }
  const affected = record['affected'] ?? [];
  if (!Array.isArray(affected)) problems.push('"affected" is no list');
  const parts = (Array.isArray(affected) ? affected : []).map((part, at) =>
    readAffected(part, `"affected[${at}]"`),
  );
  problems.push(...parts.flatMap((part) => part.problems));
  if (problems.length > 0) {
    throw new XError('INPUT_MALFORMED', `${where}: no OSV advisory: ${problems.join('; ')}`, {
      hint: 'Give advisories in the OSV format (https://ossf.github.io/osv-schema/), as osv.dev and GitHub export them.',
    });
  }
  const ofNpm = parts.flatMap(({ affected: one }) => one ?? []);
  if (isTime(withdrawn) || ofNpm.length === 0) return { advisory: undefined, warnings: [] };
  const warnings = parts.flatMap((part) => part.warnings.map((text) => `${String(id)}: ${text}`));
  return { advisory: { ...headOf(record), affected: ofNpm }, warnings };
}

function headOf(record: JsonObject): Omit<Advisory, 'affected'> {
  const id = String(record['id']);
  const own = isObject(record['database_specific']) ? record['database_specific'] : {};
  const vectors = Array.isArray(record['severity']) ? record['severity'] : [];
  const scores = vectors.flatMap((one) => {
    const vector = isObject(one) ? one['score'] : undefined;
    if (typeof vector !== 'string') return [];
    return [{ score: baseScore(vector) ?? 0, vectorString: vector.slice(0, 300) }];
  });
  const cvss = scores.sort((a, b) => b.score - a.score)[0] ?? { score: 0, vectorString: null };
  const text = [record['summary'], record['details'], id].find(
    (one) => typeof one === 'string' && one.trim() !== '',
  );
  return {
    id,
    aliases: list(record['aliases']).slice(0, MAX_LISTED),
    title: String(text).trim().split('\n')[0]?.slice(0, MAX_TITLE) ?? id,
    url: /^GHSA-/.test(id)
      ? `https://github.com/advisories/${id}`
      : `https://osv.dev/vulnerability/${encodeURIComponent(id)}`,
    severity: severityOf(id, own['severity'], cvss.score),
    cwe: list(own['cwe_ids']).slice(0, MAX_LISTED),
    cvss,
    modified: new Date(String(record['modified'])).toISOString(),
  };
}

/** The database's own word; else by the score; malicious packages are always critical. */
function severityOf(id: string, said: JsonValue | undefined, score: number): Severity {
  const word = typeof said === 'string' ? said.toLowerCase().replace('medium', 'moderate') : '';
  if (['low', 'moderate', 'high', 'critical'].includes(word)) return word as Severity;
  if (id.startsWith('MAL-') || score >= 9) return 'critical';
  if (score >= 7) return 'high';
  return score > 0 && score < 4 ? 'low' : 'moderate';
}

interface ReadAffected {
  affected: AffectedPackage | undefined;
  problems: string[];
  warnings: string[];
}

function readAffected(part: JsonValue, place: string): ReadAffected {
  const found = isObject(part) ? part['package'] : undefined;
  // A part without a package speaks of commits alone.
  if (isObject(part) && found === undefined)
    return { affected: undefined, problems: [], warnings: [] };
  const { ecosystem, name } = isObject(found) ? found : {};
  if (!isObject(part) || typeof ecosystem !== 'string' || typeof name !== 'string') {
    const problem = `${place} names no package and ecosystem`;
    return { affected: undefined, problems: [problem], warnings: [] };
  }
  if (ecosystem !== 'npm') return { affected: undefined, problems: [], warnings: [] };
  const { ranges = [], versions = [] } = part;
  if (!Array.isArray(ranges) || !Array.isArray(versions)) {
    const problem = `${place}: its ranges or versions are no list`;
    return { affected: undefined, problems: [problem], warnings: [] };
  }
  const warnings: string[] = [];
  const spans = ranges.flatMap((range) => spansOf(range, warnings));
  const listed = list(versions).filter((version) => semver.valid(version, true) !== null);
  const vulnerable = [...spans.map(({ range }) => range), ...listed];
  const patched = spans.flatMap(({ fixed }) => (fixed === undefined ? [] : [`>=${fixed}`]));
  return {
    affected: {
      name,
      vulnerable: vulnerable.length === 0 ? '*' : vulnerable.join(' || '),
      patched: patched.at(-1) ?? '<0.0.0',
    },
    problems: [],
    warnings: warnings.map((warning) => `${name}: ${warning}`),
  };
}

interface Span {
  range: string;
  fixed: string | undefined;
}

/** Events in turn: introduced, then fixed or last affected. What cannot be read counts as all versions. */
function spansOf(range: JsonValue, warnings: string[]): Span[] {
  if (!isObject(range) || range['type'] === 'GIT') return [];
  const events = Array.isArray(range['events']) ? range['events'].filter(isObject) : [];
  const spans: Span[] = [];
  let from: string | undefined;
  for (const event of events) {
    const { introduced, fixed, last_affected: last } = event;
    const bound = introduced ?? fixed ?? last;
    if (bound === undefined) continue;
    const version = typeof bound === 'string' ? versionOf(bound) : undefined;
    if (version === undefined) {
      warnings.push(
        `${JSON.stringify(bound).slice(0, 100)} is no version, so all are taken as affected`,
      );
      return [{ range: '*', fixed: undefined }];
    }
    if (introduced !== undefined) {
      from = version;
      continue;
    }
    const start = from === undefined || from === '0' ? '' : `>=${from} `;
    spans.push({
      range: `${start}${fixed === undefined ? '<=' : '<'}${version}`,
      fixed: fixed === undefined ? undefined : version,
    });
    from = undefined;
  }
  if (from !== undefined) spans.push({ range: from === '0' ? '*' : `>=${from}`, fixed: undefined });
  return spans;
}

function versionOf(text: string): string | undefined {
  return text === '0' ? '0' : (semver.valid(text, true) ?? undefined);
}

function isTime(value: unknown): value is string {
  return (
    typeof value === 'string' && /^\d{4}-\d\d-\d\dT/.test(value) && !Number.isNaN(Date.parse(value))
  );
}
