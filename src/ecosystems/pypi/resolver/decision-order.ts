import { baseOf, type Dependency, type Node, type RootRequirement } from './package-provider.js';

type Edge = { from: Node; edge: Dependency };

/**
 * Which package is decided next. The order is pip's, because where several answers fit, it decides
 * which one is found: pinned packages, those of the last conflict, those near the user's own
 * requirements, in the order the user wrote them, restricted ones, by name; setuptools last.
 */
export class DecisionOrder {
  readonly #asked = new Map<Node, number>();
  readonly #depths = new Map<Node, number>([['', 0]]);
  #conflict: ReadonlySet<Node> = new Set();

  constructor(requirements: readonly RootRequirement[]) {
    requirements.forEach(({ node }, index) => {
      if (!this.#asked.has(node)) this.#asked.set(node, index);
    });
  }

  noteConflict(nodes: Iterable<Node>): void {
    this.#conflict = new Set(nodes);
  }

  first(waiting: readonly Node[], edgesTo: (node: Node) => readonly Edge[]): Node | undefined {
    let best: { node: Node; rank: (number | string)[] } | undefined;
    for (const node of waiting) {
      const rank = this.#rank(node, edgesTo(node));
      if (best === undefined || isBefore(rank, best.rank)) best = { node, rank };
    }
    return best?.node;
  }

  #rank(node: Node, edges: readonly Edge[]): (number | string)[] {
    const specifiers = edges.flatMap(({ edge }) => edge.specifiers);
    const isPinned =
      edges.some(({ edge }) => edge.exact !== undefined) ||
      specifiers.some(({ operator }) => operator.startsWith('=='));
    const depth = this.#asked.has(node)
      ? 1
      : 1 + Math.min(...edges.map(({ from }) => this.#depths.get(from) ?? 0));
    this.#depths.set(node, depth);
    return [
      Number(baseOf(node) === 'setuptools'),
      Number(!isPinned),
      Number(!this.#conflict.has(node)),
      depth,
      this.#asked.get(node) ?? Infinity,
      Number(specifiers.length === 0),
      node,
    ];
  }
}

function isBefore(a: readonly (number | string)[], b: readonly (number | string)[]): boolean {
  for (let i = 0; i < a.length; i++) {
    const [left, right] = [a[i], b[i]];
    if (left === undefined || right === undefined || left === right) continue;
    return left < right;
  }
  return false;
}
