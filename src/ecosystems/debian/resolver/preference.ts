import type { MarkingState } from './state.js';
import type { PackageNode, Solution } from './universe.js';

/** The order in which apt came to know packages: the last tie-break, later ones preferred among providers. */
export interface MentionOrder {
  /** Below zero where `a` was mentioned before `b`. */
  compare(a: PackageNode, b: PackageNode): number;
}

/**
 * The ways to meet one alternative, best first as apt ranks providers: what the user decided, what is
 * installed, the package of that very name, essential ones, the native architecture, the higher
 * Priority, and where nothing tells them apart the one that apt's cache came to know last.
 */
export function orderSolutions(
  state: MarkingState,
  wantedName: string | undefined,
  solutions: Solution[],
  mentions: MentionOrder,
): Solution[] {
  if (solutions.length < 2) return solutions;
  return solutions.toSorted((a, b) => {
    const yes = (test: (solution: Solution) => boolean): number =>
      Number(test(b)) - Number(test(a));
    return (
      yes(({ node }) => state.of(node).isProtected) ||
      yes(
        ({ node, version }) => version.multiArch === 'same' && hasInstalledSibling(state, node),
      ) ||
      yes(({ node }) => node.installed !== undefined) ||
      yes(({ node }) => node.name === wantedName) ||
      yes(({ version }) => version.isEssential) ||
      yes(({ version }) => version.isProtected) ||
      yes(({ node }) => node.architecture === state.universe.nativeArchitecture) ||
      a.version.priorityRank - b.version.priorityRank ||
      mentions.compare(b.node, a.node)
    );
  });
}

function hasInstalledSibling(state: MarkingState, node: PackageNode): boolean {
  return state.universe.nodesOf(node.name).some(({ installed }) => installed !== undefined);
}
