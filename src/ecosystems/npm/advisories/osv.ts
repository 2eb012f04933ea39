import semver from 'semver';
import type {
  Advisory as OsvAdvisory,
  AffectedPackage as OsvAffected,
  AffectedRange,
} from '../../../domain/osv.js';
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
  /** Undefined where it is of other ecosystems. */
  advisory: Advisory | undefined;
  warnings: string[];
}

const MAX_TITLE = 256;
const MAX_VECTOR = 300;

/** What an advisory says of npm's packages, in the words that npm's audit answers in. */
export function npmAdvisory(record: OsvAdvisory): ParsedAdvisory {
  const { id, aliases, summary, cwe, modified } = record;
  const warnings: string[] = [];
  const affected = record.affected
    .filter(({ ecosystem }) => ecosystem === 'npm')
    .map((one) => affectedOf(one, warnings));
  if (affected.length === 0) return { advisory: undefined, warnings: [] };
  const scores = record.vectors.map((vector) => ({
    score: baseScore(vector) ?? 0,
    vectorString: vector.slice(0, MAX_VECTOR),
  }));
  const cvss = scores.sort((a, b) => b.score - a.score)[0] ?? { score: 0, vectorString: null };
  const url = /^GHSA-/.test(id)
    ? `https://github.com/advisories/${id}`
    : `https://osv.dev/vulnerability/${encodeURIComponent(id)}`;
  return {
    advisory: {
      id,
      aliases,
      title: (summary === '' ? id : summary).slice(0, MAX_TITLE),
      url,
      severity: severityOf(id, record.severity, cvss.score),
      cwe,
      cvss,
      modified,
      affected,
    },
    warnings: warnings.map((warning) => `${id}: ${warning}`),
  };
}

/** The database's own word; else by the score; malicious packages are always critical. */
function severityOf(id: string, said: string | undefined, score: number): Severity {
  const word = (said ?? '').toLowerCase().replace('medium', 'moderate');
  if (['low', 'moderate', 'high', 'critical'].includes(word)) return word as Severity;
  if (id.startsWith('MAL-') || score >= 9) return 'critical';
  if (score >= 7) return 'high';
  return score > 0 && score < 4 ? 'low' : 'moderate';
}

function affectedOf({ name, versions, ranges }: OsvAffected, warnings: string[]): AffectedPackage {
  const spans = ranges.map((range) => spanOf(range, name, warnings));
  const listed = versions.filter((version) => semver.valid(version, true) !== null);
  const vulnerable = [...spans, ...listed];
  const patched = ranges.flatMap(({ fixed }) => {
    const version = fixed === undefined ? null : semver.valid(fixed, true);
    return version === null ? [] : [`>=${version}`];
  });
  return {
    name,
    vulnerable: vulnerable.length === 0 ? '*' : vulnerable.join(' || '),
    patched: patched.at(-1) ?? '<0.0.0',
  };
}

/** What cannot be read counts as all versions. */
function spanOf(range: AffectedRange, name: string, warnings: string[]): string {
  const { introduced, fixed, lastAffected } = range;
  const bounds = [introduced, fixed, lastAffected].filter((bound) => bound !== undefined);
  const odd = bounds.find((bound) => bound !== '0' && semver.valid(bound, true) === null);
  if (odd !== undefined) {
    const shown = JSON.stringify(odd).slice(0, 100);
    warnings.push(`${name}: ${shown} is no version, so all are taken as affected`);
    return '*';
  }
  const clean = (version: string): string => semver.valid(version, true) ?? version;
  const from = introduced === '0' ? '' : `>=${clean(introduced)}`;
  const to =
    fixed !== undefined
      ? `<${clean(fixed)}`
      : lastAffected !== undefined
        ? `<=${clean(lastAffected)}`
        : '';
  return [from, to].filter((part) => part !== '').join(' ') || '*';
}
