import { existsSync } from 'node:fs';
import { ZipVolumeReader } from '../archive/zip-reader.js';
import { readContents, type BundleContents } from '../operations/bundle-contents.js';
import { systemClock } from '../platform/clock.js';
import type { DataFolder } from './open-data.js';
import type { Printer } from './printer.js';

/** The contents of a bundle that a user named: one of this machine, or volumes by their path. */
export async function contentsOf(
  { catalog }: DataFolder,
  printer: Printer,
  what: string,
): Promise<BundleContents> {
  const deps = { catalog, clock: systemClock, reader: new ZipVolumeReader() };
  const isHeld = catalog.bundles().some(({ id, name }) => id === what || name === what);
  const isBundle = isHeld || !existsSync(what);
  const contents = await readContents(deps, isBundle ? { bundle: what } : { path: what });
  if (!contents.isPinned) {
    const message = `"${contents.bundle}" is signed by ${contents.source}, which this machine does not trust yet`;
    printer.report({ event: 'warning', message });
  }
  return contents;
}
