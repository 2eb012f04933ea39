import type { Version } from '../version.js';
import type { Node } from './package-provider.js';

/**
 * A set of choices for one node, as bits: bit `i` is its candidate `i`, and the bit after the last
 * candidate means that the node is not chosen at all. Over a finite list every range of PEP 440 is
 * exact, however odd: local versions, pre-releases, `===`.
 */
export type ChoiceSet = bigint;

/** Why a combination is impossible: a fact of the packages, or two other combinations. */
export type Cause = Fact | { kind: 'learned'; first: Nogood; second: Nogood };

/** What the user, the index or a package says. */
export type Fact =
  /** The user asks for a package, or constrains it. */
  | { kind: 'root'; where: string; text: string; to: Reach }
  /** A version of a node needs another package. */
  | { kind: 'dependency'; node: Node; version: Version; text: string; to: Reach }
  /** Anything else, of one package. */
  | { kind: 'fact'; about: string; text: string };

/** What a requirement leads to. */
export interface Reach {
  /** The package. */
  name: string;
  /** Which of its candidates are allowed. */
  allowed: ChoiceSet;
  /** Why that is none; undefined where there are some. */
  problem: string | undefined;
  /** No index has anything under the name. */
  isUnknown: boolean;
}

/** Choices that cannot all be made together. What PubGrub calls an incompatibility. */
export interface Nogood {
  terms: ReadonlyMap<Node, ChoiceSet>;
  cause: Cause;
}

/**
 * What follows from two nogoods that share a node: whatever that node is, one of them bites.
 * @param universe all choices of the shared node.
 */
export function resolveNogoods(
  first: Nogood,
  second: Nogood,
  shared: Node,
  universe: ChoiceSet,
): Nogood {
  const terms = new Map(first.terms);
  for (const [node, choices] of second.terms) {
    const other = terms.get(node);
    if (node === shared || other === undefined) continue;
    terms.set(node, other & choices);
  }
  for (const [node, choices] of second.terms) if (!terms.has(node)) terms.set(node, choices);
  const union = (first.terms.get(shared) ?? 0n) | (second.terms.get(shared) ?? 0n);
  if (union === universe) terms.delete(shared);
  else terms.set(shared, union);
  return { terms, cause: { kind: 'learned', first, second } };
}
