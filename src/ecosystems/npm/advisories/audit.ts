import semver from 'semver';
import { BOUNDS } from '../../../domain/bounds.js';
import { sha256 } from '../../../domain/digest.js';
import type { JsonObject, JsonValue } from '../../../domain/plan.js';
import { isObject, list } from '../json.js';
import type { Advisory, AffectedPackage } from './osv.js';

/**
 * What a client asks: `{"name": ["version", …]}`; the problem as a text where it asks something else.
 * @see npm help audit, "Bulk Advisory Endpoint"
 */
export function readBulkRequest(json: JsonValue): Map<string, string[]> | string {
  if (!isObject(json)) return 'an audit request is an object of names and their versions';
  const entries = Object.entries(json);
  if (entries.length > BOUNDS.auditedPackages) return `more than ${BOUNDS.auditedPackages} names`;
  for (const [name, versions] of entries) {
    if (!Array.isArray(versions) || versions.some((one) => typeof one !== 'string')) {
      return `the versions of ${JSON.stringify(name).slice(0, 214)} are no list of texts`;
    }
  }
  return new Map(entries.map(([name, versions]) => [name, list(versions)]));
}

/** The answer of the bulk endpoint: the advisories that one of the versions asked for is affected by. */
export function bulkAnswer(
  asked: ReadonlyMap<string, readonly string[]>,
  advisories: readonly Advisory[],
): JsonObject {
  const answer = new Map<string, JsonObject[]>();
  for (const advisory of advisories) {
    for (const affected of advisory.affected) {
      const versions = asked.get(affected.name) ?? [];
      if (!versions.some((version) => isAffected(version, affected))) continue;
      const { title, url, severity, cwe, cvss } = advisory;
      const one = { id: numberOf(advisory), url, title, severity, cwe, cvss };
      const known = answer.get(affected.name) ?? [];
      answer.set(affected.name, [...known, { ...one, vulnerable_versions: affected.vulnerable }]);
    }
  }
  return Object.fromEntries(answer);
}

/** Clients want numbers; the same advisory has the same one always. */
function numberOf({ id }: Advisory): number {
  return Number.parseInt(sha256(Buffer.from(id)).slice(0, 8), 16) & 0x7f_ff_ff_ff;
}

function isAffected(version: string, { vulnerable }: AffectedPackage): boolean {
  return semver.satisfies(version, vulnerable, { includePrerelease: true, loose: true });
}

/** One package of an audited tree, and how it came there. */
interface Installed {
  name: string;
  version: string;
  path: string;
}

/**
 * What older clients ask: a tree as lockfiles of version 1 write it, for pnpm below one entry a project.
 * @returns the problem as a text where it is none.
 */
export function readTreeRequest(json: JsonValue): Installed[] | string {
  if (!isObject(json) || !isObject(json['dependencies'])) {
    return 'an audit request is an object with a tree of dependencies';
  }
  const found: Installed[] = [];
  const pending: { table: JsonObject; path: string; depth: number }[] = [
    { table: json['dependencies'], path: '', depth: 0 },
  ];
  for (const { table, path, depth } of pending) {
    if (depth > BOUNDS.auditedDepth) return `deeper than ${BOUNDS.auditedDepth} levels`;
    for (const [name, node] of Object.entries(table)) {
      if (!isObject(node)) return `${JSON.stringify(name).slice(0, 214)} is no package`;
      if (found.length >= BOUNDS.auditedPackages)
        return `more than ${BOUNDS.auditedPackages} packages`;
      const { version, dependencies } = node;
      const below = path === '' ? name : `${path}>${name}`;
      if (typeof version === 'string') found.push({ name, version, path: below });
      if (isObject(dependencies))
        pending.push({ table: dependencies, path: below, depth: depth + 1 });
    }
  }
  return found;
}

const MAX_PATHS = 64;

/** The answer of the older endpoints, which npm 6, Yarn 1 and pnpm up to 10 read. */
export function treeAnswer(
  installed: readonly Installed[],
  advisories: readonly Advisory[],
): JsonObject {
  const byName = Map.groupBy(installed, ({ name }) => name);
  const counts = { info: 0, low: 0, moderate: 0, high: 0, critical: 0 };
  const answered: Record<string, JsonObject> = {};
  const resolves: JsonObject[] = [];
  for (const advisory of advisories) {
    for (const affected of advisory.affected) {
      const hit = (byName.get(affected.name) ?? []).filter(({ version }) =>
        isAffected(version, affected),
      );
      if (hit.length === 0) continue;
      counts[advisory.severity] += hit.length;
      const id = numberOf(advisory);
      answered[String(id)] = oldAdvisory(id, advisory, affected, hit);
      for (const { path } of hit.slice(0, MAX_PATHS)) {
        resolves.push({ id, path, dev: false, optional: false, bundled: false });
      }
    }
  }
  return {
    actions: resolves.length === 0 ? [] : [{ action: 'review', module: '', resolves }],
    advisories: answered,
    muted: [],
    metadata: {
      vulnerabilities: counts,
      dependencies: installed.length,
      devDependencies: 0,
      optionalDependencies: 0,
      totalDependencies: installed.length,
    },
  };
}

function oldAdvisory(
  id: number,
  advisory: Advisory,
  affected: AffectedPackage,
  hit: readonly Installed[],
): JsonObject {
  const byVersion = Map.groupBy(hit, ({ version }) => version);
  const { aliases, title, url, severity, cwe, cvss, modified } = advisory;
  return {
    id,
    findings: [...byVersion].map(([version, group]) => ({
      version,
      paths: group.slice(0, MAX_PATHS).map(({ path }) => path),
      dev: false,
      optional: false,
      bundled: false,
    })),
    title,
    module_name: affected.name,
    cves: aliases.filter((alias) => alias.startsWith('CVE-')),
    vulnerable_versions: affected.vulnerable,
    patched_versions: affected.patched,
    severity,
    cwe: cwe[0] ?? '',
    cvss,
    url,
    overview: title,
    recommendation: '',
    references: url,
    access: 'public',
    updated: modified,
    created: modified,
    github_advisory_id: advisory.id,
  };
}
