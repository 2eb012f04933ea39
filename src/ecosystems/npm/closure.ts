import { XError } from '../../domain/errors.js';
import type { NpmEdgeType, NpmTree, NpmTreeEdge, NpmTreeNode } from '../../ports/npm-registry.js';
import type { MissingOptional } from './missing-optionals.js';
import { fitsEngine, fitsPlatform, type NpmPlatform } from './platform.js';

/** What npm would put on one target's disk. */
export interface Closure {
  /** Ids of the nodes, the root included. */
  included: Set<string>;
  /** Optional dependencies that no registry could deliver, with the reason. */
  missing: MissingOptional[];
}

const HARD: ReadonlySet<NpmEdgeType> = new Set(['prod', 'dev', 'peer', 'workspace']);

interface Graph {
  byId: Map<string, NpmTreeNode>;
  /** Edges that count for this walk, the root's dev edges left out where they are omitted. */
  edgesOf(node: NpmTreeNode): NpmTreeEdge[];
}

/**
 * The part of a tree that one platform gets: optional dependencies that do not fit are dropped with
 * all that only they need, as npm does on install. A client that does not look at platforms gets all.
 * @throws XError NOT_RESOLVABLE where something required does not fit the platform, or is not there.
 */
export function closureFor(
  tree: NpmTree,
  platform: NpmPlatform,
  options: {
    targetId: string;
    dev: boolean;
    everyPlatform?: boolean;
    /** Platforms whose packages the client installs as well. */
    beside?: readonly NpmPlatform[];
  },
): Closure {
  const byId = new Map(tree.nodes.map((node) => [node.id, node]));
  const graph: Graph = {
    byId,
    edgesOf: (node) =>
      options.dev ? node.edges : node.edges.filter((edge) => edge.type !== 'dev'),
  };
  const required = reach(graph, new Set(), (edge) => HARD.has(edge.type));
  const unfit = new Set<string>();
  const { everyPlatform = false, beside = [] } = options;
  const platforms = [platform, ...beside];
  const fits = (node: NpmTreeNode): boolean => platforms.some((one) => fitsPlatform(node, one));
  // Newer Yarns look at platforms alone.
  const checksEngines = tree.throughUnfit !== true && !everyPlatform;
  for (const node of tree.nodes) {
    const optional = !required.has(node.id);
    if (node.failure !== undefined) {
      if (!optional) throw cannotBeHad(node, tree);
      unfit.add(node.id);
    } else if (!everyPlatform && node.everywhere !== true && !fits(node)) {
      if (!optional) throw doesNotFit(node, tree, options.targetId);
      unfit.add(node.id);
    } else if (optional && checksEngines && !fitsEngine(node.engineNode, platform)) {
      unfit.add(node.id);
    }
  }
  const included = includedOf(tree, graph, unfit, required);
  for (const node of tree.nodes) if (included.has(node.id)) refuseDangling(node, graph);
  return { included, missing: missingOf(tree, included) };
}

function includedOf(
  tree: NpmTree,
  graph: Graph,
  unfit: Set<string>,
  required: ReadonlySet<string>,
): Set<string> {
  // An optional peer that npm's builder put into the tree is one that npm installs.
  const all = (): boolean => true;
  if (tree.throughUnfit !== true) {
    spread(tree, unfit, required);
    return reach(graph, unfit, all);
  }
  const reached = reach(graph, new Set(), all);
  for (const id of unfit) reached.delete(id);
  return reached;
}

function reach(
  graph: Graph,
  without: ReadonlySet<string>,
  follows: (edge: NpmTreeEdge) => boolean,
): Set<string> {
  const reached = new Set(['']);
  for (const id of reached) {
    const node = graph.byId.get(id);
    if (node === undefined) continue;
    for (const edge of graph.edgesOf(node)) {
      if (edge.to !== undefined && follows(edge) && !without.has(edge.to)) reached.add(edge.to);
    }
  }
  return reached;
}

/** What needs an unfit package, and is optional itself, cannot be installed either. */
function spread(tree: NpmTree, unfit: Set<string>, required: ReadonlySet<string>): void {
  const dependents = new Map<string, string[]>();
  for (const node of tree.nodes) {
    for (const edge of node.edges) {
      if (edge.to === undefined || !HARD.has(edge.type) || required.has(node.id)) continue;
      const known = dependents.get(edge.to);
      if (known === undefined) dependents.set(edge.to, [node.id]);
      else known.push(node.id);
    }
  }
  for (const id of unfit) for (const dependent of dependents.get(id) ?? []) unfit.add(dependent);
}

function missingOf(tree: NpmTree, included: ReadonlySet<string>): Closure['missing'] {
  const byId = new Map(tree.nodes.map((node) => [node.id, node]));
  return tree.nodes
    .filter((node) => included.has(node.id))
    .flatMap((from) =>
      from.edges.flatMap((edge) => {
        const node = edge.to === undefined ? undefined : byId.get(edge.to);
        if (node?.failure === undefined || edge.type === 'peerOptional') return [];
        return [{ name: node.name, requiredBy: label(from), reason: node.failure }];
      }),
    );
}

/** What a tarball bundles, npm takes as it is, with or without all that it needs. */
function refuseDangling(node: NpmTreeNode, graph: Graph): void {
  if (node.kind === 'bundled') return;
  const edge = graph.edgesOf(node).find(({ to, type }) => to === undefined && HARD.has(type));
  if (edge === undefined) return;
  throw new XError(
    'NOT_RESOLVABLE',
    `npm: nothing answers ${edge.name}@${edge.spec}, which ${label(node)} needs`,
    {
      hint: 'A lockfile that lacks it is made anew with "npm install --package-lock-only"; two names that differ in case alone cannot be one project’s.',
    },
  );
}

function cannotBeHad(node: NpmTreeNode, tree: NpmTree): XError {
  const by = tree.nodes.find((from) => from.edges.some((edge) => edge.to === node.id));
  return new XError(
    'NOT_RESOLVABLE',
    `npm: ${label(node)} (${node.resolved ?? 'of the registry'}), required by ${by === undefined ? 'the project' : label(by)}, cannot be had: ${node.failure ?? ''}`,
    { hint: 'Look whether its address can be reached from here, or make the lockfile anew.' },
  );
}

function doesNotFit(node: NpmTreeNode, tree: NpmTree, targetId: string): XError {
  const by = tree.nodes.find((from) => from.edges.some((edge) => edge.to === node.id));
  const wants = [node.os, node.cpu, node.libc].filter((part) => part.length > 0);
  return new XError(
    'NOT_RESOLVABLE',
    `npm: ${label(node)}, required by ${by === undefined ? 'the project' : label(by)}, ` +
      `does not run on ${targetId}: it is for ${wants.map((part) => part.join(' ')).join(', ')}`,
    { hint: 'Make it an optional dependency, or leave that target out.' },
  );
}

export function label(node: NpmTreeNode): string {
  if (node.kind === 'root') return 'the project';
  return node.version === '' ? node.name : `${node.name}@${node.version}`;
}
