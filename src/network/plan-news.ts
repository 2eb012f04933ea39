import { BOUNDS } from '../domain/bounds.js';
import type { BundleEntry } from '../domain/bundle.js';
import type { EcosystemName, PlannedArtifact } from '../domain/plan.js';
import { isAnnounceable } from './announcements.js';
import type { Hint } from './seen-versions.js';

/** What was known before a plan was made. */
export interface KnownBefore {
  /** Of all bundles. */
  entriesByName(
    ecosystem: EcosystemName,
    name: string,
  ): readonly Pick<BundleEntry, 'kind' | 'version' | 'private'>[];
  /** Whether some bundle keeps this name private. */
  isPrivate(ecosystem: EcosystemName, name: string): boolean;
  /** Whether `a` comes after `b`; false where either is no version. */
  isNewer(ecosystem: EcosystemName, a: string, b: string): boolean;
}

/** What others look for news of; nobody asks a Debian index again for a hint. */
const HINTED: ReadonlySet<EcosystemName> = new Set(['pypi', 'npm']);

/**
 * The versions in a plan that are newer than all that was known of their packages: what others may like
 * to hear of, what the user asked for first, then what most require. Of a package that is seen for the
 * first time nothing is news, and of a name that is private anywhere nothing is told.
 */
export function newsOfPlan(artifacts: readonly PlannedArtifact[], known: KnownBefore): Hint[] {
  const secret = new Set(artifacts.filter((one) => one.private).map(idOf));
  const hints = new Map<string, { hint: Hint; weight: number }>();
  for (const artifact of artifacts) {
    const { ecosystem, name, version, requiredBy } = artifact;
    const hint: Hint = { type: 'version', ecosystem, name, version };
    const id = `${idOf(artifact)} ${version}`;
    if (hints.has(id) || !HINTED.has(ecosystem) || secret.has(idOf(artifact))) continue;
    if (!isForStrangers(artifact) || !isAnnounceable(hint)) continue;
    if (known.isPrivate(ecosystem, name) || !isNews(artifact, known)) continue;
    hints.set(id, { hint, weight: requiredBy.length === 0 ? Infinity : requiredBy.length });
  }
  return [...hints.values()]
    .sort((a, b) => (a.weight === b.weight ? 0 : b.weight - a.weight))
    .slice(0, BOUNDS.hintsOfPlan)
    .map(({ hint }) => hint);
}

function isNews({ ecosystem, name, version }: PlannedArtifact, known: KnownBefore): boolean {
  const entries = known.entriesByName(ecosystem, name);
  const before = entries.flatMap((entry) =>
    entry.kind === 'package' && entry.version !== undefined ? [entry.version] : [],
  );
  return before.length > 0 && before.every((one) => known.isNewer(ecosystem, version, one));
}

function isForStrangers({ private: isPrivate, url }: PlannedArtifact): boolean {
  return !isPrivate && /^https?:/.test(url);
}

function idOf({ ecosystem, name }: PlannedArtifact): string {
  return `${ecosystem} ${name}`;
}
