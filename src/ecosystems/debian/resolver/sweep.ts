import type { PackageVersion, RelationField } from '../package-version.js';
import type { PackageNode, Universe } from './universe.js';

const FOLLOWED: readonly RelationField[] = ['Pre-Depends', 'Depends', 'Recommends', 'Suggests'];

/**
 * Drops what nothing needs: chosen on the way to something that was given up, as apt does. A package
 * stays where what is asked for, or what was installed before, reaches it by any relation that apt's
 * autoremove follows.
 */
export function sweep(
  universe: Universe,
  selection: ReadonlyMap<PackageNode, PackageVersion>,
  requested: Iterable<PackageNode>,
  followsSuggests: boolean,
): Map<PackageNode, PackageVersion> {
  const roots = [...selection.keys()].filter(({ installed }) => installed !== undefined);
  const reached = new Set<PackageNode>([...roots, ...requested]);
  const open = [...reached];
  const fields = followsSuggests ? FOLLOWED : FOLLOWED.filter((field) => field !== 'Suggests');
  for (let node = open.pop(); node !== undefined; node = open.pop()) {
    const version = selection.get(node);
    for (const relation of fields.flatMap((field) => version?.relations(field).flat() ?? [])) {
      for (const solution of universe.solutions(relation, node.architecture)) {
        if (selection.get(solution.node) !== solution.version || reached.has(solution.node))
          continue;
        reached.add(solution.node);
        open.push(solution.node);
      }
    }
  }
  return new Map([...selection].filter(([node]) => reached.has(node)));
}
