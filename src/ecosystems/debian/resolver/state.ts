import { findBreak, isGroupMet } from './selection.js';
import type { PackageVersion } from '../package-version.js';
import type { PackageNode, Selection, Universe } from './universe.js';

export type Mode = 'keep' | 'install' | 'delete';

/** What is to become of one package. */
export interface PackageState {
  mode: Mode;
  /** The version that would be there in the end. */
  install: PackageVersion | undefined;
  /** The version that would be installed, were it. */
  candidate: PackageVersion | undefined;
  /** A user's own decision, or what follows from one: nothing else may change it. */
  isProtected: boolean;
  /** Asked for by the user. */
  isRequested: boolean;
}

/** What is to become of every package, while apt's way of marking goes on. */
export class MarkingState {
  readonly #states = new Map<PackageNode, PackageState>();

  constructor(
    readonly universe: Universe,
    readonly withRecommends: boolean,
    readonly candidateOf: (node: PackageNode) => PackageVersion | undefined,
  ) {}

  of(node: PackageNode): PackageState {
    let state = this.#states.get(node);
    if (state === undefined) {
      state = {
        mode: 'keep',
        install: node.installed,
        candidate: this.candidateOf(node),
        isProtected: false,
        isRequested: false,
      };
      this.#states.set(node, state);
    }
    return state;
  }

  /** Packages that were looked at. */
  touched(): Iterable<[PackageNode, PackageState]> {
    return this.#states.entries();
  }

  readonly installSelection: Selection = (node) =>
    this.#states.get(node)?.install ?? (this.#states.has(node) ? undefined : node.installed);

  readonly candidateSelection: Selection = (node) => this.of(node).candidate;

  /** Whether what a package would become breaks a relation that must hold. */
  isBroken(node: PackageNode): boolean {
    const { install } = this.of(node);
    return (
      install !== undefined &&
      findBreak(this.universe, node, install, this.installSelection) !== undefined
    );
  }

  /** As isBroken, Recommends included where they count. */
  isPolicyBroken(node: PackageNode): boolean {
    if (this.isBroken(node)) return true;
    const { install } = this.of(node);
    if (!this.withRecommends || install === undefined) return false;
    return !install
      .relations('Recommends')
      .every((group) => isGroupMet(this.universe, group, node.architecture, this.installSelection));
  }

  /** Whether the mode of a package may be changed to `mode` by anyone but the user. */
  mayChange(node: PackageNode, mode: Mode): boolean {
    const state = this.of(node);
    if (state.mode === mode) return true;
    if (state.isProtected) return false;
    if (mode !== 'keep' && node.isHeld) return false;
    if (mode !== 'delete') return true;
    const current = state.install ?? node.installed;
    return current === undefined || !(current.isEssential || current.isProtected);
  }

  keep(node: PackageNode): boolean {
    if (!this.mayChange(node, 'keep')) return false;
    const state = this.of(node);
    if (state.mode === 'keep') return true;
    state.mode = 'keep';
    state.install = node.installed;
    return true;
  }

  mayDelete(node: PackageNode): boolean {
    const state = this.of(node);
    const isUsersInstall =
      node.installed === undefined && state.install !== undefined && state.isRequested;
    return this.mayChange(node, 'delete') && !isUsersInstall;
  }

  delete(node: PackageNode): boolean {
    if (!this.mayDelete(node)) return false;
    const state = this.of(node);
    state.mode = node.installed === undefined ? 'keep' : 'delete';
    state.install = undefined;
    return true;
  }

  /** From now on the candidate is what would be there anyway. */
  discardCandidate(node: PackageNode): void {
    const state = this.of(node);
    state.candidate = state.install;
  }

  discardInstall(node: PackageNode): void {
    const state = this.of(node);
    state.install = node.installed;
    state.mode = 'keep';
    this.discardCandidate(node);
  }
}
