import { findBreak } from './selection.js';
import { candidateOf } from './policy.js';
import { Marking, isStackExhausted } from './marking.js';
import { MarkingState } from './state.js';
import { solveCompletely, type Wish } from './solver.js';
import { sweep } from './sweep.js';
import type { Pin } from '../apt/preferences.js';
import type { PackageVersion } from '../package-version.js';
import type { MentionOrder } from './preference.js';
import type { PackageNode, Universe } from './universe.js';

export interface ResolveOptions {
  pins: readonly Pin[];
  withRecommends: boolean;
  /** APT::AutoRemove::SuggestsImportant. */
  followsSuggests: boolean;
  mentions: MentionOrder;
  /** Whether what is installed is upgraded too. */
  upgrade?: boolean;
}

export interface Resolution {
  /** What is there in the end, what stays as it was included. */
  selection: Map<PackageNode, PackageVersion>;
  /** What is new or upgraded: to be carried. */
  added: Map<PackageNode, PackageVersion>;
  /** Installed packages that must go. */
  removed: PackageNode[];
  /** Whether apt's own way of marking came to an end without contradictions. */
  isAsApt: boolean;
}

/**
 * What to install so that every wish holds with what is installed. First as apt marks packages; where
 * that leaves anything broken or removes what is installed, by complete search.
 * @throws XError NOT_RESOLVABLE with the chain of reasons.
 */
export function resolve(
  universe: Universe,
  wishes: readonly Wish[],
  options: ResolveOptions,
): Resolution {
  const marked = markAsApt(universe, wishes, options);
  const isAsApt = marked !== undefined && isSound(universe, marked);
  const selection = isAsApt
    ? marked
    : solveCompletely(universe, wishes, { ...options, preferred: marked });
  const requested = wishes.flatMap(({ solutions }) =>
    solutions
      .filter(({ node, version }) => selection.get(node) === version)
      .map(({ node }) => node),
  );
  const kept = sweep(universe, selection, requested, options.followsSuggests);
  const added = new Map([...kept].filter(([node, version]) => version !== node.installed));
  const removed = universe.installedNodes.filter((node) => !kept.has(node));
  return { selection: kept, added, removed, isAsApt };
}

/** The selection of apt's way, sound or not; undefined where it leads too deep. */
function markAsApt(
  universe: Universe,
  wishes: readonly Wish[],
  { pins, withRecommends, mentions, upgrade = false }: ResolveOptions,
): Map<PackageNode, PackageVersion> | undefined {
  const state = new MarkingState(universe, withRecommends, (node) => candidateOf(node, pins));
  try {
    const marking = new Marking(state, mentions);
    marking.request(
      wishes.flatMap(({ solutions, suite }) =>
        solutions.slice(0, 1).map((solution) => ({ ...solution, suite })),
      ),
    );
    if (upgrade) marking.upgrade();
  } catch (error) {
    if (isStackExhausted(error)) return undefined;
    throw error;
  }
  const selection = new Map<PackageNode, PackageVersion>();
  for (const node of universe.installedNodes) {
    if (node.installed !== undefined) selection.set(node, state.of(node).install ?? node.installed);
  }
  for (const [node, { install }] of state.touched()) {
    if (install === undefined) selection.delete(node);
    else selection.set(node, install);
  }
  return selection;
}

/** Whether every relation of what is selected holds; what was broken on the target before is not for us to mend. */
function isSound(universe: Universe, selection: ReadonlyMap<PackageNode, PackageVersion>): boolean {
  const after = (node: PackageNode) => selection.get(node);
  const before = (node: PackageNode) => node.installed;
  return [...selection].every(
    ([node, version]) =>
      findBreak(universe, node, version, after) === undefined ||
      (version === node.installed && findBreak(universe, node, version, before) !== undefined),
  );
}
