import { XError } from '../../domain/errors.js';
import type { PlannedArtifact } from '../../domain/plan.js';
import { formatTarget } from '../../domain/target.js';
import { isLocal } from './local-packages.js';
import { formatGroup } from './relation.js';
import { findBreak, type Break } from './resolver/selection.js';
import { listedVersions, Universe, type PackageNode } from './resolver/universe.js';
import type { PackageVersion } from './package-version.js';
import type { TargetPlan } from './plan.js';

/** A .deb that is held, as its own control file describes it. */
export interface HeldPackage {
  artifact: PlannedArtifact;
  version: PackageVersion;
}

/**
 * Proves that what is held for a target can be installed there: every dependency of every .deb is met
 * by another .deb or by what the target has, nothing conflicts, and nothing that the target has breaks.
 * @throws XError NOT_RESOLVABLE naming the first that fails.
 */
export function proveClosure(held: readonly HeldPackage[], plan: TargetPlan): void {
  const { target, installed } = plan.world;
  const local = [...plan.resolution.added.values()].filter(isLocal);
  const versions = [...local, ...held.map(({ version }) => version)];
  const universe = new Universe(target.arch, [listedVersions(versions)], installed.versions);
  const removed = new Set(plan.resolution.removed.map(({ key }) => key));
  const selection = new Map<PackageNode, PackageVersion>();
  for (const node of universe.installedNodes) {
    if (node.installed !== undefined && !removed.has(node.key)) selection.set(node, node.installed);
  }
  for (const version of versions) {
    const node = universe.nodeOf(version);
    const other = selection.get(node);
    if (other !== undefined && other !== node.installed && other !== version) {
      throw notClosed(
        target,
        `${node.name} is held in two versions, ${other.version} and ${version.version}`,
      );
    }
    selection.set(node, version);
  }
  const after = (node: PackageNode) => selection.get(node);
  const before = (node: PackageNode) => node.installed;
  for (const [node, version] of selection) {
    const found = findBreak(universe, node, version, after);
    if (found === undefined) continue;
    // What the target had broken before is not for a bundle to mend.
    const wasBroken =
      version === node.installed && findBreak(universe, node, version, before) !== undefined;
    if (!wasBroken) throw notClosed(target, describe(found));
  }
}

function describe({ version, field, group, against }: Break): string {
  const relation = `${version.label} has ${field}: ${formatGroup(group)}`;
  return against === undefined
    ? `${relation}, which nothing held or installed meets`
    : `${relation}, and ${against.label} is there`;
}

function notClosed(target: TargetPlan['world']['target'], problem: string): XError {
  return new XError(
    'NOT_RESOLVABLE',
    `${formatTarget(target)}: what is held cannot be installed: ${problem}`,
    {
      hint: 'Plan again; if it stays so, the index and the packages of this archive disagree.',
    },
  );
}
