import { XError } from '../../../domain/errors.js';
import { CONFLICT_FIELDS, DEPENDS_FIELDS, isGroupMet } from './selection.js';
import { switchCandidates } from './release-candidates.js';
import { orderSolutions, type MentionOrder } from './preference.js';
import type { PackageVersion } from '../package-version.js';
import type { Relation, RelationGroup } from '../relation.js';
import type { MarkingState } from './state.js';
import type { PackageNode, Solution } from './universe.js';

/** How deep one package may lead to another before the complete solver takes over. */
const MAX_DEPTH = 1_000;

interface Need {
  group: RelationGroup;
  isCritical: boolean;
}

/** What a package still needs, and whom it cannot stand. */
interface Needs {
  install: Need[];
  remove: Relation[];
}

/**
 * Marks packages for installation as apt 2.6 does: depth first, in the order of the fields, each
 * dependency by the best of its candidates, without looking back. What it cannot solve it leaves
 * broken; the caller checks, and asks the complete solver then.
 * @see apt's depcache, pkgDepCache::MarkInstall
 */
export class Marking {
  #installedBySource: Map<string, PackageNode[]> | undefined;
  #installedDependents: Map<string, PackageNode[]> | undefined;

  constructor(
    readonly state: MarkingState,
    readonly mentions: MentionOrder,
  ) {}

  /** Marks what the user asks for: first all of it, then what each of it needs, in the order it is asked for. */
  request(solutions: readonly (Solution & { suite?: string | undefined })[]): void {
    for (const { node, version } of solutions) {
      const state = this.state.of(node);
      state.candidate = version;
      state.isProtected = true;
      state.isRequested = true;
      state.install = version;
      state.mode = version === node.installed ? 'keep' : 'install';
    }
    switchCandidates(
      this.state,
      solutions.flatMap(({ suite, ...one }) => (suite === undefined ? [] : [{ ...one, suite }])),
    );
    for (const { node } of solutions) this.#install(node, 0, true);
  }

  /** Marks everything that has a newer candidate, and then what that needs; what is held stays. */
  upgrade(): void {
    const upgradable = this.state.universe.installedNodes.filter((node) => {
      const { candidate } = this.state.of(node);
      return !node.isHeld && candidate !== undefined && candidate !== node.installed;
    });
    for (const node of upgradable) {
      if (this.state.mayChange(node, 'install')) this.#change(node);
    }
    for (const node of upgradable) this.#install(node, 0, false);
  }

  #install(node: PackageNode, depth: number, fromUser: boolean): boolean {
    const state = this.state.of(node);
    if (depth > MAX_DEPTH) return false;
    const candidate = state.candidate;
    const isKeptAsItIs = state.isProtected && state.mode === 'keep' && candidate === node.installed;
    if (!fromUser && !(isKeptAsItIs && candidate !== undefined)) {
      if (!this.state.mayChange(node, 'install')) return false;
    }
    if (candidate === undefined) return false;
    if (!state.isProtected && !this.state.isPolicyBroken(node)) {
      if (candidate === node.installed) {
        return state.install === undefined ? this.state.keep(node) : true;
      }
      if (state.mode === 'install') return true;
    }
    if (!this.#isInstallable(node, candidate, fromUser)) return false;
    return this.#installChecked(node, candidate, depth, fromUser);
  }

  /** Whether every dependency can be met by some candidate, and architectures stay in step. */
  #isInstallable(node: PackageNode, candidate: PackageVersion, fromUser: boolean): boolean {
    if (candidate === node.installed) return true;
    const { universe } = this.state;
    if (!fromUser && candidate.multiArch === 'same') {
      const isOutOfStep = universe.nodesOf(node.name).some((sibling) => {
        if (sibling === node || sibling.installed === undefined) return false;
        const other = this.state.of(sibling).candidate;
        return other?.multiArch === 'same' && other.version !== candidate.version;
      });
      if (isOutOfStep) return false;
    }
    for (const field of DEPENDS_FIELDS) {
      for (const group of candidate.relations(field)) {
        const canBeMet = group.some(
          (relation) =>
            universe.isMet(relation, node.architecture, this.state.candidateSelection) ||
            universe.isMet(relation, node.architecture, this.state.installSelection),
        );
        if (canBeMet) continue;
        const state = this.state.of(node);
        if (!state.isProtected) {
          state.candidate = node.installed;
          if (state.mode !== 'delete') {
            state.mode = 'keep';
            state.install = node.installed;
          }
        }
        return false;
      }
    }
    return true;
  }

  #installChecked(
    node: PackageNode,
    candidate: PackageVersion,
    depth: number,
    fromUser: boolean,
  ): boolean {
    const state = this.state.of(node);
    const wasProtected = state.isProtected;
    const failsEarly = !wasProtected && !fromUser;
    let succeeded = true;
    const attempt = (done: boolean): boolean => {
      succeeded &&= done;
      return done || !failsEarly;
    };
    if (fromUser) this.#change(node);

    const needs = this.#needsOf(node, candidate);
    const upgrades: PackageNode[] = [];
    const removals: PackageNode[] = [];
    if (!attempt(this.#makeRoom(node, needs.remove, upgrades, removals, fromUser))) return false;
    this.#collectDependents(node, candidate, upgrades);
    if (!fromUser) this.#change(node);

    state.isProtected = true;
    try {
      this.#upgradeSameSource(node, candidate, depth);
      const isDone =
        attempt(this.#upgradeOrRemove(upgrades, depth, wasProtected, fromUser)) &&
        attempt(this.#installNeeds(node, needs.install, depth, wasProtected, fromUser)) &&
        removals.every((removal) => attempt(this.state.delete(removal)));
      if (!isDone) this.state.discardInstall(node);
      return isDone && succeeded;
    } finally {
      state.isProtected = wasProtected;
    }
  }

  #change(node: PackageNode): void {
    const state = this.state.of(node);
    if (state.isProtected && state.install === state.candidate) return;
    state.install = state.candidate;
    state.mode = state.candidate === node.installed ? 'keep' : 'install';
  }

  #needsOf(node: PackageNode, version: PackageVersion): Needs {
    const { universe, withRecommends, installSelection } = this.state;
    const propagates = this.state.of(node).isProtected;
    const groupsOf = (field: 'Pre-Depends' | 'Depends' | 'Recommends', isCritical: boolean) =>
      version
        .relations(field)
        .filter(
          (group) =>
            propagates || !isGroupMet(universe, group, node.architecture, installSelection),
        )
        .map((group) => ({ group, isCritical }));
    const remove = CONFLICT_FIELDS.flatMap((field) => version.relations(field).flat());
    return {
      install: [
        ...DEPENDS_FIELDS.flatMap((field) => groupsOf(field, true)),
        ...(withRecommends ? groupsOf('Recommends', false) : []),
      ],
      remove,
    };
  }

  /** Negative relations: drop bad candidates, and find what must be upgraded or removed. */
  #makeRoom(
    node: PackageNode,
    relations: readonly Relation[],
    upgrades: PackageNode[],
    removals: PackageNode[],
    fromUser: boolean,
  ): boolean {
    const propagates = this.state.of(node).isProtected;
    const isPersistent = propagates || fromUser;
    const badCandidates = new Set<PackageNode>();
    let succeeded = true;
    for (const relation of relations) {
      for (const { node: other, version } of this.state.universe.forbidden(relation, node)) {
        const state = this.state.of(other);
        if (state.candidate !== version) continue;
        let done = true;
        if (other.installed === version) {
          done = this.#markForRemoval(other, propagates, removals);
        } else if (state.mode === 'install' && !this.state.keep(other)) done = false;
        else if (propagates) {
          this.state.discardCandidate(other);
          if (other.installed === undefined) state.isProtected = true;
        } else badCandidates.add(other);
        succeeded &&= done;
        if (!done && !isPersistent) return false;
      }
      for (const { node: other, version } of this.state.universe.forbidden(relation, node)) {
        if (other.installed !== version) continue;
        const { candidate } = this.state.of(other);
        if (candidate === version) continue;
        if (candidate !== undefined && !badCandidates.has(other)) upgrades.push(other);
        else if (!this.#markForRemoval(other, propagates, removals)) {
          succeeded = false;
          if (!isPersistent) return false;
        }
      }
    }
    return succeeded;
  }

  #markForRemoval(node: PackageNode, now: boolean, removals: PackageNode[]): boolean {
    const state = this.state.of(node);
    if (!now) {
      if (state.mode === 'delete') return true;
      if (!this.state.mayDelete(node)) return false;
      removals.push(node);
      return true;
    }
    if (state.mode !== 'delete' && !this.state.delete(node)) return false;
    this.state.discardCandidate(node);
    state.isProtected = true;
    return true;
  }

  /** Installed packages whose dependency on this one its new version would break. */
  #collectDependents(node: PackageNode, version: PackageVersion, upgrades: PackageNode[]): void {
    const { installed } = node;
    if (installed === undefined) return;
    const after = (other: PackageNode) => (other === node ? version : undefined);
    const before = (other: PackageNode) => (other === node ? installed : undefined);
    this.#installedDependents ??= this.#indexDependents();
    for (const dependent of this.#installedDependents.get(node.name) ?? []) {
      if (this.state.of(dependent).mode === 'install' || upgrades.includes(dependent)) continue;
      const isBroken = relationsOn(dependent, node.name, this.state.withRecommends).some(
        (relation) =>
          this.state.universe.isMet(relation, dependent.architecture, before) &&
          !this.state.universe.isMet(relation, dependent.architecture, after),
      );
      if (isBroken) upgrades.push(dependent);
    }
  }

  #indexDependents(): Map<string, PackageNode[]> {
    const dependents = new Map<string, PackageNode[]>();
    for (const node of this.state.universe.installedNodes) {
      if (node.installed === undefined) continue;
      for (const field of [...DEPENDS_FIELDS, 'Recommends'] as const) {
        for (const { name } of node.installed.relations(field).flat()) {
          const known = dependents.get(name);
          if (known === undefined) dependents.set(name, [node]);
          else if (known.at(-1) !== node) known.push(node);
        }
      }
    }
    return dependents;
  }

  /** apt upgrades the installed binaries of one source together. */
  #upgradeSameSource(node: PackageNode, version: PackageVersion, depth: number): void {
    this.#installedBySource ??= Map.groupBy(
      this.state.universe.installedNodes,
      ({ installed }) => installed?.source.name ?? '',
    );
    const { source } = version;
    const others = (this.#installedBySource.get(source.name) ?? []).filter((other) => {
      const { candidate, mode, install } = this.state.of(other);
      if (other === node || candidate === undefined || candidate === other.installed) return false;
      if (mode === 'install' && install === candidate) return false;
      return candidate.source.name === source.name && candidate.source.version === source.version;
    });
    others.sort((a, b) => this.mentions.compare(a, b));
    for (const other of others) {
      if (this.state.mayChange(other, 'install')) this.#change(other);
    }
    for (const other of others) this.#install(other, depth + 1, false);
  }

  #upgradeOrRemove(
    upgrades: readonly PackageNode[],
    depth: number,
    propagates: boolean,
    fromUser: boolean,
  ): boolean {
    let succeeded = true;
    for (const node of upgrades) {
      const state = this.state.of(node);
      if (state.mode === 'install' || this.#install(node, depth + 1, false)) continue;
      if (!this.state.delete(node)) {
        succeeded = false;
        if (!propagates && !fromUser) break;
      } else if (propagates) state.isProtected = true;
    }
    return succeeded;
  }

  #installNeeds(
    node: PackageNode,
    needs: readonly Need[],
    depth: number,
    propagates: boolean,
    fromUser: boolean,
  ): boolean {
    const { universe, installSelection } = this.state;
    let succeeded = true;
    for (const { group, isCritical } of needs) {
      let done: boolean;
      if (isGroupMet(universe, group, node.architecture, installSelection)) {
        done = !propagates || !isCritical || this.#protectOnlySolution(node, group, depth);
      } else if (!isCritical && this.#wasUnmetBefore(node, group)) done = true;
      else done = this.#installOne(node, group, depth, propagates && isCritical);
      if (done || !isCritical) continue;
      succeeded = false;
      if (!propagates && !fromUser) break;
    }
    return succeeded;
  }

  /** An installed package's Recommends that was not met before an upgrade is not met by it either. */
  #wasUnmetBefore(node: PackageNode, group: RelationGroup): boolean {
    if (node.installed === undefined) return false;
    const { universe } = this.state;
    const old = node.installed
      .relations('Recommends')
      .filter((known) => known.some(({ name }) => name === group[0]?.name));
    const met = (known: RelationGroup): boolean =>
      isGroupMet(universe, known, node.architecture, ({ installed }) => installed);
    return old.length > 0 && !old.some(met);
  }

  /** What only one package can meet follows from the user's decision as that does. */
  #protectOnlySolution(node: PackageNode, group: RelationGroup, depth: number): boolean {
    const solutions = this.#solutions(node, group, (other, version) => {
      return this.state.of(other).candidate === version || other.installed === version;
    });
    const only = new Set(solutions.map(({ version }) => version)).size === 1 && solutions[0];
    if (!only || this.state.of(only.node).isProtected) return true;
    this.state.of(only.node).isProtected = true;
    return this.#install(only.node, depth + 1, false);
  }

  #installOne(
    node: PackageNode,
    group: RelationGroup,
    depth: number,
    propagates: boolean,
  ): boolean {
    const solutions = this.#solutions(
      node,
      group,
      (other, version) => this.state.of(other).candidate === version,
    );
    for (const { node: other, version } of solutions) {
      const state = this.state.of(other);
      if (state.candidate !== version) continue;
      if (propagates && solutions.length === 1) {
        if (!this.state.mayChange(other, 'install')) continue;
        this.#change(other);
        state.isProtected = true;
      }
      if (this.#install(other, depth + 1, false)) return true;
    }
    return false;
  }

  /** Ways to meet a group, best first: what is installed before what is new, then alternative by alternative. */
  #solutions(
    node: PackageNode,
    group: RelationGroup,
    isOffered: (node: PackageNode, version: PackageVersion) => boolean,
  ): Solution[] {
    const ordered = group.flatMap((relation) =>
      orderSolutions(
        this.state,
        // To apt `name:any` is a virtual package of its own: who provides it is no nearer for being called so.
        relation.arch === 'any' ? undefined : relation.name,
        this.state.universe
          .solutions(relation, node.architecture)
          .filter(({ node: other, version }) => isOffered(other, version)),
        this.mentions,
      ),
    );
    const known = new Set<PackageVersion>();
    const isPossible = ({ node: other, version }: Solution): boolean => {
      const { isProtected, mode } = this.state.of(other);
      const isBanned =
        isProtected && (mode === 'delete' || (mode === 'keep' && other.installed === undefined));
      return !isBanned && !known.has(version) && Boolean(known.add(version));
    };
    return [
      ...ordered.filter(({ node: other }) => other.installed !== undefined),
      ...ordered.filter(({ node: other }) => other.installed === undefined),
    ].filter(isPossible);
  }
}

function relationsOn(node: PackageNode, name: string, withRecommends: boolean): Relation[] {
  const fields = withRecommends ? ([...DEPENDS_FIELDS, 'Recommends'] as const) : DEPENDS_FIELDS;
  return fields
    .flatMap((field) => node.installed?.relations(field).flat() ?? [])
    .filter((relation) => relation.name === name);
}

/** Marking recurses; a stack that ends is for the complete solver, not a crash. */
export function isStackExhausted(error: unknown): boolean {
  return error instanceof RangeError && !(error instanceof XError);
}
