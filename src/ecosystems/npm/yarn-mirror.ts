import { BOUNDS } from '../../domain/bounds.js';
import type { CatalogEntry } from '../../ports/catalog.js';
import type { HeldView } from '../../ports/ecosystem.js';
import { tarballEntry } from './held-packages.js';

/** The folder, below the run's own. */
export const YARN_MIRROR = 'npm/yarn-mirror';

/**
 * Yarn 1 asks the hosts that its lockfile names, whatever registry is configured. What it looks at
 * before them is its offline mirror, a folder of tarballs: the held ones of a lockfile, under the
 * names that it looks for. Yarn checks their integrity by the lockfile as always.
 * @see https://classic.yarnpkg.com/blog/2016/11/24/offline-mirror/
 */
export function yarnMirror(
  lockfile: string | undefined,
  view: HeldView,
): { path: string; entry: CatalogEntry }[] {
  const placed = new Map<string, CatalogEntry>();
  // Only Yarn 1 writes addresses; a newer Yarn's lockfile has none, and needs no mirror.
  for (const match of (lockfile ?? '').matchAll(/^ {2}resolved "?([^"\s]+)"?$/gm)) {
    if (placed.size >= BOUNDS.placedBlobs) break;
    const [, address = ''] = match;
    const found = URL.canParse(address) ? mirrored(new URL(address), view) : undefined;
    if (found !== undefined) placed.set(found.file, found.entry);
  }
  return [...placed].map(([file, entry]) => ({ path: `${YARN_MIRROR}/${file}`, entry }));
}

/** The name is Yarn's own: scope and base name of the address. */
function mirrored(address: URL, view: HeldView): { file: string; entry: CatalogEntry } | undefined {
  const path = address.pathname.replaceAll(/%2f/gi, '/');
  const match = /\/((?:(@[^/]+)\/)?[^/]+)\/(?:-|_attachments)\/(?:@[^/]+\/)?([\w.+@~-]+)$/.exec(
    path,
  );
  if (match === null) return undefined;
  const [, name = '', scope, base = ''] = match;
  const entry = tarballEntry(view, name, base);
  if (entry === undefined) return undefined;
  return { file: scope === undefined ? base : `${scope}-${base}`, entry };
}
