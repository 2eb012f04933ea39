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
import { rewriteLockfile } from './rewrite.js';
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
  return {
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
    rewriteInput: (file, gateway) =>
      Promise.resolve(kindOf(file) === 'lockfile' ? rewriteLockfile(file, gateway) : undefined),
  };
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
