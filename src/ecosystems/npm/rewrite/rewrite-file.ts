import { basename, dirname, resolve } from 'node:path';
import type { InputFile } from '../../../ports/ecosystem.js';
import { ForeignAddresses } from './foreign-addresses.js';
import { rewriteManifest } from './manifest.js';
import { rewriteNpmLock } from './npm-lock.js';
import { rewritePnpmLock } from './pnpm-lock.js';
import { rewriteYarnLock } from './yarn-lock.js';

/**
 * The copy of a project's file whose addresses point at the gateway.
 * @param foreign what comes from elsewhere than a registry, by the folders of the projects.
 * @throws XError INPUT_MALFORMED.
 */
export async function rewriteFile(
  kind: 'manifest' | 'lockfile' | 'foreign-lockfile',
  file: InputFile,
  gateway: string,
  foreign: ReadonlyMap<string, ForeignAddresses>,
): Promise<InputFile | undefined> {
  const addresses = addressesFor(file, foreign);
  if (kind === 'manifest') return rewriteManifest(file, gateway, addresses);
  if (kind === 'lockfile') return rewriteNpmLock(file, gateway, addresses);
  const isPnpm = basename(file.path) === 'pnpm-lock.yaml' || /^lockfileVersion:/m.test(file.text);
  return isPnpm
    ? await rewritePnpmLock(file, gateway, addresses)
    : rewriteYarnLock(file, gateway, addresses);
}

/** Those of the project that a file belongs to: its own folder's, or the nearest above. */
function addressesFor(
  { path }: InputFile,
  foreign: ReadonlyMap<string, ForeignAddresses>,
): ForeignAddresses {
  for (let folder = dirname(resolve(path)); ; folder = dirname(folder)) {
    const found = foreign.get(folder);
    if (found !== undefined) return found;
    if (dirname(folder) === folder) return new ForeignAddresses();
  }
}
