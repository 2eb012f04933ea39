import { basename, dirname, resolve } from 'node:path';
import type { InputFile } from '../../../ports/ecosystem.js';
import type { NpmFolder } from '../../../ports/npm-registry.js';
import type { JsonObject } from '../../../domain/plan.js';
import { isObject, list } from '../json.js';
import { pinsOf, siblingManifest, type NpmProject, type ReadFile } from '../project.js';
import { architecturesOf } from './architectures.js';
import { importersOf, readPnpmLock } from './pnpm-lock.js';
import { readYarnLock } from './yarn-lock.js';

/**
 * Reads a yarn.lock or a pnpm-lock.yaml, with the package.json that stands beside it.
 * @throws XError INPUT_MALFORMED.
 */
export async function readForeignLock(
  file: InputFile,
  readFile: ReadFile,
  workspaces: (folder: string, manifest: JsonObject) => Promise<NpmFolder[]>,
): Promise<NpmProject> {
  const manifest = await siblingManifest(readFile);
  const folder = dirname(resolve(file.path));
  const isPnpm = basename(file.path) === 'pnpm-lock.yaml' || /^lockfileVersion:/m.test(file.text);
  const folders = isPnpm || manifest === undefined ? [] : await workspaces(folder, manifest);
  const tree = isPnpm ? await readPnpmLock(file) : await readYarnLock(file, { manifest, folders });
  const pnpm = isObject(manifest?.['pnpm']) ? manifest['pnpm'] : {};
  return {
    label: file.path,
    folder,
    manifest: manifest ?? {},
    lockfile: undefined,
    tree,
    ignoredOptionals: [
      ...list(pnpm['ignoredOptionalDependencies']),
      ...(tree.ignoredOptionals ?? []),
    ],
    architectures: await architecturesOf(isPnpm ? 'pnpm' : 'yarn', manifest, readFile),
    folders: [],
    workspaces: isPnpm ? importersOf(tree) : folders.map(({ path }) => path),
    ...pinsOf(file.path, manifest ?? {}),
  };
}
