import { existsSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../../../', import.meta.url));
const folder = process.env['X_VECTORS'] ?? resolve(root, '../shared/vectors');

/** The reason to skip a test of this vector file, or false where the file is there. */
export function missing(file: string): string | false {
  return existsSync(join(folder, file))
    ? false
    : `no reference vectors: ${file} is not in X_VECTORS`;
}

/** The cases of a vector file; the caller has asked `missing` first. */
export function readVectors<T>(file: string): T {
  return JSON.parse(readFileSync(join(folder, file), 'utf8')) as T;
}
