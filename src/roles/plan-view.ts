import type { Origin, Plan } from '../domain/plan.js';
import { findStored } from '../operations/fetch-artifacts.js';
import type { ReadableBlobs } from '../ports/store.js';
import { formatBytes, table } from './printer.js';

/** A plan as `--dry-run --json` prints it. */
export function planDocument(
  plan: Plan,
  { store, marked }: Record<'store' | 'marked', Pick<ReadableBlobs, 'stat' | 'findBySha512'>>,
): unknown {
  return {
    name: plan.name,
    targets: plan.targets,
    artifacts: plan.artifacts.map((artifact) => {
      const origin: Origin = findStored(store, artifact)
        ? 'store'
        : artifact.url.startsWith('file:') || findStored(marked, artifact)
          ? 'local'
          : 'upstream';
      const {
        purl,
        ecosystem,
        name,
        version,
        filename,
        sizeBytes,
        digests,
        proof,
        requiredBy,
        targets,
      } = artifact;
      return {
        purl,
        ecosystem,
        name,
        version,
        filename,
        ...(sizeBytes === undefined ? {} : { size: sizeBytes }),
        digests,
        origin,
        proof,
        requiredBy,
        targets,
        ...(artifact.private ? { private: true } : {}),
      };
    }),
    warnings: plan.warnings,
  };
}

/** How many artifacts of each ecosystem a plan has. */
export function countsOf(plan: Plan): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { ecosystem } of plan.artifacts) counts[ecosystem] = (counts[ecosystem] ?? 0) + 1;
  return counts;
}

/** A plan as a person reads it. */
export function planLines(plan: Plan): string[] {
  const rows = plan.artifacts.map((artifact) => [
    artifact.ecosystem,
    artifact.name,
    artifact.version,
    artifact.sizeBytes === undefined ? '' : formatBytes(artifact.sizeBytes),
    artifact.proof,
    artifact.requiredBy.length === 0
      ? 'asked for'
      : `for ${artifact.requiredBy.map(shortName).slice(0, 3).join(', ')}${artifact.requiredBy.length > 3 ? '…' : ''}`,
  ]);
  return [
    `Plan "${plan.name}" for ${plan.targets.join(' and ')}:`,
    ...table([['ecosystem', 'name', 'version', 'size', 'proof', 'why'], ...rows]).map(
      (line) => `  ${line}`,
    ),
    summaryOf(plan),
  ];
}

/** `12 files, at least 3.4 MB: 7 pypi, 3 npm, 2 debian`: npm's registry does not say how large a file is. */
export function summaryOf(plan: Plan): string {
  const known = plan.artifacts.reduce((sum, { sizeBytes }) => sum + (sizeBytes ?? 0), 0);
  const all = plan.artifacts.every(({ sizeBytes }) => sizeBytes !== undefined);
  const counts = Object.entries(countsOf(plan)).map(([name, count]) => `${count} ${name}`);
  const files = plan.artifacts.length === 1 ? '1 file' : `${plan.artifacts.length} files`;
  const size = known === 0 ? 'size unknown' : `${all ? '' : 'at least '}${formatBytes(known)}`;
  return `${files}, ${size}: ${counts.join(', ')}`;
}

function shortName(purl: string): string {
  return decodeURIComponent(purl.replace(/^pkg:[^/]+\//, '').replace(/@[^@]*$/, ''));
}
