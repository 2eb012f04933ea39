import { compareVersions, type Version } from '../version.js';
import type { ChoiceSet, Fact, Nogood } from './nogood.js';
import { baseOf } from './package-provider.js';

const MAX_LINES = 30;
const LISTED_VERSIONS = 3;

export interface Explanation {
  /** From what the user asks for, step by step, to what cannot be met. */
  lines: string[];
  /** Packages that it speaks of. */
  involved: Set<string>;
  /** Those that no index knows. */
  unknown: string[];
}

/** One line: what the user asks for, or what some versions of a package need. */
interface Step {
  /** The package that it speaks of; undefined for the user. */
  of: string | undefined;
  fact: Fact;
  versions: Version[];
}

/** The facts that a failure rests on, as a chain: each package after one that leads to it. */
export function explain(failure: Nogood): Explanation {
  const facts = factsOf(failure);
  const steps = inChain(stepsOf(facts));
  const reaches = facts.flatMap((fact) => (fact.kind === 'fact' ? [] : fact.to));
  const lines = steps.map(lineOf);
  const shown = lines.slice(0, MAX_LINES);
  if (lines.length > shown.length) shown.push(`and ${lines.length - shown.length} more`);
  return {
    lines: [...shown, ...clashes(steps)],
    involved: new Set([
      ...reaches.map(({ name }) => name),
      ...steps.flatMap(({ of, fact }) => (fact.kind === 'fact' ? fact.about : (of ?? []))),
    ]),
    unknown: [...new Set(reaches.flatMap(({ name, isUnknown }) => (isUnknown ? name : [])))],
  };
}

function factsOf(failure: Nogood): Fact[] {
  const facts = new Set<Fact>();
  const seen = new Set<Nogood>();
  const pending: Nogood[] = [failure];
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    if (seen.has(next)) continue;
    seen.add(next);
    const { cause } = next;
    if (cause.kind === 'learned') pending.push(cause.second, cause.first);
    else facts.add(cause);
  }
  return [...facts];
}

/** Versions of one package that say the same are put together. */
function stepsOf(facts: readonly Fact[]): Step[] {
  const steps = new Map<string, Step>();
  for (const fact of facts) {
    const of = fact.kind === 'dependency' ? baseOf(fact.node) : undefined;
    const version = fact.kind === 'dependency' ? [fact.version] : [];
    // An extra's own edge to its package is nothing that anybody wrote.
    if (fact.kind === 'dependency' && fact.to.name === of) continue;
    const where = fact.kind === 'root' ? fact.where : '';
    const key = `${fact.kind}\0${fact.kind === 'dependency' ? fact.node : where}\0${fact.text}`;
    const known = steps.get(key);
    if (known === undefined) steps.set(key, { of, fact, versions: version });
    else known.versions.push(...version);
  }
  return [...steps.values()];
}

function inChain(steps: readonly Step[]): Step[] {
  const open = new Set(steps);
  const chain: Step[] = [];
  const reached: string[] = [];
  const take = (fits: (step: Step) => boolean): void => {
    for (const step of [...open].filter(fits)) {
      open.delete(step);
      chain.push(step);
      if (step.fact.kind !== 'fact' && !reached.includes(step.fact.to.name)) {
        reached.push(step.fact.to.name);
      }
    }
  };
  take(({ fact }) => fact.kind === 'root');
  for (let at = 0; at < reached.length; at++) {
    const name = reached[at];
    take(({ of, fact }) => of === name || (fact.kind === 'fact' && fact.about === name));
  }
  take(() => true);
  return chain;
}

function lineOf({ fact, versions }: Step): string {
  if (fact.kind === 'fact') return fact.text;
  const problem = fact.to.problem === undefined ? '' : `, ${fact.to.problem}`;
  if (fact.kind === 'root') return `${fact.where} ${fact.text}${problem}`;
  const need = versions.length === 1 ? 'needs' : 'need';
  return `${fact.node} ${listed(versions)} ${need} ${fact.text}${problem}`;
}

function listed(versions: readonly Version[]): string {
  const sorted = versions.toSorted(compareVersions).map(({ text }) => text);
  const distinct = [...new Set(sorted)];
  if (distinct.length <= LISTED_VERSIONS) return distinct.join(', ');
  return `${distinct[0]} to ${distinct.at(-1)} (${distinct.length} versions)`;
}

/** Packages of which nothing is left, whichever of the versions named are taken. */
function clashes(steps: readonly Step[]): string[] {
  const byName = Map.groupBy(
    steps.filter(({ fact }) => fact.kind !== 'fact'),
    ({ fact }) => (fact.kind === 'fact' ? '' : fact.to.name),
  );
  return [...byName].flatMap(([name, own]) => {
    // Of a package with several ranges, one version alone is taken: it is left out of the count.
    const binding = own.filter(
      ({ of }) => of === undefined || own.filter((other) => other.of === of).length === 1,
    );
    const left = binding.reduce<ChoiceSet>(
      (all, { fact }) => (fact.kind === 'fact' ? all : all & fact.to.allowed),
      -1n,
    );
    return binding.length > 1 && left === 0n
      ? [`so no version of ${name} is left that all of them allow`]
      : [];
  });
}
