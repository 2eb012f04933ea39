import type { OfferedFile } from './indexes.js';
import { satisfies, type SpecifierSet } from './specifier.js';
import type { TargetPackages } from './target-packages.js';
import { compareVersions } from './version.js';

type Misfits = Pick<TargetPackages, 'misfit'>;

const LISTED_FILES = 3;

/** What the files of a name that would meet a range, but do not fit the target, lack: the newest of each kind. */
export function filesApart(
  offered: readonly OfferedFile[],
  range: SpecifierSet,
  packages: Misfits,
): string[] {
  const newest = new Map<string, OfferedFile>();
  for (const file of offered) {
    if (!satisfies(range, file.parsed.version)) continue;
    const misfit = packages.misfit(file);
    if (misfit === undefined) continue;
    const known = newest.get(misfit.reason);
    const isNewer =
      known === undefined || compareVersions(file.parsed.version, known.parsed.version) > 0;
    if (isNewer) newest.set(misfit.reason, file);
  }
  return [...newest.values()].slice(0, LISTED_FILES).flatMap((file) => {
    const misfit = packages.misfit(file);
    return misfit === undefined ? [] : `${file.filename} ${misfit.reason}: ${misfit.way}.`;
  });
}

/** Why none of a name's files fits, and what to change. */
export function otherFiles(offered: readonly OfferedFile[], packages: Misfits): string {
  const count = offered.length === 1 ? 'is 1 file' : `are ${offered.length} files`;
  return [
    `There ${count}, and none for this target.`,
    ...filesApart(offered, [], packages),
    'Or name a folder with a wheel for this target with --find-links.',
  ].join('\n');
}
