import { BOUNDS } from '../../domain/bounds.js';
import { XError, type ErrorCode } from '../../domain/errors.js';
import type { EcosystemPlan } from '../../domain/plan.js';
import { formatTarget, type Target } from '../../domain/target.js';
import type { Report } from '../../ports/progress.js';
import type {
  NpmForeign,
  NpmRegistry,
  NpmTree,
  NpmTreeNode,
  NpmTreeRequest,
} from '../../ports/npm-registry.js';
import { artifactsOf, type ArtifactOptions, type Selected } from './artifacts.js';
import { closureFor, label, type Closure } from './closure.js';
import { bringForeign, foreignAsked, foreignFile, refusePrepared } from './foreign.js';
import { addExtras } from './extras.js';
import { installWarnings } from './install-warnings.js';
import { platformsBeside } from './locks/architectures.js';
import { completeTree } from './locks/complete.js';
import { isObject } from './json.js';
import { missingWarnings } from './missing-optionals.js';
import { isPackageName, isVersion, npmPurl } from './names.js';
import { refuseNewer } from './age.js';
import { comesWithOldNpm, nodeVersionOf, platformOf } from './platform.js';
import type { NpmProject } from './project.js';
import { ForeignAddresses, type StandIn } from './rewrite/foreign-addresses.js';
import { LEFT_OUT } from './second-walk.js';

export interface PlanOptions extends ArtifactOptions {
  /** Where to note what comes from elsewhere than a registry, by the project's folder. */
  foreign?: Map<string, ForeignAddresses> | undefined;
  /** Whether the project's own devDependencies are wanted. */
  dev: boolean;
  /** Nothing that was published after it is carried. */
  notNewerThan?: Date | undefined;
  report: Report;
  signal?: AbortSignal | undefined;
}

/** @throws XError as EcosystemSource.plan. */
export async function planProjects(
  projects: readonly NpmProject[],
  targets: readonly Target[],
  options: PlanOptions,
): Promise<EcosystemPlan> {
  const selected = new Map<string, Selected>();
  const warnings = new Set<string>(projects.flatMap((project) => project.warnings));
  for (const project of projects) {
    for (const [nodeVersion, group] of byNodeVersion(project, targets)) {
      options.signal?.throwIfAborted();
      options.report({ event: 'step', text: `Resolving npm packages of ${project.label}` });
      const tree = await treeOf(project, nodeVersion, options);
      for (const warning of tree.warnings) warnings.add(`npm: ${project.label}: ${warning}`);
      const closures = group.map((target) => ({
        targetId: formatTarget(target),
        ...closureFor(tree, platformOf(target), {
          targetId: formatTarget(target),
          dev: options.dev,
          beside: platformsBeside(platformOf(target), project.architectures),
          everyPlatform: project.lockfile !== undefined && comesWithOldNpm(target),
        }),
      }));
      const included = new Set(closures.flatMap((closure) => [...closure.included]));
      refuseStrayFolders(tree, included, project);
      const foreign = await bringForeign(tree, included, options.registry, project);
      noteForeign(tree, foreign, project, options.foreign);
      const selection = { tree, project, dev: options.dev, foreign, selected, warnings };
      for (const closure of closures) select(closure, selection);
      for (const warning of missingWarnings(closures.flatMap(({ missing }) => missing))) {
        warnings.add(
          `npm: ${warning}. "npm ci" refuses a lockfile that names one without a version`,
        );
      }
    }
  }
  let artifacts = await artifactsOf([...selected.values()], options, warnings);
  const { registry, notNewerThan } = options;
  const extras = { projects, targets, selected, artifacts, registry, notNewerThan, warnings };
  if (await addExtras(extras)) {
    artifacts = await artifactsOf([...selected.values()], options, warnings);
  }
  refuseNewer(artifacts, options.notNewerThan, warnings);
  for (const warning of installWarnings(artifacts)) warnings.add(warning);
  return { artifacts, warnings: [...warnings] };
}

/** Notes which carried tarball stands in for which address, so that the project's files can be rewritten. */
function noteForeign(
  tree: NpmTree,
  foreign: ReadonlyMap<string, NpmForeign>,
  { folder }: NpmProject,
  noted: PlanOptions['foreign'],
): void {
  if (folder === undefined || noted === undefined || foreign.size === 0) return;
  const addresses = noted.get(folder) ?? new ForeignAddresses();
  noted.set(folder, addresses);
  const standIns = new Map<string, StandIn>();
  for (const { id, name, version, resolved } of tree.nodes) {
    const brought = foreign.get(id);
    if (brought === undefined) continue;
    const { address, digests } = brought;
    const filename = foreignFile(name, version, address);
    const standIn = { name, version, filename, sha512: digests.sha512 };
    standIns.set(id, standIn);
    for (const known of [resolved ?? '', address]) addresses.add(known, standIn);
  }
  for (const { name, spec, asked, to } of tree.nodes.flatMap(({ edges }) => edges)) {
    const standIn = standIns.get(to ?? '');
    if (standIn === undefined) continue;
    for (const known of [spec, asked ?? spec]) addresses.addAsked(name, known, standIn);
  }
}

async function treeOf(
  project: NpmProject,
  nodeVersion: string | undefined,
  options: PlanOptions,
): Promise<NpmTree> {
  const { registry, signal, notNewerThan: before } = options;
  const { label, manifest, lockfile, folders, folder: at } = project;
  const request = { label, manifest, lockfile, folders, project: at, nodeVersion, before, signal };
  const tree = project.tree ?? (await builtTree(request, project, registry));
  if (tree.taken !== true) return tree;
  const ignored = project.ignoredOptionals ?? [];
  return completeTree(tree, { registry, folder: at, ignored, before });
}

const MAY_BE_AN_ADDRESS: ReadonlySet<ErrorCode> = new Set([
  'NOT_RESOLVABLE',
  'PACKAGE_NOT_FOUND',
  'UPSTREAM_REFUSED',
  'UPSTREAM_UNREACHABLE',
]);

/** npm's tree builder does not say which address failed it: then each is asked for by itself. */
async function builtTree(
  request: NpmTreeRequest,
  project: NpmProject,
  registry: NpmRegistry,
): Promise<NpmTree> {
  try {
    return await registry.tree(request);
  } catch (thrown) {
    if (!(thrown instanceof XError) || !MAY_BE_AN_ADDRESS.has(thrown.code)) throw thrown;
    for (const { name, kind, address } of foreignAsked(project)) {
      const foreign = await registry.foreign({ kind, address, project: project.folder });
      refusePrepared(name, foreign, project.label);
    }
    throw thrown;
  }
}

/** Versions are chosen for a Node version; a lockfile has chosen already. */
function byNodeVersion(
  project: NpmProject,
  targets: readonly Target[],
): Map<string | undefined, Target[]> {
  const groups = new Map<string | undefined, Target[]>();
  for (const target of targets) {
    const chosen = project.lockfile !== undefined || project.tree !== undefined;
    const key = chosen ? undefined : nodeVersionOf(target);
    groups.set(key, [...(groups.get(key) ?? []), target]);
  }
  return groups;
}

interface Selection {
  tree: NpmTree;
  project: NpmProject;
  dev: boolean;
  /** By node id: what no registry has. */
  foreign: ReadonlyMap<string, NpmForeign>;
  selected: Map<string, Selected>;
  warnings: Set<string>;
}

function select(closure: Closure & { targetId: string }, selection: Selection): void {
  const { tree, project, dev, warnings } = selection;
  const byId = new Map(tree.nodes.map((node) => [node.id, node]));
  for (const id of closure.included) {
    const node = byId.get(id);
    if (node === undefined) continue;
    const entry = entryOf(node, selection);
    entry?.targets.add(closure.targetId);
    if (entry === undefined) sayLocal(node, project, warnings);
    else for (const name of node.leftOut ?? []) entry.overrides[name] = LEFT_OUT;
    for (const edge of node.edges) {
      if (node.kind === 'root' && edge.type === 'dev' && !dev) continue;
      const to =
        edge.to !== undefined && closure.included.has(edge.to) ? byId.get(edge.to) : undefined;
      const required = to === undefined ? undefined : entryOf(to, selection);
      if (required !== undefined) link(node, entry, edge, required);
      // What the project itself has in a folder answers a published package too.
      else if (to?.kind === 'folder' && entry !== undefined) entry.overrides[edge.name] = LEFT_OUT;
    }
  }
}

/** Notes on both ends that one needs the other; what nobody selected needs is what was asked for. */
function link(
  node: NpmTreeNode,
  entry: Selected | undefined,
  edge: NpmTreeNode['edges'][number],
  required: Selected,
): void {
  if (required.foreign !== undefined) required.installedAs.add(edge.name);
  if (entry === undefined) {
    required.asked ||= node.kind !== 'bundled';
    return;
  }
  entry.requires.add(required.purl);
  required.requiredBy.add(entry.purl);
  if (edge.overridden) entry.overrides[edge.name] = edge.spec;
}

/**
 * What a node's bytes are; undefined for what comes with the project, or inside another package.
 * @throws XError UPSTREAM_MALFORMED where a name or version could not be a package's.
 */
function entryOf(node: NpmTreeNode, selection: Selection): Selected | undefined {
  const { project, selected } = selection;
  const foreign = selection.foreign.get(node.id);
  if (node.kind !== 'registry' && foreign === undefined) return undefined;
  if (!isPackageName(node.name) || !isVersion(node.version)) {
    const shown = JSON.stringify(`${node.name}@${node.version}`).slice(0, 300);
    throw new XError('UPSTREAM_MALFORMED', `npm: ${shown} can be no package's name and version`);
  }
  const purl = npmPurl(node.name, node.version, foreign);
  let entry = selected.get(purl);
  if (entry === undefined) {
    if (selected.size >= BOUNDS.planArtifacts) {
      throw new XError('LIMIT_EXCEEDED', `npm: more than ${BOUNDS.planArtifacts} packages`);
    }
    entry = {
      purl,
      name: node.name,
      version: node.version,
      foreign,
      installedAs: new Set(),
      folder: project.folder,
      integrities: new Set(),
      asked: false,
      requires: new Set(),
      requiredBy: new Set(),
      targets: new Set(),
      overrides: {},
    };
    selected.set(purl, entry);
  }
  if (node.integrity !== undefined) entry.integrities.add(node.integrity);
  return entry;
}

/**
 * A published package may name a folder of its author's machine: npm would link to whatever lies there.
 * @throws XError NOT_RESOLVABLE.
 */
function refuseStrayFolders(
  tree: NpmTree,
  included: ReadonlySet<string>,
  project: NpmProject,
): void {
  // Other clients' lockfiles say themselves what is a folder of the project; one of version 1 does not.
  if (project.tree !== undefined) return;
  if (project.lockfile !== undefined && !isObject(project.lockfile['packages'])) return;
  const own = new Set(project.folders.map(({ path }) => path));
  const stray = tree.nodes.find(
    ({ id, kind }) => kind === 'folder' && included.has(id) && !own.has(id),
  );
  if (stray === undefined) return;
  const by = tree.nodes.find(({ edges }) => edges.some(({ to }) => to === stray.id));
  throw new XError(
    'NOT_RESOLVABLE',
    `npm: ${project.label}: ${by === undefined ? 'a package' : label(by)} depends on a local folder (${stray.id.slice(0, 200)}) that is none of the project's`,
    { hint: 'Only its author has that folder. Use another version of it, or an override.' },
  );
}

/** A file of the project, which travels with it: its dependencies are carried, it is not. */
function sayLocal(node: NpmTreeNode, project: NpmProject, warnings: Set<string>): void {
  if (node.kind !== 'other') return;
  warnings.add(
    `npm: ${project.label}: ${label(node)} (${node.resolved ?? ''}) comes with the project and is not carried`,
  );
}
