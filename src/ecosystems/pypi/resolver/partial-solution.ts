import assert from 'node:assert/strict';
import type { ChoiceSet, Nogood } from './nogood.js';
import type { Node } from './package-provider.js';

interface Assignment {
  node: Node;
  /** What is left for the node after this assignment. */
  left: ChoiceSet;
  level: number;
  /** The nogood that forced it; undefined for a decision. */
  cause: Nogood | undefined;
}

/** The assignment by which a nogood came to hold, and the level to go back to. */
export interface Satisfier {
  node: Node;
  cause: Nogood | undefined;
  level: number;
  /** The highest level of what else makes the nogood hold; 0 where nothing else does. */
  previousLevel: number;
}

/** What has been decided and derived so far, in order, so that it can be taken back. */
export class PartialSolution {
  readonly #assignments: Assignment[] = [];
  readonly #byNode = new Map<Node, Assignment[]>();
  readonly #universeOf: (node: Node) => ChoiceSet;
  #level = 0;

  constructor(universeOf: (node: Node) => ChoiceSet) {
    this.#universeOf = universeOf;
  }

  get level(): number {
    return this.#level;
  }

  /** What is left for a node. */
  left(node: Node): ChoiceSet {
    return this.#byNode.get(node)?.at(-1)?.left ?? this.#universeOf(node);
  }

  /** The node's choice, where it was decided, with the level and what was left before. */
  decision(node: Node): { choice: ChoiceSet; level: number; before: ChoiceSet } | undefined {
    const own = this.#byNode.get(node) ?? [];
    const at = own.findIndex(({ cause }) => cause === undefined);
    const decided = own[at];
    if (decided === undefined) return undefined;
    const before = own[at - 1]?.left ?? this.#universeOf(node);
    return { choice: decided.left, level: decided.level, before };
  }

  /** What was left for a node at the end of a level. */
  leftAt(node: Node, level: number): ChoiceSet {
    const own = this.#byNode.get(node) ?? [];
    return own.findLast((assignment) => assignment.level <= level)?.left ?? this.#universeOf(node);
  }

  nodes(): Iterable<Node> {
    return this.#byNode.keys();
  }

  decide(node: Node, choice: ChoiceSet): void {
    this.#level++;
    this.#push({ node, left: choice, level: this.#level, cause: undefined });
  }

  derive(node: Node, allowed: ChoiceSet, cause: Nogood): void {
    this.#push({ node, left: this.left(node) & allowed, level: this.#level, cause });
  }

  #push(assignment: Assignment): void {
    this.#assignments.push(assignment);
    const own = this.#byNode.get(assignment.node);
    if (own === undefined) this.#byNode.set(assignment.node, [assignment]);
    else own.push(assignment);
  }

  backtrack(level: number): void {
    while ((this.#assignments.at(-1)?.level ?? -1) > level) {
      const last = this.#assignments.pop();
      assert(last !== undefined);
      const own = this.#byNode.get(last.node);
      own?.pop();
      if (own?.length === 0) this.#byNode.delete(last.node);
    }
    this.#level = level;
  }

  /** Finds the earliest point at which a nogood held, and splits it from what came before. */
  satisfier({ terms }: Nogood): Satisfier {
    let latest: { position: number; assignment: Assignment } | undefined;
    let previousLevel = 0;
    const firstHolding = (node: Node, choices: ChoiceSet): number =>
      this.#assignments.findIndex(
        (assignment) => assignment.node === node && (assignment.left & ~choices) === 0n,
      );
    for (const [node, choices] of terms) {
      const position = firstHolding(node, choices);
      const assignment = this.#assignments[position];
      assert(assignment !== undefined, 'a conflict is satisfied by what was assigned');
      if (latest === undefined || position > latest.position) {
        if (latest !== undefined) previousLevel = Math.max(previousLevel, latest.assignment.level);
        latest = { position, assignment };
      } else previousLevel = Math.max(previousLevel, assignment.level);
    }
    assert(latest !== undefined, 'a conflict has terms');
    const { node, cause, level } = latest.assignment;
    // The node's own earlier assignments may carry part of the term: they must be kept as well.
    const choices = terms.get(node) ?? 0n;
    const alone = cause === undefined ? latest.assignment.left : ~(cause.terms.get(node) ?? 0n);
    if ((alone & this.#universeOf(node) & ~choices) !== 0n) {
      const own = this.#assignments
        .slice(0, latest.position)
        .findLast((assignment) => assignment.node === node);
      previousLevel = Math.max(previousLevel, own?.level ?? 0);
    }
    return { node, cause, level, previousLevel };
  }
}
