import { BOUNDS } from '../../domain/bounds.js';
import { XError } from '../../domain/errors.js';
import type { PlannedArtifact } from '../../domain/plan.js';

/**
 * Holds a whole plan against the age gate. Ranges were resolved below it already; what is left is what
 * a lockfile names, which no other version is chosen for.
 * @throws XError NOT_RESOLVABLE naming what is newer.
 */
export function refuseNewer(
  artifacts: readonly PlannedArtifact[],
  notNewerThan: Date | undefined,
  warnings: Set<string>,
): void {
  if (notNewerThan === undefined) return;
  const newer: string[] = [];
  const undated: string[] = [];
  for (const { name, version, detail } of artifacts) {
    const { time } = detail;
    const publishedMs = typeof time === 'string' ? Date.parse(time) : Number.NaN;
    if (Number.isNaN(publishedMs)) undated.push(`${name}@${version}`);
    else if (publishedMs > notNewerThan.getTime()) {
      newer.push(`${name}@${version} (${new Date(publishedMs).toISOString()})`);
    }
  }
  if (newer.length > 0) {
    throw new XError(
      'NOT_RESOLVABLE',
      `npm: published after ${notNewerThan.toISOString()}: ${shown(newer)}`,
      {
        hint: 'The lockfile names them, and no other version is chosen for it: update it to older ones, or allow newer ones.',
      },
    );
  }
  if (undated.length > 0) {
    warnings.add(
      `npm: nothing says when these were published, so the age limit does not cover them: ${shown(undated)}`,
    );
  }
}

function shown(items: readonly string[]): string {
  const more = items.length - BOUNDS.shownProblems;
  return items.slice(0, BOUNDS.shownProblems).join(', ') + (more > 0 ? ` and ${more} more` : '');
}
