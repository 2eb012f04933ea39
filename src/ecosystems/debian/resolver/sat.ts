/** A variable's index, positive as itself and negative as its complement (`~v`). */
export type Literal = number;

/** Literals of which one must be true, and where it comes from. */
export interface Clause {
  literals: Literal[];
  /** Clauses of the problem that this one follows from; its own index where it is one of them. */
  origins: readonly number[];
}

export type Outcome =
  | { kind: 'satisfied'; isTrue: (variable: number) => boolean }
  /** The problem's own clauses that cannot hold together. */
  | { kind: 'unsatisfiable'; origins: number[] }
  | { kind: 'limit' };

/** Says what to decide next: a literal that is undecided, or undefined where all that is wanted holds. */
export type Decide = (valueOf: (literal: Literal) => boolean | undefined) => Literal | undefined;

interface Assignment {
  isTrue: boolean;
  level: number;
  /** The clause that forced it; undefined for a decision. */
  reason: Clause | undefined;
}

/** Names no variable. */
const NO_LITERAL = NaN;

function variableOf(literal: Literal): number {
  return literal < 0 ? ~literal : literal;
}

/**
 * A complete search with conflict-driven clause learning: where a solution exists it is found. The
 * caller's decisions steer which.
 * @see Marques-Silva, Lynce, Malik: "Conflict-Driven Clause Learning SAT Solvers"
 */
export class SatSolver {
  readonly #clauses: Clause[] = [];
  readonly #watches = new Map<Literal, Clause[]>();
  readonly #assignments = new Map<number, Assignment>();
  readonly #trail: Literal[] = [];
  #level = 0;
  #propagated = 0;
  #contradiction: Clause | undefined;

  /** Adds a clause of the problem; its index is what `origins` name. */
  add(literals: Literal[]): number {
    const index = this.#clauses.length;
    const clause = { literals: [...new Set(literals)], origins: [index] };
    this.#clauses.push(clause);
    this.#attach(clause);
    return index;
  }

  solve(decide: Decide, maxConflicts: number): Outcome {
    for (let conflicts = 0; conflicts <= maxConflicts;) {
      const conflict = this.#contradiction ?? this.#propagate();
      if (conflict !== undefined) {
        if (this.#level === 0)
          return { kind: 'unsatisfiable', origins: this.#rootCauses(conflict) };
        this.#learn(conflict);
        conflicts++;
        continue;
      }
      const decision = decide(this.#valueOf);
      if (decision === undefined) {
        const isTrue = (variable: number) => this.#assignments.get(variable)?.isTrue === true;
        return { kind: 'satisfied', isTrue };
      }
      this.#level++;
      this.#assign(decision, undefined);
    }
    return { kind: 'limit' };
  }

  readonly #valueOf = (literal: Literal): boolean | undefined => {
    const assignment = this.#assignments.get(variableOf(literal));
    return assignment === undefined ? undefined : assignment.isTrue === literal >= 0;
  };

  #attach(clause: Clause): void {
    const [first, second] = clause.literals;
    if (first === undefined) this.#contradiction ??= clause;
    else if (second === undefined) {
      const value = this.#valueOf(first);
      if (value === undefined) this.#assign(first, clause);
      else if (!value) this.#contradiction ??= clause;
    } else {
      this.#watch(first, clause);
      this.#watch(second, clause);
    }
  }

  #watch(literal: Literal, clause: Clause): void {
    const watching = this.#watches.get(literal);
    if (watching === undefined) this.#watches.set(literal, [clause]);
    else watching.push(clause);
  }

  #assign(literal: Literal, reason: Clause | undefined): void {
    this.#assignments.set(variableOf(literal), {
      isTrue: literal >= 0,
      level: this.#level,
      reason,
    });
    this.#trail.push(literal);
  }

  /** Draws every forced conclusion; a clause that cannot hold any more, where there is one. */
  #propagate(): Clause | undefined {
    while (this.#propagated < this.#trail.length) {
      const falsified = ~(this.#trail[this.#propagated++] as Literal);
      const watching = this.#watches.get(falsified);
      if (watching === undefined) continue;
      let kept = 0;
      for (let at = 0; at < watching.length; at++) {
        const clause = watching[at] as Clause;
        if (this.#moveWatch(clause, falsified)) continue;
        watching[kept++] = clause;
        const other = clause.literals[0] as Literal;
        const value = this.#valueOf(other);
        if (value === undefined) this.#assign(other, clause);
        else if (!value) {
          while (++at < watching.length) watching[kept++] = watching[at] as Clause;
          watching.length = kept;
          return clause;
        }
      }
      watching.length = kept;
    }
    return undefined;
  }

  /** Watches another literal instead of a falsified one; afterwards the first is the one to force. */
  #moveWatch(clause: Clause, falsified: Literal): boolean {
    const { literals } = clause;
    if (literals[0] === falsified) {
      literals[0] = literals[1] as Literal;
      literals[1] = falsified;
    }
    if (this.#valueOf(literals[0] as Literal) === true) return false;
    for (let at = 2; at < literals.length; at++) {
      const literal = literals[at] as Literal;
      if (this.#valueOf(literal) === false) continue;
      literals[at] = falsified;
      literals[1] = literal;
      this.#watch(literal, clause);
      return true;
    }
    return false;
  }

  /** Learns the first unique implication point of a conflict, and goes back to where it decides. */
  #learn(conflict: Clause): void {
    const seen = new Set<number>();
    const learned: Literal[] = [];
    const origins = new Set<number>();
    let open = 0;
    let at = this.#trail.length;
    let clause = conflict;
    let point: Literal = NO_LITERAL;
    for (;;) {
      for (const origin of clause.origins) origins.add(origin);
      for (const literal of clause.literals) {
        const variable = variableOf(literal);
        if (literal === point || seen.has(variable)) continue;
        seen.add(variable);
        const level = this.#assignments.get(variable)?.level ?? 0;
        if (level === this.#level) open++;
        else if (level > 0) learned.push(literal);
        else this.#collectOrigins(variable, origins, seen);
      }
      at = this.#lastSeen(at, seen);
      point = this.#trail[at] as Literal;
      if (--open === 0) break;
      clause = this.#assignments.get(variableOf(point))?.reason as Clause;
    }
    learned.sort((a, b) => this.#levelOf(b) - this.#levelOf(a));
    const level = learned[0] === undefined ? 0 : this.#levelOf(learned[0]);
    this.#backTo(level);
    const lesson = { literals: [~point, ...learned], origins: [...origins] };
    if (learned.length === 0) this.#assign(~point, lesson);
    else {
      this.#attach(lesson);
      this.#assign(~point, lesson);
    }
  }

  /** The place in the trail, before another, of a literal of this level that the conflict rests on. */
  #lastSeen(before: number, seen: ReadonlySet<number>): number {
    for (let at = before - 1; ; at--) {
      const literal = this.#trail[at] as Literal;
      if (seen.has(variableOf(literal)) && this.#levelOf(literal) === this.#level) return at;
    }
  }

  #levelOf(literal: Literal): number {
    return this.#assignments.get(variableOf(literal))?.level ?? 0;
  }

  #backTo(level: number): void {
    while (this.#trail.length > 0) {
      const literal = this.#trail.at(-1) as Literal;
      if (this.#levelOf(literal) <= level) break;
      this.#assignments.delete(variableOf(literal));
      this.#trail.pop();
    }
    this.#propagated = Math.min(this.#propagated, this.#trail.length);
    this.#level = level;
  }

  #rootCauses(conflict: Clause): number[] {
    const origins = new Set(conflict.origins);
    const seen = new Set<number>();
    for (const literal of conflict.literals) {
      this.#collectOrigins(variableOf(literal), origins, seen);
    }
    return [...origins].sort((a, b) => a - b);
  }

  /** The problem's clauses behind a conclusion that holds without any decision. */
  #collectOrigins(variable: number, origins: Set<number>, seen: Set<number>): void {
    const open = [variable];
    for (let next = open.pop(); next !== undefined; next = open.pop()) {
      seen.add(next);
      const reason = this.#assignments.get(next)?.reason;
      for (const origin of reason?.origins ?? []) origins.add(origin);
      for (const literal of reason?.literals ?? []) {
        if (!seen.has(variableOf(literal))) open.push(variableOf(literal));
      }
    }
  }
}
