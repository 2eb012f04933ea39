import assert from 'node:assert/strict';
import { BOUNDS } from '../../../domain/bounds.js';
import { XError } from '../../../domain/errors.js';
import { formatSpecifiers, satisfies, type SpecifierSet } from '../specifier.js';
import { compareVersions, isPreRelease, type Version } from '../version.js';
import { admitted, type AdmissionPolicy } from './admission.js';
import { explain } from './explain.js';
import { resolveNogoods, type Cause, type ChoiceSet, type Nogood, type Reach } from './nogood.js';
import {
  baseOf,
  Unresolvable,
  type CandidateVersion,
  type Constraint,
  type Dependency,
  type Node,
  type PackageProvider,
  type RootRequirement,
} from './package-provider.js';
import { PartialSolution } from './partial-solution.js';
import { DecisionOrder } from './decision-order.js';

export interface ResolveRequest {
  requirements: readonly RootRequirement[];
  constraints: readonly Constraint[];
  provider: PackageProvider;
  policy: AdmissionPolicy;
  allowPreReleases: boolean;
  /** Names that the user gives an address for. */
  direct?: ReadonlySet<string>;
  /** After how many it gives up; `resolverDecisions` where it is not said. */
  decisions?: number;
  signal?: AbortSignal | undefined;
}

/** The chosen version of every node, extras included, with its edges. */
export type Resolution = ReadonlyMap<
  Node,
  { version: Version; dependencies: readonly Dependency[] }
>;

const ROOT: Node = '';
const ROOT_VERSION_CHOICE = 1n;

/**
 * Finds one version of every package that is needed, newest first, or explains why there is none.
 * Conflict-driven: every conflict is learned, so no dead end is entered twice (PubGrub).
 * @throws Unresolvable; XError LIMIT_EXCEEDED past `resolverDecisions`; what the provider throws.
 * @see https://github.com/dart-lang/pub/blob/master/doc/solver.md
 */
export async function resolve(request: ResolveRequest): Promise<Resolution> {
  return new Resolver(request).run();
}

class Resolver {
  readonly #request: ResolveRequest;
  readonly #candidates = new Map<string, readonly CandidateVersion[]>();
  readonly #nogoods = new Map<Node, Nogood[]>();
  readonly #edges = new Map<string, readonly Dependency[]>();
  readonly #solution: PartialSolution;
  readonly #order: DecisionOrder;
  readonly #reordered = new Set<string>();
  #forced: { node: Node; index: number } | undefined;

  constructor(request: ResolveRequest) {
    this.#request = request;
    this.#solution = new PartialSolution((node) => this.#universe(node));
    this.#order = new DecisionOrder(request.requirements);
  }

  async run(): Promise<Resolution> {
    await this.#load(this.#request.requirements);
    this.#solution.decide(ROOT, ROOT_VERSION_CHOICE);
    for (const requirement of this.#request.requirements) {
      const { where, text } = requirement;
      this.#addEdge(ROOT, ROOT_VERSION_CHOICE, requirement, (to) => ({
        kind: 'root',
        where,
        text: `asks for ${text}`,
        to,
      }));
    }
    this.#propagate(ROOT);
    const bound = this.#request.decisions ?? BOUNDS.resolverDecisions;
    for (let decisions = 0; decisions < bound; decisions++) {
      this.#request.signal?.throwIfAborted();
      const node = this.#nextNode();
      if (node === undefined) return this.#result();
      await this.#decide(node);
    }
    throw new XError('LIMIT_EXCEEDED', `no answer after ${bound} decisions`, {
      hint: 'Narrow the requirements: pin the packages that have very many versions.',
    });
  }

  #list(node: Node): readonly CandidateVersion[] {
    return this.#candidates.get(baseOf(node)) ?? [];
  }

  #notChosen(node: Node): ChoiceSet {
    return node === ROOT ? 2n : 1n << BigInt(this.#list(node).length);
  }

  #universe(node: Node): ChoiceSet {
    return (this.#notChosen(node) << 1n) - 1n;
  }

  async #load(edges: readonly Dependency[]): Promise<void> {
    await Promise.all(
      edges.map(async ({ name }) => {
        if (this.#candidates.has(name)) return;
        const versions = await this.#request.provider.versions(name);
        if (!this.#candidates.has(name)) this.#introduce(name, versions);
      }),
    );
  }

  #introduce(name: string, versions: readonly CandidateVersion[]): void {
    this.#candidates.set(name, versions);
    for (const { name: constrained, specifiers, where } of this.#request.constraints) {
      if (constrained !== name) continue;
      const allowed = this.#allowed(name, specifiers);
      const excluded = this.#universe(name) & ~allowed & ~this.#notChosen(name);
      if (excluded !== 0n) {
        const text = `constrains ${name}${formatSpecifiers(specifiers)}`;
        const to = this.#reach(name, allowed);
        this.#add([[name, excluded]], { kind: 'root', where, text, to });
      }
    }
    const [newest] = versions;
    if (newest !== undefined) this.#request.provider.expect?.(name, newest.version);
  }

  #allowed(node: Node, specifiers: SpecifierSet, exact?: Version): ChoiceSet {
    let choices = 0n;
    this.#list(node).forEach(({ version }, index) => {
      const fits =
        exact === undefined
          ? satisfies(specifiers, version)
          : compareVersions(exact, version) === 0;
      if (fits) choices |= 1n << BigInt(index);
    });
    return choices;
  }

  #addEdge(node: Node, choice: ChoiceSet, edge: Dependency, causeOf: (to: Reach) => Cause): void {
    const allowed = this.#allowed(edge.node, edge.specifiers, edge.exact);
    const excluded = this.#universe(edge.node) & ~allowed;
    const cause = causeOf(this.#reach(edge.name, allowed));
    // A version that needs its own package in a range: it is in it, or it can never be taken.
    if (edge.node === node) {
      if ((choice & allowed) === 0n) this.#add([[node, choice]], cause);
      return;
    }
    this.#add(
      [
        [node, choice],
        [edge.node, excluded],
      ],
      cause,
    );
  }

  /** Where an edge leads, and what is wrong where no candidate can meet it. */
  #reach(name: string, allowed: ChoiceSet): Reach {
    const list = this.#list(name);
    const newest = list.map(({ version }) => version).reduce(newerOf, undefined)?.text;
    let problem: string | undefined;
    if (newest === undefined) problem = 'which no index offers for this target';
    else if (allowed === 0n) {
      problem = `of which ${list.length === 1 ? 'there is' : 'the newest is'} ${newest}`;
    }
    return { name, allowed, problem, isUnknown: newest === undefined };
  }

  #add(terms: readonly (readonly [Node, ChoiceSet])[], cause: Cause): Nogood {
    // A term that any choice meets says nothing.
    const telling = terms.filter(([node, choices]) => choices !== this.#universe(node));
    const nogood: Nogood = { terms: new Map(telling), cause };
    this.#register(nogood);
    return nogood;
  }

  #register(nogood: Nogood): void {
    for (const node of nogood.terms.keys()) {
      const list = this.#nogoods.get(node);
      if (list === undefined) this.#nogoods.set(node, [nogood]);
      else list.push(nogood);
    }
  }

  /** Draws every conclusion from a change, learning from each conflict on the way. */
  #propagate(start: Node): void {
    const changed = new Set([start]);
    for (const node of changed) {
      changed.delete(node);
      for (const nogood of (this.#nogoods.get(node) ?? []).toReversed()) {
        const open = this.#openTerm(nogood);
        if (open === 'idle') continue;
        if (open === 'conflict') {
          const learned = this.#learn(nogood);
          changed.clear();
          changed.add(this.#deriveFrom(learned));
          break;
        }
        this.#solution.derive(open, this.#without(open, nogood), nogood);
        changed.add(open);
      }
    }
  }

  /** The one node that a nogood now says something about; `conflict` where all of it holds. */
  #openTerm({ terms }: Nogood): Node | 'conflict' | 'idle' {
    let open: Node | undefined;
    for (const [node, choices] of terms) {
      const left = this.#solution.left(node);
      if ((left & choices) === 0n) return 'idle';
      if ((left & ~choices) === 0n) continue;
      if (open !== undefined) return 'idle';
      open = node;
    }
    return open ?? 'conflict';
  }

  #without(node: Node, nogood: Nogood): ChoiceSet {
    return this.#universe(node) & ~(nogood.terms.get(node) ?? 0n);
  }

  #deriveFrom(learned: Nogood): Node {
    const open = this.#openTerm(learned);
    assert(open !== 'conflict' && open !== 'idle', 'a learned nogood concludes something');
    this.#solution.derive(open, this.#without(open, learned), learned);
    return open;
  }

  /** Follows a conflict to the decision that caused it, goes back, and answers what was learned. */
  #learn(conflict: Nogood): Nogood {
    let nogood = conflict;
    for (;;) {
      const rest = [...nogood.terms.keys()].filter((node) => node !== ROOT);
      if (rest.length === 0) this.#fail(nogood);
      const { node, cause, level, previousLevel } = this.#solution.satisfier(nogood);
      // What holds at level 1 follows from the root alone: there is nothing to go back to.
      if (cause === undefined || (level > 1 && previousLevel < level)) {
        this.#solution.backtrack(Math.max(previousLevel, 1));
        if (nogood !== conflict) this.#register(nogood);
        this.#order.noteConflict(nogood.terms.keys());
        if (node === ROOT) this.#fail(nogood);
        return nogood;
      }
      nogood = resolveNogoods(nogood, cause, node, this.#universe(node));
    }
  }

  #fail(nogood: Nogood): never {
    const { lines, involved, unknown } = explain(nogood);
    throw new Unresolvable(lines, involved, unknown);
  }

  #nextNode(): Node | undefined {
    const waiting: Node[] = [];
    for (const node of this.#solution.nodes()) {
      if (node === ROOT || this.#solution.decision(node) !== undefined) continue;
      if ((this.#solution.left(node) & this.#notChosen(node)) === 0n) waiting.push(node);
    }
    if (this.#forced !== undefined && waiting.includes(this.#forced.node)) return this.#forced.node;
    this.#forced = undefined;
    return this.#order.first(waiting, (node) => this.#edgesTo(node));
  }

  /** The edges in force that lead to a node, with the nodes they come from. */
  #edgesTo(node: Node): { from: Node; edge: Dependency }[] {
    return this.#inForce().filter(({ edge }) => edge.node === node);
  }

  #inForce(): { from: Node; edge: Dependency }[] {
    const edges = this.#request.requirements.map((edge): { from: Node; edge: Dependency } => ({
      from: ROOT,
      edge,
    }));
    for (const node of this.#solution.nodes()) {
      const choice = node === ROOT ? undefined : this.#solution.decision(node)?.choice;
      if (choice === undefined) continue;
      for (const edge of this.#edges.get(edgesKey(node, choice)) ?? [])
        edges.push({ from: node, edge });
    }
    return edges;
  }

  async #decide(node: Node): Promise<void> {
    const index = this.#forced?.node === node ? this.#forced.index : this.#choose(node);
    this.#forced = undefined;
    if (index === undefined) {
      this.#propagate(node);
      return;
    }
    const candidate = this.#list(node)[index];
    assert(candidate !== undefined);
    const choice = 1n << BigInt(index);
    const key = edgesKey(node, choice);
    if (!this.#edges.has(key)) {
      const facts = await this.#request.provider.facts(node, candidate.version);
      const subject = `${node} ${candidate.version.text}`;
      if ('unusable' in facts) {
        const text = `${subject} ${facts.unusable}`;
        this.#add([[node, choice]], { kind: 'fact', about: baseOf(node), text });
        this.#propagate(node);
        return;
      }
      await this.#load(facts.dependencies);
      this.#edges.set(key, facts.dependencies);
      for (const edge of facts.dependencies) {
        const { text } = edge;
        const { version } = candidate;
        this.#addEdge(node, choice, edge, (to) => ({
          kind: 'dependency',
          node,
          version,
          text,
          to,
        }));
      }
    }
    if (this.#reorder(node, index, this.#edges.get(key) ?? [])) return;
    if (this.#contradicts(node, choice)) {
      this.#propagate(node);
      return;
    }
    this.#solution.decide(node, choice);
    this.#propagate(node);
  }

  /** Whether a nogood already rules a choice out, so that propagation will take it away first. */
  #contradicts(node: Node, choice: ChoiceSet): boolean {
    for (const { terms } of this.#nogoods.get(node) ?? []) {
      if ((choice & ~(terms.get(node) ?? 0n)) === 0n && this.#holdsBeside(node, terms)) return true;
    }
    return false;
  }

  /** Whether all of a nogood holds already, but for what it says of one node. */
  #holdsBeside(node: Node, terms: Nogood['terms']): boolean {
    for (const [other, choices] of terms) {
      if (other !== node && (this.#solution.left(other) & ~choices) !== 0n) return false;
    }
    return true;
  }

  /**
   * pip lets a newly taken version move packages that were taken before it, rather than taking an
   * older version of the new one. So that both answer alike, such a package is decided again after
   * this one - once a pair, and only where this one does not hang on it.
   */
  #reorder(node: Node, index: number, edges: readonly Dependency[]): boolean {
    let target: number | undefined;
    for (const edge of edges) {
      const decided = this.#solution.decision(edge.node);
      if (decided === undefined) continue;
      const allowed = this.#allowed(edge.node, edge.specifiers, edge.exact);
      if ((decided.choice & allowed) !== 0n) continue;
      if ((decided.before & allowed) === 0n) return false;
      target = Math.min(target ?? decided.level, decided.level);
    }
    if (target === undefined) return false;
    const left = this.#solution.leftAt(node, target - 1);
    const isWanted = (left & this.#notChosen(node)) === 0n && (left & (1n << BigInt(index))) !== 0n;
    const key = `${node}\0${index}\0${target}`;
    if (!isWanted || this.#reordered.has(key)) return false;
    this.#reordered.add(key);
    this.#solution.backtrack(target - 1);
    this.#forced = { node, index };
    return true;
  }

  /** The newest admitted candidate; undefined, with what was learned, where none is. */
  #choose(node: Node): number | undefined {
    const name = baseOf(node);
    const left = this.#solution.left(node);
    const inForce = this.#inForce().filter(
      ({ edge }) => edge.name === name && edge.exact === undefined,
    );
    const { policy, allowPreReleases } = this.#request;
    const rangesOf = (edges: typeof inForce): SpecifierSet[] =>
      edges.map(({ edge }) => edge.specifiers);
    const allowed = admitted({
      policy,
      allowPreReleases,
      candidates: this.#list(node),
      ranges: [...rangesOf(inForce), ...this.#constraintsOf(name)],
      rootRanges: rangesOf(inForce.filter(({ from }) => from === ROOT)),
    });
    for (let index = 0; index < this.#list(node).length; index++) {
      if (allowed.has(index) && (left & (1n << BigInt(index))) !== 0n) return index;
    }
    const terms = new Map<Node, ChoiceSet>([[node, left]]);
    for (const { from } of inForce) terms.set(from, this.#solution.left(from));
    const rest = this.#list(node).filter((_, index) => (left & (1n << BigInt(index))) !== 0n);
    const text = `the versions of ${name} that are left are ${kindOf(rest)}`;
    this.#add([...terms], { kind: 'fact', about: name, text });
    return undefined;
  }

  #constraintsOf(name: string): SpecifierSet[] {
    return this.#request.constraints
      .filter((constraint) => constraint.name === name)
      .map(({ specifiers }) => specifiers);
  }

  #result(): Resolution {
    const result = new Map<Node, { version: Version; dependencies: readonly Dependency[] }>();
    for (const node of this.#solution.nodes()) {
      const decision = node === ROOT ? undefined : this.#solution.decision(node);
      if (decision === undefined) continue;
      const index = decision.choice.toString(2).length - 1;
      const candidate = this.#list(node)[index];
      assert(candidate !== undefined);
      const dependencies = this.#edges.get(edgesKey(node, decision.choice)) ?? [];
      result.set(node, { version: candidate.version, dependencies });
    }
    return result;
  }
}

function newerOf(a: Version | undefined, b: Version): Version {
  return a !== undefined && compareVersions(a, b) >= 0 ? a : b;
}

function edgesKey(node: Node, choice: ChoiceSet): string {
  return `${node}\0${choice.toString(36)}`;
}

function kindOf(candidates: readonly CandidateVersion[]): string {
  if (candidates.every(({ isYanked }) => isYanked)) return 'yanked by their publisher';
  const isPre = candidates.every(({ version }) => isPreRelease(version));
  return isPre ? 'pre-releases' : 'pre-releases or yanked';
}
