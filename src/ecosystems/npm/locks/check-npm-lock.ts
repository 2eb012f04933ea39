import { posix } from 'node:path';
import { isSafePath } from '../../../domain/bundle.js';
import { XError } from '../../../domain/errors.js';
import type { JsonObject } from '../../../domain/plan.js';
import type { InputFile } from '../../../ports/ecosystem.js';
import { isObject } from '../json.js';
import { isPackageName, isVersion } from '../names.js';
import { addressKind } from './address.js';

/** Where a text stands in a file: file:line:column. */
export function placeOf(file: InputFile, text: string): string {
  const at = Math.max(file.text.indexOf(text), 0);
  const before = file.text.slice(0, at).split('\n');
  return `${file.path}:${before.length}:${(before.at(-1) ?? '').length + 1}`;
}

/** @throws XError INPUT_MALFORMED where a lockfile names what cannot be a package. */
export function checkLocked(file: InputFile, packages: JsonObject): void {
  for (const [location, entry] of Object.entries(packages)) {
    const name = lockedName(location, entry);
    const version = isObject(entry) ? entry['version'] : undefined;
    const isPackage =
      location.includes('node_modules/') && isObject(entry) && entry['link'] !== true;
    const nameOk = !isPackage || (name !== undefined && isPackageName(name));
    const versionOk =
      !isPackage || version === undefined || (typeof version === 'string' && isVersion(version));
    if (isObject(entry) && nameOk && versionOk && (location === '' || isSafePath(location)))
      continue;
    if (location.startsWith('../') && !location.includes('node_modules/')) {
      const place = placeOf(file, JSON.stringify(location));
      throw new XError('NOT_RESOLVABLE', `${place}: ${location} lies outside the project`, {
        hint: 'Only what lies in the project’s own folder travels with it: make it a workspace, or publish it.',
      });
    }
    throw new XError(
      'INPUT_MALFORMED',
      `${placeOf(file, JSON.stringify(location))}: no locked package: ${JSON.stringify(location)}`.slice(
        0,
        400,
      ),
      { hint: 'Write the lockfile again with "npm install --package-lock-only".' },
    );
  }
}

/**
 * The same of version 1, where dependencies lie in each other.
 * @throws XError INPUT_MALFORMED; NOT_RESOLVABLE for a folder outside the project.
 */
export function checkFirstLocked(file: InputFile, locked: JsonObject): void {
  const pending: JsonObject[] = [locked];
  for (const table of pending) {
    for (const [name, entry] of Object.entries(table)) {
      const version = isObject(entry) ? entry['version'] : undefined;
      if (!isPackageName(name) || !isObject(entry) || !isLockedVersion(version)) {
        throw new XError(
          'INPUT_MALFORMED',
          `${placeOf(file, JSON.stringify(name))}: no locked package: ${JSON.stringify(name)}: ${JSON.stringify(version ?? null)}`.slice(
            0,
            400,
          ),
          { hint: 'Write the lockfile again with "npm install --package-lock-only".' },
        );
      }
      if (isObject(entry['dependencies'])) pending.push(entry['dependencies']);
    }
  }
}

/** A version, an alias, or an address; a folder only below the project. */
function isLockedVersion(version: unknown): boolean {
  if (typeof version !== 'string') return false;
  const folder = /^file:(.*)$/.exec(version)?.[1];
  if (folder !== undefined) return isSafePath(posix.normalize(folder));
  return (
    isVersion(version) ||
    /^(?:npm:@?[^@]+@|[a-z]+(?:\+[a-z]+)?:)/.test(version) ||
    addressKind(version) === 'git'
  );
}

/** The package of a lockfile location: its `name` where it is an alias, else the folder's. */
export function lockedName(location: string, entry: unknown): string | undefined {
  if (isObject(entry) && typeof entry['name'] === 'string') return entry['name'];
  const at = location.lastIndexOf('node_modules/');
  return at < 0 ? undefined : location.slice(at + 'node_modules/'.length);
}
