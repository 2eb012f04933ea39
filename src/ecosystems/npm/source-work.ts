import { resolve } from 'node:path';
import { BOUNDS } from '../../domain/bounds.js';
import { isSafePath } from '../../domain/bundle.js';
import { XError } from '../../domain/errors.js';
import { formatTarget } from '../../domain/target.js';
import type { JsonObject } from '../../domain/plan.js';
import type { EcosystemSource, InputFile } from '../../ports/ecosystem.js';
import type { NpmFolder } from '../../ports/npm-registry.js';
import { kindOf, type InputKind } from './input-kind.js';
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
import type { ForeignAddresses } from './rewrite/foreign-addresses.js';
import { rewriteFile } from './rewrite/rewrite-file.js';
import { sealPackages } from './seal.js';
import type { RootRequirements } from './second-walk.js';
import type { RegistryKey } from './signatures.js';
import type { NpmSourceOptions } from './source.js';

/** What a source does with npm's inputs once there are any. */
export type NpmWork = Pick<EcosystemSource<NpmProject>, 'read' | 'plan' | 'seal' | 'rewriteInput'>;

/** package.json, lockfiles and purls to a proved bundle. */
export function openNpmWork(options: NpmSourceOptions): NpmWork {
  const { registry, publicIndexes = [] } = options;
  const keys = (): readonly RegistryKey[] => options.keys ?? registryKeys();
  /** Of the last plan: a seal follows it in one process. */
  let roots: RootRequirements[] = [];
  let foreign = new Map<string, ForeignAddresses>();
  return {
    async read(file, readFile) {
      const workspaces = (folder: string, manifest: JsonObject): Promise<NpmFolder[]> =>
        registry.workspaces(folder, manifest);
      const requirements = await readProject(kindOf(file), file, readFile, workspaces);
      const nested = await manifestsBeside(requirements, file, readFile);
      return { requirements, nested, purls: [] };
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
      foreign = new Map();
      return planProjects(projects, request.targets, {
        foreign,
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
    async rewriteInput(file, gateway) {
      const kind = kindOf(file);
      return kind === undefined ? undefined : await rewriteFile(kind, file, gateway, foreign);
    },
  };
}

/**
 * The package.json files that belong to an input: the one beside a lockfile, and those of workspaces. They
 * travel with it, for a lockfile is nothing without them.
 */
async function manifestsBeside(
  { folders, workspaces }: NpmProject,
  file: InputFile,
  readFile: ReadFile,
): Promise<InputFile[]> {
  const paths = ['.', ...folders.map(({ path }) => path), ...(workspaces ?? [])];
  const found: InputFile[] = [];
  for (const path of new Set(paths)) {
    const inside = path === '.' ? 'package.json' : `${path}/package.json`;
    if (!isSafePath(inside) || found.length >= BOUNDS.inputFiles) continue;
    try {
      const manifest = await readFile(inside);
      if (resolve(manifest.path) !== resolve(file.path)) found.push(manifest);
    } catch (thrown) {
      if (!(thrown instanceof XError) || thrown.code !== 'INPUT_NOT_FOUND') throw thrown;
    }
  }
  return found;
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
