import type { ArboristNode } from '@npmcli/arborist';
import type { NpmEdgeType, NpmTree } from '../ports/npm-registry.js';

/** A lockfile is taken exactly: what completing it would change, by location. */
export function departuresFromLock(tree: NpmTree, locked: NpmTree): string[] {
  const versions = new Map(tree.nodes.map((node) => [node.id, node.version]));
  return locked.nodes
    .filter((node) => node.version !== '' && versions.get(node.id) !== node.version)
    .map((node) => `${node.id} ${node.version}`);
}

/**
 * Optional peers that "npm ci" does not install: those that the builder adds to what a lockfile has, and
 * those that it has as extraneous, as npm 11 writes the ones that it chose for nothing else.
 */
export function dropUninstalledPeers(tree: NpmTree, locked: ArboristNode): void {
  const installed = new Set(
    [...locked.inventory.values()]
      .filter(({ extraneous }) => !extraneous)
      .map(({ location }) => location),
  );
  for (const node of tree.nodes) {
    node.edges = node.edges.filter(
      ({ type, to }) => type !== 'peerOptional' || to === undefined || installed.has(to),
    );
  }
}

/** What nothing in a lockfile of version 1 answers npm goes without, where it is a peer. */
export function leaveOutPeers(tree: NpmTree): void {
  for (const node of tree.nodes) {
    const open = node.edges.filter(({ type, to }) => type === 'peer' && to === undefined);
    if (open.length === 0) continue;
    node.edges = node.edges.filter((edge) => !open.includes(edge));
    node.leftOut = [...(node.leftOut ?? []), ...open.map(({ name }) => name)];
  }
}

/** The lockfile and nothing else, for one that npm would not leave as it is. */
export function takenAsItStands(tree: NpmTree, departures: string[]): NpmTree {
  tree.warnings.push(
    `the lockfile does not fit its package.json, so npm would change ${departures.length} of its packages ` +
      `(${departures.slice(0, 3).join(', ')}); it is taken as it stands`,
  );
  return { ...tree, taken: true };
}

const HARD: ReadonlySet<NpmEdgeType> = new Set(['prod', 'dev', 'peer', 'workspace']);

/** Names what a lockfile should have and has not: the tree has it from the registry, "npm ci" refuses. */
export function sayLacking(tree: NpmTree, locked: NpmTree): void {
  const known = new Set(locked.nodes.map(({ id }) => id));
  const byId = new Map(tree.nodes.map((node) => [node.id, node]));
  const reached = new Set(['']);
  for (const id of reached) {
    for (const { type, to } of byId.get(id)?.edges ?? []) {
      if (to !== undefined && HARD.has(type)) reached.add(to);
    }
  }
  const lacking = tree.nodes.filter(
    ({ id, kind, version }) =>
      reached.has(id) && !known.has(id) && kind === 'registry' && version !== '',
  );
  if (lacking.length === 0) return;
  const shown = lacking.slice(0, 3).map(({ name, version }) => `${name}@${version}`);
  tree.warnings.push(
    `the lockfile lacks ${lacking.length} packages that it needs (${shown.join(', ')}): they are carried, ` +
      'but "npm ci" refuses such a lockfile; "npm install" takes it and mends it',
  );
}
