import { posix } from 'node:path';
import type { AptFile } from '../../../ports/apt.js';
import { parseAptConfiguration } from './configuration.js';

/** Where apt keeps the packages that it fetched (`Dir::Cache::archives`). */
export function aptArchives(files: readonly AptFile[]): string {
  const configuration = parseAptConfiguration(files);
  const of = (name: string, fallback: string): string => configuration.get(name) || fallback;
  return posix.resolve(
    of('dir', '/'),
    of('dir::cache', 'var/cache/apt'),
    of('dir::cache::archives', 'archives'),
  );
}
