import { dirname, posix, resolve } from 'node:path';
import npa from 'npm-package-arg';
import { BOUNDS } from '../../domain/bounds.js';
import { isSafePath } from '../../domain/bundle.js';
import { XError } from '../../domain/errors.js';
import type { JsonObject } from '../../domain/plan.js';
import type { PurlLine } from '../../domain/purl.js';
import type { InputFile } from '../../ports/ecosystem.js';
import type { NpmFolder, NpmTree } from '../../ports/npm-registry.js';
import type { Architectures } from './locks/architectures.js';
import { checkFirstLocked, checkLocked, placeOf } from './locks/check-npm-lock.js';
import { clientPins, type ClientPin } from './client-pins.js';
import { isObject, parseJsonFile, strings } from './json.js';
import { isPackageName, nameOfPurl } from './names.js';

/** One thing that npm would install: a package.json, or a lockfile with what stands beside it. */
export interface NpmProject {
  /** For messages. */
  label: string;
  /** Where its .npmrc lies. */
  folder: string | undefined;
  manifest: JsonObject;
  lockfile: JsonObject | undefined;
  /** What a lockfile of another client locks; nothing is resolved then. */
  tree?: NpmTree;
  /** Optional dependencies that the project leaves out on purpose. */
  ignoredOptionals?: string[];
  /** What else than its own platform the project's client installs for. */
  architectures?: Architectures | undefined;
  folders: NpmFolder[];
  /** Folders of it that another client's lockfile tells of. */
  workspaces?: string[];
  /** The clients that its package.json names. */
  pins: ClientPin[];
  warnings: string[];
}

export type ReadFile = (path: string) => Promise<InputFile>;

export const DEPENDENCY_FIELDS = [
  'dependencies',
  'devDependencies',
  'optionalDependencies',
] as const;

/**
 * Reads a package.json.
 * @throws XError INPUT_MALFORMED with file:line:column.
 */
export async function readManifest(
  file: InputFile,
  readFile: ReadFile,
  workspaces: (folder: string, manifest: JsonObject) => Promise<NpmFolder[]>,
): Promise<NpmProject> {
  const manifest = parseJsonFile(file);
  checkDependencies(file, manifest);
  const folder = dirname(resolve(file.path));
  const project: NpmProject = {
    label: file.path,
    folder,
    manifest: { ...manifest },
    lockfile: undefined,
    folders: await workspaces(folder, manifest),
    ...pinsOf(file.path, manifest),
  };
  await takeLocalFolders(project, readFile);
  return project;
}

/**
 * Reads a package-lock.json or npm-shrinkwrap.json of version 1, 2 or 3.
 * @throws XError INPUT_MALFORMED.
 */
export async function readLockfile(file: InputFile, readFile: ReadFile): Promise<NpmProject> {
  const lockfile = parseJsonFile(file);
  const version = lockfile['lockfileVersion'];
  if (version !== undefined && version !== 1 && version !== 2 && version !== 3) {
    throw new XError(
      'INPUT_MALFORMED',
      `${file.path}: lockfileVersion ${JSON.stringify(version)}`,
      {
        hint: 'npm writes versions 1, 2 and 3.',
      },
    );
  }
  const sibling = await siblingManifest(readFile);
  const packages = lockfile['packages'];
  const project = {
    label: file.path,
    folder: dirname(resolve(file.path)),
    ...pinsOf(file.path, sibling ?? {}),
  };
  if (isObject(packages)) {
    checkLocked(file, packages);
    const root = isObject(packages['']) ? packages[''] : {};
    const overrides = sibling?.['overrides'];
    const manifest = { ...root, ...(overrides === undefined ? {} : { overrides }) };
    return { ...project, manifest, lockfile, folders: foldersOf(packages) };
  }
  if (packages !== undefined) {
    throw new XError('INPUT_MALFORMED', `${placeOf(file, '"packages"')}: "packages" is no object`, {
      hint: 'Write the lockfile again with "npm install --package-lock-only".',
    });
  }
  const locked = lockfile['dependencies'];
  if (!isObject(locked) && locked !== undefined) {
    throw new XError('INPUT_MALFORMED', `${file.path}: "dependencies" is no object`);
  }
  checkFirstLocked(file, locked ?? {});
  const dependencies = Object.fromEntries(
    Object.entries(locked ?? {}).flatMap(([name, entry]) =>
      isObject(entry) && typeof entry['version'] === 'string' && entry['optional'] !== true
        ? [[name, entry['version']]]
        : [],
    ),
  );
  return { ...project, manifest: sibling ?? { dependencies }, lockfile, folders: [] };
}

/** The clients that a project names, and what is to be said of them. */
export function pinsOf(label: string, manifest: JsonObject): Pick<NpmProject, 'pins' | 'warnings'> {
  const { pins, warnings } = clientPins(manifest);
  return { pins, warnings: warnings.map((warning) => `npm: ${label}: ${warning}`) };
}

/** A package.json that asks for what purl lines ask for; a name twice comes in under an alias. */
export function projectOfPurls(purls: readonly PurlLine[]): NpmProject {
  const dependencies: Record<string, string> = {};
  for (const line of purls) {
    const name = nameOfPurl(line.purl);
    const wanted = line.purl.version ?? '*';
    if (!isPackageName(name) || !isRegistrySpec(name, wanted)) {
      throw new XError(
        'INPUT_MALFORMED',
        `${line.file}:${line.line}: no npm package: ${line.text}`,
        {
          hint: 'Write pkg:npm/NAME@RANGE or pkg:npm/@SCOPE/NAME@RANGE; a range is semver or a dist-tag.',
        },
      );
    }
    if (dependencies[name] === undefined) dependencies[name] = wanted;
    else if (dependencies[name] !== wanted) {
      dependencies[`x-${Object.keys(dependencies).length}-${name.replace(/[@/]/g, '')}`] =
        `npm:${name}@${wanted}`;
    }
  }
  return {
    label: purls[0]?.file ?? 'purls',
    folder: undefined,
    manifest: { dependencies },
    lockfile: undefined,
    folders: [],
    pins: [],
    warnings: [],
  };
}

function isRegistrySpec(name: string, wanted: string): boolean {
  try {
    return ['version', 'range', 'tag'].includes(npa.resolve(name, wanted).type);
  } catch {
    // npm's parser refuses by throwing.
    return false;
  }
}

/** @throws XError INPUT_MALFORMED naming what npm would not accept as a dependency. */
function checkDependencies(file: InputFile, manifest: JsonObject): void {
  for (const field of [...DEPENDENCY_FIELDS, 'peerDependencies']) {
    const table = manifest[field];
    if (table === undefined) continue;
    if (!isObject(table)) {
      throw new XError(
        'INPUT_MALFORMED',
        `${placeOf(file, `"${field}"`)}: "${field}" is no object`,
      );
    }
    for (const [name, wanted] of Object.entries(table)) {
      if (isPackageName(name) && typeof wanted === 'string') continue;
      throw new XError(
        'INPUT_MALFORMED',
        `${placeOf(file, JSON.stringify(name))}: no dependency: ${JSON.stringify(name)}: ${JSON.stringify(wanted)}`.slice(
          0,
          400,
        ),
        { hint: 'A dependency is "name": "range".' },
      );
    }
  }
}

function foldersOf(packages: JsonObject): NpmFolder[] {
  return Object.entries(packages).flatMap(([path, manifest]) =>
    path !== '' && !path.includes('node_modules/') && isObject(manifest)
      ? [{ path, manifest }]
      : [],
  );
}

/** The package.json beside a lockfile; undefined where there is none. */
export async function siblingManifest(readFile: ReadFile): Promise<JsonObject | undefined> {
  try {
    return parseJsonFile(await readFile('package.json'));
  } catch (thrown) {
    if (thrown instanceof XError && thrown.code === 'INPUT_NOT_FOUND') return undefined;
    throw thrown;
  }
}

/**
 * `file:` folders inside the project are linked by npm: what they need is resolved too. Other local
 * addresses travel with the project, not with a bundle.
 */
async function takeLocalFolders(project: NpmProject, readFile: ReadFile): Promise<void> {
  const pending: { path: string; manifest: JsonObject }[] = [
    { path: '', manifest: project.manifest },
  ];
  const seen = new Set(project.folders.map(({ path }) => path));
  for (const { path, manifest } of pending) {
    for (const field of DEPENDENCY_FIELDS) {
      for (const [name, spec] of Object.entries(strings(manifest[field]))) {
        if (!/^(file|link):/.test(spec)) continue;
        const local = posix.normalize(posix.join(path, spec.replace(/^(file|link):/, '')));
        if (seen.has(local) || local === '.') continue;
        const found =
          seen.size < BOUNDS.inputFiles ? await localManifest(local, readFile) : undefined;
        if (found === undefined) throw localPath(project.label, name, spec);
        seen.add(local);
        const folder = { path: local, manifest: { ...found } };
        project.folders.push(folder);
        pending.push(folder);
      }
    }
  }
}

async function localManifest(path: string, readFile: ReadFile): Promise<JsonObject | undefined> {
  if (!isSafePath(path) || /\.(tgz|tar\.gz|tar)$/.test(path)) return undefined;
  try {
    return parseJsonFile(await readFile(`${path}/package.json`));
  } catch (thrown) {
    if (thrown instanceof XError && thrown.code === 'INPUT_NOT_FOUND') return undefined;
    throw thrown;
  }
}

/** A folder of the project travels with it, and what it needs is carried; of other files nothing is known here. */
function localPath(label: string, name: string, spec: string): XError {
  return new XError(
    'NOT_RESOLVABLE',
    `npm: ${label}: "${name}": "${spec.slice(0, 200)}" is no folder of the project with a package.json, so what it needs is not known, and nothing would install it elsewhere`,
    {
      hint: 'Move it into the project (as a workspace, or a folder that file: names), or publish it to a registry, or put its tarball on a web server.',
    },
  );
}

/**
 * What a project asks for of a registry and cannot do without: names to ranges. Its own folders, and
 * what is refused or left out elsewhere (files, git, URLs), are not among them. Which version, a
 * lockfile has chosen, and it may differ from the range: of one, the names alone count.
 */
export function askedBy(
  { manifest, folders, lockfile, tree }: NpmProject,
  dev: boolean,
): Record<string, string> {
  // The reader has found an entry for each of them already.
  if (tree !== undefined) return {};
  const optional = strings(manifest['optionalDependencies']);
  const own = new Set(folders.map((folder) => folder.manifest['name']));
  const asked = {
    ...(dev ? strings(manifest['devDependencies']) : {}),
    ...strings(manifest['dependencies']),
  };
  return Object.fromEntries(
    Object.entries(asked).flatMap(([name, spec]) => {
      const real = own.has(name) || optional[name] !== undefined ? undefined : realName(name, spec);
      if (real === undefined) return [];
      return [lockfile === undefined ? [name, spec] : [real, '*']];
    }),
  );
}

/** The name that a registry knows it by; undefined for what is of none. */
function realName(name: string, spec: string): string | undefined {
  try {
    const parsed = npa.resolve(name, spec);
    const real = parsed.type === 'alias' ? parsed.subSpec : parsed;
    return real?.registry === true ? (real.name ?? undefined) : undefined;
  } catch {
    // npm's parser refuses by throwing; the plan has said so.
    return undefined;
  }
}
