import { existsSync } from 'node:fs';
import { readFile, readdir, stat } from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { BOUNDS } from '../domain/bounds.js';
import { XError } from '../domain/errors.js';
import { canonicalArch } from '../domain/target.js';
import type { OwnFile, OwnProgram } from '../ports/runtime.js';

/** Where this program's package.json is. */
export const OWN_FOLDER = fileURLToPath(new URL('../../../', import.meta.url));

/** A Node that carries its own libraries is larger than this; a distribution's is a small file and many others. */
const WHOLE_NODE_BYTES = 40 << 20;

/** What a package carries that nothing runs. */
const NOT_RUN = /\.(map|ts|mts|cts|md|markdown|flow|tsbuildinfo)$/;
const LICENCE = /^(licen[cs]e|notice|copying)/i;
/** Sources that a package's binaries were built of. */
const SOURCES = /^better-sqlite3\/(deps|src)(\/|$)/;

interface PackageJson {
  version: string;
  files?: string[];
  dependencies?: Record<string, string>;
  optionalDependencies?: Record<string, string>;
}

/** This program and the Node that runs it. */
export class RunningProgram implements OwnProgram {
  readonly platform = ownPlatform();
  readonly node = process.version;
  readonly #folder: string;

  constructor(
    readonly version: string,
    folder = OWN_FOLDER,
  ) {
    this.#folder = folder;
  }

  async files(): Promise<OwnFile[]> {
    const node = { path: process.execPath, name: 'bin/node' };
    if (process.platform !== 'linux' || (await stat(node.path)).size < WHOLE_NODE_BYTES) {
      throw new XError('RUNTIME_UNSUITED', `the Node at ${node.path} cannot be taken along`, {
        hint: 'It needs files beside it, or is for no Linux: run x on the Node that it brings (node_modules/.bin/node).',
      });
    }
    const found: OwnFile[] = [node];
    const { files = [] } = await packageJson(this.#folder);
    for (const name of ['package.json', ...files]) {
      await addFiles(found, join(this.#folder, name), `app/${name}`);
    }
    for (const [name, folder] of await packages(this.#folder)) {
      await addFiles(found, folder, `app/${name}`, name.replace(/^.*node_modules\//, ''));
    }
    return found.sort((a, b) => (a.name < b.name ? -1 : 1));
  }
}

/** `linux/amd64/glibc`. */
function ownPlatform(): string {
  const os = { darwin: 'macos', win32: 'windows' }[process.platform as string] ?? process.platform;
  const base = `${os}/${canonicalArch(process.arch)}`;
  if (process.platform !== 'linux') return base;
  const { header } = process.report.getReport() as { header: { glibcVersionRuntime?: string } };
  return `${base}/${header.glibcVersionRuntime === undefined ? 'musl' : 'glibc'}`;
}

/** The packages that run, by their folder below the program's, as Node finds them. */
async function packages(root: string): Promise<Map<string, string>> {
  const found = new Map<string, string>();
  const queue = [root];
  for (let folder = queue.pop(); folder !== undefined; folder = queue.pop()) {
    const { dependencies, optionalDependencies } = await packageJson(folder);
    for (const name of Object.keys({ ...optionalDependencies, ...dependencies })) {
      const at = lookUp(folder, name);
      if (at === undefined) {
        if (optionalDependencies?.[name] !== undefined) continue;
        throw new XError('RUNTIME_UNSUITED', `${name}, which ${folder} needs, is not installed`, {
          hint: 'Install x’s own packages again.',
        });
      }
      const inside = relative(root, at);
      // Installed beside x rather than below it: below it there is room for one of each name.
      const key = inside.startsWith('..') ? `node_modules/${name}` : inside;
      if (found.has(key)) continue;
      found.set(key, at);
      queue.push(at);
    }
  }
  return found;
}

function lookUp(from: string, name: string): string | undefined {
  for (let at = from; ; at = dirname(at)) {
    const folder = join(at, 'node_modules', name);
    if (existsSync(join(folder, 'package.json'))) return folder;
    if (dirname(at) === at) return undefined;
  }
}

async function packageJson(folder: string): Promise<PackageJson> {
  return JSON.parse(await readFile(join(folder, 'package.json'), 'utf8')) as PackageJson;
}

/** @param within what the file is called in its package. */
async function addFiles(found: OwnFile[], path: string, name: string, within = ''): Promise<void> {
  const status = await stat(path).catch(() => undefined);
  if (status?.isDirectory() === true) {
    for (const child of (await readdir(path)).sort()) {
      if (child === 'node_modules' || child === '.bin') continue;
      const below = within === '' ? '' : `${within}/${child}`;
      await addFiles(found, join(path, child), `${name}/${child}`, below);
    }
  } else if (status?.isFile() === true && isRun(name, within)) {
    found.push({ path, name });
  }
  if (found.length > BOUNDS.runtimeFiles) {
    throw new XError('LIMIT_EXCEEDED', `${OWN_FOLDER} holds more files than x has`);
  }
}

function isRun(name: string, within: string): boolean {
  const last = name.slice(name.lastIndexOf('/') + 1);
  if (SOURCES.test(within) || (NOT_RUN.test(last) && !LICENCE.test(last))) return false;
  if (!within.includes('/prebuilds/')) return true;
  const own = [`${process.platform}-${process.arch}`, `${process.platform}musl-${process.arch}`];
  return own.some((platform) => within.includes(`/prebuilds/${platform}`));
}
