import { versionFits, type Relation, type RelationGroup } from '../relation.js';
import { isFromSuite } from './policy.js';
import { CONFLICT_FIELDS, DEPENDS_FIELDS, isGroupMet } from './selection.js';
import type { PackageVersion } from '../package-version.js';
import type { MarkingState } from './state.js';
import type { PackageNode } from './universe.js';

/** A package that was asked for from one release: `cmake/bookworm-backports`. */
export interface FromRelease {
  node: PackageNode;
  version: PackageVersion;
  suite: string;
}

/**
 * Makes candidates of a release's versions where what was asked for from it needs them, and then what
 * those need. Dependency by dependency in their order, and no further than the first that the release
 * does not help with: what was switched until then stays so, as in apt 2.6.
 */
export function switchCandidates(state: MarkingState, asked: readonly FromRelease[]): void {
  const switched = new Set<PackageNode>(asked.map(({ node }) => node));
  for (const one of asked) follow(state, one, switched);
}

/** Whether every dependency is met by what is there and marked, or by what was switched to. */
function follow(state: MarkingState, from: FromRelease, switched: Set<PackageNode>): boolean {
  const { node, version } = from;
  for (const field of [...DEPENDS_FIELDS, 'Recommends'] as const) {
    if (field === 'Recommends' && !state.withRecommends) continue;
    for (const group of version.relations(field)) {
      if (group.some((relation) => isFine(state, relation, node))) continue;
      if (!switchOne(state, group, from, switched) && field !== 'Recommends') return false;
    }
  }
  return true;
}

/** Whether a relation is met by what is installed, or by a candidate that nothing more is needed for. */
function isFine(state: MarkingState, relation: Relation, owner: PackageNode): boolean {
  const { universe } = state;
  if (universe.isMet(relation, owner.architecture, ({ installed }) => installed)) return true;
  const providers = relation.op === undefined ? universe.providersOf(relation.name) : [];
  if (providers.length > 0) {
    return providers.some(
      ({ node, version }) =>
        state.of(node).candidate === version && needsNothing(state, node, version),
    );
  }
  const node = universe.node(relation.name, owner.architecture);
  const candidate = node && state.of(node).candidate;
  return (
    node !== undefined &&
    candidate !== undefined &&
    versionFits(candidate.version, relation) &&
    needsNothing(state, node, candidate)
  );
}

/** Whether a version could come without anything else that is not there or marked. */
function needsNothing(state: MarkingState, node: PackageNode, version: PackageVersion): boolean {
  const { universe, installSelection } = state;
  return (
    DEPENDS_FIELDS.flatMap((field) => version.relations(field)).every((group) =>
      isGroupMet(universe, group, node.architecture, installSelection),
    ) &&
    CONFLICT_FIELDS.flatMap((field) => version.relations(field).flat()).every(
      (relation) => universe.findForbidden(relation, node, installSelection) === undefined,
    )
  );
}

/** Switches the first alternative with a version that the release has. */
function switchOne(
  state: MarkingState,
  group: RelationGroup,
  from: FromRelease,
  switched: Set<PackageNode>,
): boolean {
  for (const [place, relation] of group.entries()) {
    const node = state.universe.node(relation.name, from.node.architecture);
    const version = node?.versions.find((one) => isFromSuite(one, from.suite));
    if (relation.op === undefined || node === undefined || version === undefined) continue;
    if (!versionFits(version.version, relation)) continue;
    const target = state.of(node);
    if (target.candidate === version && switched.has(node)) return true;
    const before = target.candidate;
    target.candidate = version;
    switched.add(node);
    if (follow(state, { node, version, suite: from.suite }, switched)) return true;
    if (place === group.length - 1) return false;
    target.candidate = before;
    switched.delete(node);
  }
  return false;
}
