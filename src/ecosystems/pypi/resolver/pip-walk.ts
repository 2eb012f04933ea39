import assert from 'node:assert/strict';
import { BOUNDS } from '../../../domain/bounds.js';
import type { Version } from '../version.js';
import type { CandidateVersion } from './package-provider.js';
import {
  candidatesFor,
  fits,
  needsOf,
  rankOf,
  type Criteria,
  type Identity,
  type Information,
  type Need,
  type Pin,
} from './pip-criteria.js';
import type { ResolveRequest } from './resolve.js';

/** How far the walk has come; earlier ones are kept to go back to. */
interface State {
  /** In the order they were taken. */
  pins: Map<string, Pin>;
  criteria: Criteria;
  /** What the last conflict was about. */
  causes: readonly Information[];
}

/** A need that leaves nothing of a package. */
class Conflict extends Error {
  constructor(readonly information: readonly Information[]) {
    super('conflict');
  }
}

/** More versions were tried than `pipTries`. */
class Endless extends Error {}

/** So often in conflicts while not yet taken, a package is taken before others. */
const PROMOTED_AFTER = 5;

/**
 * Goes the way that the newest pip goes, so that where pip finds an answer it is this one: package
 * after package in pip's order, newest first, with pip's way of taking back what was taken before.
 * @returns the version of every package, those too that nothing needs any more; undefined where the
 *   way ends, or is longer than `pipRounds`: unlike PubGrub it is not complete.
 * @see https://pip.pypa.io/en/stable/topics/more-dependency-resolution/
 */
export async function walkLikePip(
  request: ResolveRequest,
): Promise<ReadonlyMap<string, Version> | undefined> {
  try {
    return await new Walk(request).run();
  } catch (thrown) {
    if (thrown instanceof Endless) return undefined;
    throw thrown;
  }
}

class Walk {
  readonly #request: ResolveRequest;
  readonly #lists = new Map<string, readonly CandidateVersion[]>();
  readonly #needs = new Map<string, readonly Need[] | undefined>();
  readonly #asked = new Map<string, number>();
  readonly #conflicts = new Map<string, number>();
  #states: State[] = [];
  /** Where the walk was when it first went back further than is surely right. */
  #saved: State[] | undefined;
  #isDaring = true;
  #tries = 0;

  constructor(request: ResolveRequest) {
    this.#request = request;
  }

  async run(): Promise<ReadonlyMap<string, Version> | undefined> {
    const roots = await this.#roots();
    const criteria: Criteria = new Map();
    try {
      for (const need of roots) this.#require(criteria, need, undefined);
    } catch (thrown) {
      if (thrown instanceof Conflict) return undefined;
      throw thrown;
    }
    this.#states = [{ pins: new Map(), criteria, causes: [] }];
    this.#push();
    for (let round = 0; round < BOUNDS.pipRounds; round++) {
      this.#request.signal?.throwIfAborted();
      const id = this.#next();
      if (id === undefined) return this.#versions();
      if (!(await this.#step(id))) return undefined;
    }
    return undefined;
  }

  get #state(): State {
    const state = this.#states.at(-1);
    assert(state !== undefined);
    return state;
  }

  #push(): void {
    const { pins, criteria, causes } = this.#state;
    this.#states.push({ pins: new Map(pins), criteria: new Map(criteria), causes });
  }

  #versions(): Map<string, Version> {
    return new Map([...this.#state.pins.values()].map(({ name, version }) => [name, version]));
  }

  /** The user's needs, with extras last; their order is the order in which they are taken. */
  async #roots(): Promise<Need[]> {
    const { requirements, direct } = this.#request;
    await this.#load(requirements.map(({ name }) => name));
    const needs: Need[] = [];
    requirements.forEach((requirement, at) => {
      if (requirement.extras === undefined) return;
      const isDirect = direct?.has(requirement.name) === true;
      const exact = isDirect ? this.#lists.get(requirement.name)?.[0]?.version : undefined;
      const own = needsOf(exact === undefined ? requirement : { ...requirement, exact });
      const [first] = own;
      if (first !== undefined && !this.#asked.has(first.id)) this.#asked.set(first.id, at);
      needs.push(...own);
    });
    return [
      ...needs.filter(({ extras }) => extras.length === 0),
      ...needs.filter(({ extras }) => extras.length > 0),
    ];
  }

  async #load(names: readonly string[]): Promise<void> {
    const { provider } = this.#request;
    await Promise.all(
      names.map(async (name) => {
        if (this.#lists.has(name)) return;
        const list = await provider.versions(name);
        this.#lists.set(name, list);
        const [newest] = list;
        if (newest !== undefined) provider.expect?.(name, newest.version);
      }),
    );
  }

  /** @throws Conflict. */
  #require(criteria: Criteria, need: Need, parent: Pin | undefined): void {
    const known = criteria.get(need.id);
    const information = [...(known?.information ?? []), { need, parent }];
    const incompatible = known?.incompatible ?? [];
    const candidates = this.#candidates(need, information, criteria, incompatible);
    if (candidates.length === 0) throw new Conflict(information);
    const { id, name, extras } = need;
    criteria.set(id, { identity: { id, name, extras }, candidates, information, incompatible });
  }

  #candidates(
    identity: Identity,
    information: readonly Information[],
    criteria: Criteria,
    incompatible: readonly Version[],
  ): Version[] {
    const list = this.#lists.get(identity.name) ?? [];
    return candidatesFor(identity, information, criteria, incompatible, list, this.#request);
  }

  /** What is decided next; undefined where everything is. */
  #next(): string | undefined {
    const { pins, criteria, causes } = this.#state;
    const open = [...criteria].flatMap(([id, one]) => (fits(one, pins.get(id)) ? [] : id));
    if (open.length < 2) return open[0];
    const inConflict = new Set<string>();
    for (const { need, parent } of causes) {
      for (const id of [need.id, ...(parent === undefined ? [] : [parent.id])]) {
        inConflict.add(id);
        if (!pins.has(id)) this.#conflicts.set(id, (this.#conflicts.get(id) ?? 0) + 1);
      }
    }
    const isPromoted = (id: string): boolean => (this.#conflicts.get(id) ?? 0) >= PROMOTED_AFTER;
    const narrowed = [open.filter((id) => inConflict.has(id)), open.filter(isPromoted), open];
    const choice = narrowed.find((ids) => ids.length > 0) ?? [];
    const rank = (id: string): (number | string)[] => {
      const criterion = criteria.get(id);
      const own = criterion === undefined ? [] : rankOf(criterion, this.#asked.get(id));
      return [Number(!isPromoted(id)), ...own, id];
    };
    return choice.reduce((best, id) => (isBefore(rank(id), rank(best)) ? id : best));
  }

  /** Takes a version of an identity, or goes back; false where there is no way on. */
  async #step(id: string): Promise<boolean> {
    const { pins, criteria } = this.#state;
    const satisfied = [...criteria].flatMap(([one, known]) =>
      fits(known, pins.get(one)) ? one : [],
    );
    const causes = await this.#take(id);
    if (causes !== undefined) return this.#recover(causes);
    const taken = this.#state;
    const loosened = new Set(
      satisfied.filter((one) => {
        const criterion = taken.criteria.get(one);
        return criterion !== undefined && !fits(criterion, taken.pins.get(one));
      }),
    );
    forget(taken.criteria, loosened);
    this.#push();
    return true;
  }

  /** Takes the first candidate whose needs can be met; answers the causes where none is. */
  async #take(id: string): Promise<Information[] | undefined> {
    const state = this.#state;
    const criterion = state.criteria.get(id);
    assert(criterion !== undefined);
    const causes = new Set<Information>();
    for (const version of criterion.candidates) {
      const pin: Pin = { ...criterion.identity, version };
      if (++this.#tries > BOUNDS.pipTries) throw new Endless();
      const needs = await this.#needsOf(pin);
      if (needs === undefined) continue;
      const criteria = new Map(state.criteria);
      try {
        for (const need of needs) this.#require(criteria, need, pin);
      } catch (thrown) {
        if (!(thrown instanceof Conflict)) throw thrown;
        for (const one of thrown.information) causes.add(one);
        continue;
      }
      state.criteria = criteria;
      state.pins.delete(id);
      state.pins.set(id, pin);
      return undefined;
    }
    return causes.size > 0 ? [...causes] : [...criterion.information];
  }

  /** What a pin needs; undefined where it cannot be used at all. */
  async #needsOf({ id, name, extras, version }: Pin): Promise<readonly Need[] | undefined> {
    const key = `${id}\0${version.text}`;
    if (this.#needs.has(key)) return this.#needs.get(key);
    const { provider } = this.#request;
    const nodes = extras.length === 0 ? [name] : extras.map((extra) => `${name}[${extra}]`);
    const needs = new Map<string, Need>();
    for (const node of nodes) {
      const facts = await provider.facts(node, version);
      if ('unusable' in facts) {
        this.#needs.set(key, undefined);
        return undefined;
      }
      await this.#load(facts.dependencies.map((edge) => edge.name));
      for (const edge of facts.dependencies.filter((one) => one.extras !== undefined)) {
        for (const need of needsOf(edge)) needs.set(`${need.id} ${edge.text}`, need);
      }
    }
    const list = [...needs.values()];
    this.#needs.set(key, list);
    return list;
  }

  /** After a conflict: back to where another version may help. */
  #recover(causes: readonly Information[]): boolean {
    const isBack = this.#back(causes);
    if (isBack) {
      this.#state.causes = causes;
      return true;
    }
    if (!this.#isDaring || this.#saved === undefined) return false;
    this.#isDaring = false;
    this.#states = this.#saved;
    this.#saved = undefined;
    return true;
  }

  #back(causes: readonly Information[]): boolean {
    const involved = new Set(
      causes.flatMap(({ need, parent }) =>
        parent === undefined ? [need.id] : [need.id, parent.id],
      ),
    );
    while (this.#states.length >= 3) {
      this.#states.pop();
      const broken = this.#takeBack(involved);
      if (broken === undefined) return false;
      this.#push();
      if (this.#ruleOut(broken)) return true;
    }
    return false;
  }

  /** Gives up pins from the last one on, to the first that may have led to the conflict. */
  #takeBack(involved: ReadonlySet<string>): { criteria: Criteria; last: Pin } | undefined {
    for (;;) {
      const broken = this.#states.pop();
      const last = broken && [...broken.pins.values()].at(-1);
      if (broken === undefined || last === undefined) return undefined;
      broken.pins.delete(last.id);
      const answer = { criteria: broken.criteria, last };
      const isApart = !involved.has(last.id);
      if (!this.#isDaring && isApart) return answer;
      if (this.#isDaring && isApart) this.#saved ??= this.#states.map(copyOf);
      const needs = this.#needs.get(`${last.id}\0${last.version.text}`) ?? [];
      if (needs.some(({ id }) => involved.has(id)) || broken.pins.size === 0) return answer;
      if (this.#states.length <= 1) return undefined;
    }
  }

  /** Carries over what conflicts have ruled out so far, with the pin that was given up. */
  #ruleOut({ criteria, last }: { criteria: Criteria; last: Pin }): boolean {
    const known = [...criteria].map(([id, { incompatible }]) => ({ id, incompatible }));
    const own = this.#state.criteria;
    for (const { id, incompatible } of [...known, { id: last.id, incompatible: [last.version] }]) {
      const criterion = own.get(id);
      if (incompatible.length === 0 || criterion === undefined) continue;
      const all = [...incompatible, ...criterion.incompatible];
      const { identity, information } = criterion;
      const candidates = this.#candidates(identity, information, own, all);
      if (candidates.length === 0) return false;
      own.set(id, { identity, candidates, information, incompatible: all });
    }
    return true;
  }
}

function copyOf({ pins, criteria, causes }: State): State {
  return { pins: new Map(pins), criteria: new Map(criteria), causes };
}

/** What pins that no longer hold have asked for counts no more; what it left of candidates stays. */
function forget(criteria: Criteria, parents: ReadonlySet<string>): void {
  if (parents.size === 0) return;
  for (const [id, { identity, candidates, information, incompatible }] of criteria) {
    const kept = information.filter(
      ({ parent }) => parent === undefined || !parents.has(parent.id),
    );
    if (kept.length === information.length) continue;
    criteria.set(id, { identity, candidates, information: kept, incompatible });
  }
}

function isBefore(a: readonly (number | string)[], b: readonly (number | string)[]): boolean {
  for (const [at, left] of a.entries()) {
    const right = b[at];
    if (right === undefined || left === right) continue;
    return left < right;
  }
  return false;
}
