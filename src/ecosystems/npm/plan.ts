import { BOUNDS } from '../../domain/bounds.js';
import { XError } from '../../domain/errors.js';
import type { EcosystemPlan, PlannedArtifact } from '../../domain/plan.js';
import { formatTarget, type Target } from '../../domain/target.js';
import type { Report } from '../../ports/progress.js';
import type { NpmTree, NpmTreeNode } from '../../ports/npm-registry.js';
import { artifactsOf, type ArtifactOptions, type Selected } from './artifacts.js';
import { closureFor, label } from './closure.js';
import { isObject, strings } from './json.js';
import { completeTree } from './locks/complete.js';
import { isPackageName, isVersion, npmPurl } from './names.js';
import { refuseNewer } from './age.js';
import { nodeVersionOf, platformOf } from './platform.js';
import type { NpmProject } from './project.js';
import { LEFT_OUT } from './second-walk.js';

export interface PlanOptions extends ArtifactOptions {
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
      for (const target of group) select(tree, target, project, options.dev, selected, warnings);
    }
  }
  const artifacts = await artifactsOf([...selected.values()], options, warnings);
  refuseNewer(artifacts, options.notNewerThan, warnings);
  warnAboutScripts(artifacts, warnings);
  return { artifacts, warnings: [...warnings] };
}

async function treeOf(
  project: NpmProject,
  nodeVersion: string | undefined,
  options: PlanOptions,
): Promise<NpmTree> {
  const { registry, signal, notNewerThan: before } = options;
  const { manifest, lockfile, folders, folder: at } = project;
  const request = { manifest, lockfile, folders, project: at, nodeVersion, before, signal };
  const tree = project.tree ?? (await registry.tree(request));
  if (tree.taken !== true) return tree;
  const ignored = project.ignoredOptionals ?? [];
  return completeTree(tree, { registry, folder: at, ignored, before });
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

function select(
  tree: NpmTree,
  target: Target,
  project: NpmProject,
  dev: boolean,
  selected: Map<string, Selected>,
  warnings: Set<string>,
): void {
  const targetId = formatTarget(target);
  const closure = closureFor(tree, platformOf(target), { targetId, dev });
  for (const { node, requiredBy } of closure.missing) {
    warnings.add(
      `npm: optional dependency ${node.name} of ${requiredBy} is left out: ${node.failure ?? ''}. ` +
        'A lockfile that names it without a version is one that "npm ci" refuses',
    );
  }
  const byId = new Map(tree.nodes.map((node) => [node.id, node]));
  for (const id of closure.included) {
    const node = byId.get(id);
    if (node === undefined) continue;
    const entry = node.kind === 'registry' ? entryOf(node, project, selected) : undefined;
    entry?.targets.add(targetId);
    if (entry === undefined) refuseOthers(node, project, warnings);
    else for (const name of node.leftOut ?? []) entry.overrides[name] = LEFT_OUT;
    for (const edge of node.edges) {
      if (node.kind === 'root' && edge.type === 'dev' && !dev) continue;
      const to =
        edge.to !== undefined && closure.included.has(edge.to) ? byId.get(edge.to) : undefined;
      if (to?.kind === 'registry') link(node, entry, edge, entryOf(to, project, selected));
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
  if (entry === undefined) {
    required.asked ||= node.kind !== 'bundled';
    return;
  }
  entry.requires.add(npmPurl(required.name, required.version));
  required.requiredBy.add(npmPurl(node.name, node.version));
  if (edge.overridden) entry.overrides[edge.name] = edge.spec;
}

/** @throws XError UPSTREAM_MALFORMED where a name or version could not be a package's. */
function entryOf(
  node: NpmTreeNode,
  project: NpmProject,
  selected: Map<string, Selected>,
): Selected {
  if (!isPackageName(node.name) || !isVersion(node.version)) {
    const shown = JSON.stringify(`${node.name}@${node.version}`).slice(0, 300);
    throw new XError('UPSTREAM_MALFORMED', `npm: ${shown} can be no package's name and version`);
  }
  const purl = npmPurl(node.name, node.version);
  let entry = selected.get(purl);
  if (entry === undefined) {
    if (selected.size >= BOUNDS.planArtifacts) {
      throw new XError('LIMIT_EXCEEDED', `npm: more than ${BOUNDS.planArtifacts} packages`);
    }
    entry = {
      name: node.name,
      version: node.version,
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

/** @throws XError NOT_RESOLVABLE for git and URL dependencies, which no registry serves. */
function refuseOthers(node: NpmTreeNode, project: NpmProject, warnings: Set<string>): void {
  if (node.kind !== 'other') return;
  if (node.resolved?.startsWith('file:') === true) {
    warnings.add(
      `npm: ${label(node)} (${node.resolved}) comes with the project and is not carried`,
    );
    return;
  }
  throw new XError(
    'NOT_RESOLVABLE',
    `npm: ${project.label}: ${label(node)} comes from ${node.resolved ?? 'no registry'}, which is no registry`,
    { hint: 'X carries packages of registries only; depend on a published version instead.' },
  );
}

/** Install scripts that need nothing from outside. */
const HARMLESS = /^(node-gyp-build|exit 0|echo .*|husky( install)?|true)$/;
const NAMES_IN_A_LINE = 12;

/** Install scripts run on the isolated machine, and many fetch a binary there. */
function warnAboutScripts(artifacts: readonly PlannedArtifact[], warnings: Set<string>): void {
  const scripted = artifacts.filter(({ detail }) => {
    const manifest = detail['manifest'];
    if (!isObject(manifest) || manifest['hasInstallScript'] !== true) return false;
    const scripts = Object.values(strings(detail['scripts']));
    return scripts.length === 0 || !scripts.every((script) => HARMLESS.test(script.trim()));
  });
  if (scripted.length === 0) return;
  const shown = scripted.slice(0, NAMES_IN_A_LINE).map(({ name, version }) => `${name}@${version}`);
  const more = scripted.length > shown.length ? ` and ${scripted.length - shown.length} more` : '';
  warnings.add(
    `npm: install scripts, which may need the internet or a compiler where they run: ${shown.join(', ')}${more}`,
  );
}
