import { BOUNDS } from '../../../domain/bounds.js';
import { XError } from '../../../domain/errors.js';
import { formatGroup, formatRelation, type RelationGroup } from '../relation.js';
import { candidateOf, isDowngrade, versionPriority } from './policy.js';
import { SatSolver, type Decide, type Literal } from './sat.js';
import { noAnswer, type Reason } from './reasons.js';
import { areSiblings, CONFLICT_FIELDS, DEPENDS_FIELDS } from './selection.js';
import type { Pin } from '../apt/preferences.js';
import type { PackageVersion, RelationField } from '../package-version.js';
import type { PackageNode, Solution, Universe } from './universe.js';

/** One thing asked for, and the versions that would do, best first. */
export interface Wish {
  text: string;
  /** The suite or codename that it was asked for from. */
  suite?: string | undefined;
  solutions: readonly Solution[];
}

export interface SolverOptions {
  withRecommends: boolean;
  pins: readonly Pin[];
  /** What an incomplete attempt chose: kept wherever that can be. */
  preferred?: ReadonlyMap<PackageNode, PackageVersion> | undefined;
}

interface Demand {
  solutions: Literal[];
}

/**
 * Finds a solution wherever one exists, over every version and not candidates alone: what is asked
 * for must come, what is installed stays where it can (what is essential always), and each choice
 * is apt's first where nothing speaks against it.
 * @throws XError NOT_RESOLVABLE with the chain of reasons.
 */
export function solveCompletely(
  universe: Universe,
  wishes: readonly Wish[],
  options: SolverOptions,
): Map<PackageNode, PackageVersion> {
  return new Problem(universe, options).solve(wishes);
}

class Problem {
  readonly #sat = new SatSolver();
  readonly #variables = new Map<PackageVersion, number>();
  readonly #versions: PackageVersion[] = [];
  readonly #nodes = new Map<PackageNode, PackageVersion[]>();
  readonly #hard: Demand[][] = [];
  readonly #soft: Demand[][] = [];
  readonly #reasons: Reason[] = [];
  readonly #asked = new Set<PackageVersion>();
  /** Of each installed package, the versions to try to have, best first. */
  readonly #installed: number[][] = [];

  constructor(
    readonly universe: Universe,
    readonly options: SolverOptions,
  ) {}

  solve(wishes: readonly Wish[]): Map<PackageNode, PackageVersion> {
    for (const { version } of wishes.flatMap(({ solutions }) => solutions))
      this.#asked.add(version);
    const open: PackageVersion[] = [];
    const wanted = wishes.map(({ solutions, text }) => {
      const literals = solutions.map(({ version }) => this.#variable(version, open));
      const names = solutions.map(({ version }) => version.name);
      this.#add(literals, { kind: 'asked', text: `you ask for ${text}`, what: text, names });
      return { solutions: literals };
    });
    for (const node of this.universe.installedNodes) {
      if (node.installed === undefined) continue;
      const preferred = this.options.preferred?.get(node) ?? node.installed;
      this.#installed.push([preferred, node.installed].map((v) => this.#variable(v, open)));
      const { isEssential, isProtected } = node.installed;
      if (!(isEssential || isProtected || node.isHeld)) continue;
      const allowed = node.isHeld ? [node.installed] : this.#allowedVersions(node);
      const what = node.isHeld ? 'on hold' : 'essential';
      this.#add(
        allowed.map((version) => this.#variable(version, open)),
        {
          kind: node.isHeld ? 'held' : 'kept',
          text: `${node.name} is ${what} and must stay`,
          what: node.name,
          names: [node.name],
        },
      );
    }
    for (let version = open.shift(); version !== undefined; version = open.shift()) {
      this.#describe(version, open);
    }
    this.#addConflicts();
    const outcome = this.#sat.solve(this.#decider(wanted), BOUNDS.resolverDecisions);
    if (outcome.kind === 'limit') throw tooHard(wishes);
    if (outcome.kind === 'unsatisfiable') {
      throw noAnswer(outcome.origins.flatMap((origin) => this.#reasons[origin] ?? []));
    }
    const chosen = this.#versions.filter((_version, variable) => outcome.isTrue(variable));
    return new Map(chosen.map((version) => [this.universe.nodeOf(version), version]));
  }

  #add(literals: Literal[], reason: Reason): void {
    this.#reasons[this.#sat.add(literals)] = reason;
  }

  #variable(version: PackageVersion, open: PackageVersion[]): number {
    let variable = this.#variables.get(version);
    if (variable === undefined) {
      variable = this.#versions.push(version) - 1;
      this.#variables.set(version, variable);
      open.push(version);
      const node = this.universe.nodeOf(version);
      this.#nodes.set(node, [...(this.#nodes.get(node) ?? []), version]);
    }
    return variable;
  }

  /** Versions of a package that pins do not forbid, the candidate first. */
  #allowedVersions(node: PackageNode): PackageVersion[] {
    const candidate = candidateOf(node, this.options.pins);
    return node.versions
      .filter((version) => this.#isAllowed(node, version))
      .sort((a, b) => Number(b === candidate) - Number(a === candidate));
  }

  /** Whether pins, and what is installed, let a version come. */
  #isAllowed(node: PackageNode, version: PackageVersion): boolean {
    if (this.#asked.has(version)) return true;
    const priority = versionPriority(node, version, this.options.pins);
    return priority >= NEVER_REFUSED || (priority > 0 && !isDowngrade(node, version));
  }

  /** What one version needs, as clauses; what it may need is remembered, not demanded. */
  #describe(version: PackageVersion, open: PackageVersion[]): void {
    const variable = this.#variable(version, open);
    const node = this.universe.nodeOf(version);
    const demandsOf = (field: RelationField) =>
      version.relations(field).map((group) => ({
        group,
        solutions: this.#solutionsOf(group, node, open),
      }));
    const hard = DEPENDS_FIELDS.flatMap(demandsOf);
    for (const { group, solutions } of hard) {
      const what = formatGroup(group);
      this.#add([~variable, ...solutions], {
        kind: solutions.length === 0 ? 'lacks' : 'needs',
        text: `${version.name} ${version.version} depends on ${what}${this.#offerOf(group, solutions)}`,
        about: version.name,
        what,
        names: solutions.map((literal) => this.#versions[literal]?.name ?? ''),
      });
    }
    this.#hard[variable] = hard;
    // What an installed package recommends was the target's own to take or leave, as for apt.
    const mayRecommend = this.options.withRecommends && node.installed === undefined;
    this.#soft[variable] = mayRecommend ? demandsOf('Recommends') : [];
  }

  /** apt's order: what is installed first, then alternative by alternative, candidates before others. */
  #solutionsOf(group: RelationGroup, owner: PackageNode, open: PackageVersion[]): Literal[] {
    const { pins, preferred } = this.options;
    const solutions = group
      .flatMap((relation) => this.universe.solutions(relation, owner.architecture))
      .filter(({ node, version }) => this.#isAllowed(node, version));
    const rank = ({ node, version }: Solution): number =>
      (version === preferred?.get(node) ? 0 : 8) +
      (version === node.installed ? 0 : 4) +
      (node.installed !== undefined ? 0 : 2) +
      (version === candidateOf(node, pins) ? 0 : 1);
    const ordered = solutions.toSorted((a, b) => rank(a) - rank(b));
    return [...new Set(ordered.map(({ version }) => this.#variable(version, open)))];
  }

  /** Where nothing can meet a dependency, what there is instead. */
  #offerOf(group: RelationGroup, solutions: readonly Literal[]): string {
    if (solutions.length > 0) return '';
    const offers = group.map((relation) => {
      const versions = this.universe.nodesOf(relation.name).flatMap((node) => node.versions);
      const list = versions.map(({ version }) => version).slice(0, 5);
      return list.length === 0
        ? `no source has ${relation.name}`
        : `of ${relation.name} there is only ${list.join(', ')}`;
    });
    return `, but ${offers.join(' and ')}`;
  }

  #addConflicts(): void {
    for (const versions of this.#nodes.values()) {
      for (const [index, version] of versions.entries()) {
        for (const other of versions.slice(index + 1)) {
          this.#forbid(version, other, {
            text: `${version.name} can be installed in one version only`,
          });
        }
      }
    }
    for (const [node, versions] of this.#nodes) {
      for (const version of versions) {
        this.#addSiblings(node, version);
        for (const field of CONFLICT_FIELDS) {
          for (const relation of version.relations(field).flat()) {
            const verb = field === 'Breaks' ? 'breaks' : 'conflicts with';
            for (const hit of this.universe.forbidden(relation, node)) {
              const text = `${version.name} ${version.version} ${verb} ${formatRelation(relation)}`;
              const isProvided = hit.node.name !== relation.name;
              this.#forbid(version, hit.version, {
                text,
                provider: isProvided ? hit.node.name : undefined,
              });
            }
          }
        }
      }
    }
  }

  #addSiblings(node: PackageNode, version: PackageVersion): void {
    for (const sibling of this.universe.nodesOf(node.name)) {
      if (sibling === node) continue;
      for (const other of sibling.versions) {
        if (areSiblings(version, other)) continue;
        this.#forbid(version, other, {
          text: `${node.key} and ${sibling.key} do not stand together`,
        });
      }
    }
  }

  #forbid(
    a: PackageVersion,
    b: PackageVersion,
    { text, provider }: { text: string; provider?: string | undefined },
  ): void {
    const [left, right] = [this.#variables.get(a), this.#variables.get(b)];
    if (left === undefined || right === undefined) return;
    this.#add([~left, ~right], { kind: 'excludes', text, about: a.name, names: [], provider });
  }

  /** Keeps what is installed, then meets what is asked for, its dependencies, and what they recommend. */
  #decider(wanted: readonly Demand[]): Decide {
    const chosenBefore = [...(this.options.preferred?.values() ?? [])].flatMap(
      (version) => this.#variables.get(version) ?? [],
    );
    return (valueOf) => {
      const kept = firstOpen(
        this.#installed.map((solutions) => ({ solutions })),
        valueOf,
      );
      const next = kept ?? firstOpen(wanted, valueOf);
      if (next !== undefined) return next;
      const list = [...this.#versions.keys()].filter((variable) => valueOf(variable) === true);
      for (const demands of [this.#hard, this.#soft]) {
        for (const variable of list) {
          const literal = firstOpen(demands[variable] ?? [], valueOf);
          if (literal !== undefined) return literal;
        }
      }
      // What was chosen before stays where it can, as with apt; the sweep drops what nothing reaches.
      return chosenBefore.find((variable) => valueOf(variable) === undefined);
    };
  }
}

/** apt installs an older version than is there only from here on. */
const NEVER_REFUSED = 1000;

/** The first choice of the first demand that nothing meets yet and something still can. */
function firstOpen(
  demands: readonly Demand[],
  valueOf: (literal: Literal) => boolean | undefined,
): Literal | undefined {
  for (const { solutions } of demands) {
    if (solutions.some((literal) => valueOf(literal) === true)) continue;
    const open = solutions.find((literal) => valueOf(literal) === undefined);
    if (open !== undefined) return open;
  }
  return undefined;
}

function tooHard(wishes: readonly Wish[]): XError {
  return new XError(
    'LIMIT_EXCEEDED',
    `no answer after ${BOUNDS.resolverDecisions} contradictions for ${wishes.map(({ text }) => text).join(', ')}`,
    { hint: 'Ask for fewer packages at once, or for exact versions.' },
  );
}
