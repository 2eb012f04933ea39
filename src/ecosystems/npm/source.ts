import { basename, posix } from 'node:path';
import { XError } from '../../domain/errors.js';
import type { EcosystemSource, InputFile } from '../../ports/ecosystem.js';
import type { NpmRegistry } from '../../ports/npm-registry.js';
import { isObject } from './json.js';
import { formatTarget } from '../../domain/target.js';
import { planProjects } from './plan.js';
import { askedBy, projectOfPurls, readLockfile, readManifest, type NpmProject } from './project.js';
import { registryKeys } from './registry-keys.js';
import { rewriteLockfile } from './rewrite.js';
import { sealPackages } from './seal.js';
import type { RootRequirements } from './second-walk.js';
import type { RegistryKey } from './signatures.js';

export interface NpmSourceOptions {
  registry: NpmRegistry;
  /** Whether devDependencies are carried too; npm installs them unless told otherwise, so yes by default. */
  dev?: boolean;
  /** Registries that are public beside npm's official one. */
  publicIndexes?: readonly string[];
  /** The registries' signing keys; npm's own by default. */
  keys?: readonly RegistryKey[];
}

type InputKind = 'manifest' | 'lockfile' | 'foreign-lockfile';

/** The source's half of npm: package.json, lockfiles and purls to a proved bundle. */
export function createNpmSource(options: NpmSourceOptions): EcosystemSource<NpmProject> {
  const { registry, publicIndexes = [] } = options;
  const keys = (): readonly RegistryKey[] => options.keys ?? registryKeys();
  /** Of the last plan: a seal follows it in one process. */
  let roots: RootRequirements[] = [];
  return {
    name: 'npm',
    purlType: 'npm',
    claims: (file) => kindOf(file) !== undefined,
    async read(file, readFile) {
      const kind = kindOf(file);
      if (kind === 'foreign-lockfile') throw foreignLockfile(file);
      const requirements =
        kind === 'lockfile'
          ? await readLockfile(file, readFile)
          : await readManifest(file, readFile, (folder, manifest) =>
              registry.workspaces(folder, manifest),
            );
      return { requirements, nested: [], purls: [] };
    },
    async plan(request) {
      const projects = [...request.requirements];
      if (request.purls.length > 0) projects.push(projectOfPurls(request.purls));
      const dev = options.dev ?? !(await registry.settings()).omit.includes('dev');
      const targets = request.targets.map(formatTarget);
      roots = projects.map((project) => ({
        label: project.label,
        dependencies: askedBy(project, dev),
        targets,
      }));
      return planProjects(projects, request.targets, {
        registry,
        keys: keys(),
        dev,
        publicIndexes,
        report: request.report,
        signal: request.signal,
      });
    },
    seal: (request) => sealPackages(request, keys(), roots),
    rewriteInput(file, gateway) {
      return kindOf(file) === 'lockfile' ? rewriteLockfile(file, gateway) : undefined;
    },
  };
}

function kindOf(file: InputFile): InputKind | undefined {
  switch (basename(file.path)) {
    case 'package.json':
      return 'manifest';
    case 'package-lock.json':
    case 'npm-shrinkwrap.json':
      return 'lockfile';
    case 'yarn.lock':
    case 'pnpm-lock.yaml':
      return 'foreign-lockfile';
    default:
      return kindOfContent(file.text);
  }
}

const MANIFEST_MEMBERS = ['dependencies', 'devDependencies', 'optionalDependencies', 'workspaces'];

function kindOfContent(text: string): InputKind | undefined {
  if (
    /^# yarn lockfile v1$/m.test(text.slice(0, 500)) ||
    /^__metadata:$/m.test(text.slice(0, 500))
  ) {
    return 'foreign-lockfile';
  }
  if (!/^\uFEFF?\s*\{/.test(text)) return undefined;
  try {
    const json: unknown = JSON.parse(text.replace(/^\uFEFF/, ''));
    if (!isObject(json)) return undefined;
    if (typeof json['lockfileVersion'] === 'number') return 'lockfile';
    return MANIFEST_MEMBERS.some((member) => isObject(json[member])) ? 'manifest' : undefined;
  } catch {
    // Broken JSON under a name of its own is nobody's package.json.
    return undefined;
  }
}

function foreignLockfile(file: InputFile): XError {
  const folder = posix.dirname(file.path.replaceAll('\\', '/'));
  const tool = basename(file.path) === 'pnpm-lock.yaml' ? 'pnpm' : 'Yarn';
  return new XError('INPUT_MALFORMED', `${file.path}: lockfiles of ${tool} cannot be read yet`, {
    hint: `Give ${posix.join(folder, 'package.json')} instead, or a package-lock.json made with "npm install --package-lock-only".`,
  });
}
