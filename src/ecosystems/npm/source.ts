import { basename } from 'node:path';
import type { EcosystemSource, InputFile } from '../../ports/ecosystem.js';
import type { NpmFolder, NpmRegistry } from '../../ports/npm-registry.js';
import type { JsonObject } from '../../domain/plan.js';
import type { Upstream } from '../../ports/upstream.js';
import type { AdvisoryFeed } from './advisories/document.js';
import { isObject } from './json.js';
import { formatTarget } from '../../domain/target.js';
import { readForeignLock } from './locks/read-foreign-lock.js';
import { planProjects } from './plan.js';
import {
  askedBy,
  projectOfPurls,
  readLockfile,
  readManifest,
  type NpmProject,
  type ReadFile,
} from './project.js';
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
  /** The registries' keys for attestations; npm's own by default. */
  attestationKeys?: readonly RegistryKey[];
  /** What attestations are fetched with; without it none are. */
  upstream?: Pick<Upstream, 'read'>;
  /** What the bundle is to carry of them is what is about its packages. */
  advisories?: AdvisoryFeed | undefined;
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
      const workspaces = (folder: string, manifest: JsonObject): Promise<NpmFolder[]> =>
        registry.workspaces(folder, manifest);
      const requirements = await readProject(kindOf(file), file, readFile, workspaces);
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
        notNewerThan: request.notNewerThan,
        report: request.report,
        signal: request.signal,
      });
    },
    seal: (request) =>
      sealPackages(request, {
        keys: keys(),
        attestationKeys: options.attestationKeys ?? registryKeys('npm:attestations'),
        upstream: options.upstream,
        roots,
        advisories: options.advisories,
      }),
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
    /^__metadata:$/m.test(text.slice(0, 500)) ||
    /^lockfileVersion: '?[0-9.]+'?$/m.test(text.slice(0, 500))
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

function readProject(
  kind: InputKind | undefined,
  file: InputFile,
  readFile: ReadFile,
  workspaces: (folder: string, manifest: JsonObject) => Promise<NpmFolder[]>,
): Promise<NpmProject> {
  if (kind === 'lockfile') return readLockfile(file, readFile);
  if (kind === 'foreign-lockfile') return readForeignLock(file, readFile, workspaces);
  return readManifest(file, readFile, workspaces);
}
