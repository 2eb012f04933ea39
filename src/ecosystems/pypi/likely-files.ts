import { BOUNDS } from '../../domain/bounds.js';
import type { IndexFile } from './index-page.js';
import { compareVersions, isPreRelease } from './version.js';

const ANY = /^py(?:2\.py)?3-none-any$/;

export interface LikelyFiles<F> {
  /** Whose METADATA is likely to be asked for. */
  metadata: F[];
  artifacts: F[];
}

/**
 * What whoever asked for a project's page will most likely ask for next, of its newest release that is
 * neither yanked nor a pre-release: METADATA of its wheels, and the wheel that fits everywhere, or the
 * sdist where there is no wheel. Which of many wheels for platforms is wanted nobody knows.
 */
export function likelyFiles<F extends IndexFile>(files: readonly F[]): LikelyFiles<F> {
  const stable = files.filter(
    ({ parsed, yanked }) => yanked === undefined && !isPreRelease(parsed.version),
  );
  let newest = stable[0];
  for (const file of stable) {
    if (newest && compareVersions(file.parsed.version, newest.parsed.version) > 0) newest = file;
  }
  const version = newest?.parsed.version;
  const release = stable.filter(
    ({ parsed }) => version && compareVersions(parsed.version, version) === 0,
  );
  const wheels = release.filter(({ parsed }) => parsed.kind === 'wheel');
  const anywhere = wheels.filter(
    ({ parsed }) => parsed.kind === 'wheel' && parsed.tags.some((tag) => ANY.test(tag)),
  );
  return {
    metadata: wheels.slice(0, BOUNDS.prefetchedOfOne),
    artifacts: (wheels.length === 0 ? release : anywhere).slice(0, 1),
  };
}
