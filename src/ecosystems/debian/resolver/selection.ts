import type { PackageVersion, RelationField } from '../package-version.js';
import type { RelationGroup } from '../relation.js';
import type { PackageNode, Selection, Universe } from './universe.js';

/** Relations that must hold, in the order apt keeps them. */
export const DEPENDS_FIELDS = ['Pre-Depends', 'Depends'] as const satisfies RelationField[];
export const CONFLICT_FIELDS = ['Conflicts', 'Breaks'] as const satisfies RelationField[];

export function isGroupMet(
  universe: Universe,
  group: RelationGroup,
  ownerArchitecture: string,
  selection: Selection,
): boolean {
  return group.some((relation) => universe.isMet(relation, ownerArchitecture, selection));
}

/** A relation of a selected version that does not hold. */
export interface Break {
  node: PackageNode;
  version: PackageVersion;
  field: RelationField;
  group: RelationGroup;
  /** What is in the way, for negative relations. */
  against: PackageVersion | undefined;
}

/** The first thing wrong with one selected version; undefined where all its relations hold. */
export function findBreak(
  universe: Universe,
  node: PackageNode,
  version: PackageVersion,
  selection: Selection,
): Break | undefined {
  for (const field of DEPENDS_FIELDS) {
    for (const group of version.relations(field)) {
      if (!isGroupMet(universe, group, node.architecture, selection)) {
        return { node, version, field, group, against: undefined };
      }
    }
  }
  for (const field of CONFLICT_FIELDS) {
    for (const group of version.relations(field)) {
      for (const relation of group) {
        const against = universe.findForbidden(relation, node, selection);
        if (against !== undefined) return { node, version, field, group, against };
      }
    }
  }
  return findSiblingBreak(universe, node, version, selection);
}

/** Two architectures of one package stand together only as Multi-Arch: same in one version. */
function findSiblingBreak(
  universe: Universe,
  node: PackageNode,
  version: PackageVersion,
  selection: Selection,
): Break | undefined {
  for (const sibling of universe.nodesOf(node.name)) {
    const other = sibling === node ? undefined : selection(sibling);
    if (other === undefined || areSiblings(version, other)) continue;
    const group = [{ name: node.name, arch: sibling.architecture, op: undefined, version: '' }];
    return { node, version, field: 'Conflicts', group, against: other };
  }
  return undefined;
}

export function areSiblings(a: PackageVersion, b: PackageVersion): boolean {
  return a.multiArch === 'same' && b.multiArch === 'same' && a.version === b.version;
}
