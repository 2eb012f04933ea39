import { readFile } from 'node:fs/promises';
import { systemCodeOf } from '../../domain/errors.js';

/**
 * The codename of the release that a machine runs; undefined where it says none.
 * @see os-release(5), VERSION_CODENAME
 */
export async function machineRelease(path: string): Promise<string | undefined> {
  try {
    const text = await readFile(path, 'utf8');
    return /^VERSION_CODENAME=["']?([a-z][a-z0-9-]*)["']?\s*$/m.exec(text)?.[1];
  } catch (error) {
    if (systemCodeOf(error) === 'ENOENT') return undefined;
    throw error;
  }
}
