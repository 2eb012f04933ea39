import { BOUNDS } from '../domain/bounds.js';
import type { Did } from '../domain/bundle.js';
import type { Contact, LookupAction, LookupEvent, Owner } from './events.js';
import { NETWORK_POLICY as POLICY } from './policy.js';
import { compareDistance, type NodePositions, type Position } from './position.js';

interface Candidate {
  contact: Contact;
  position: Position;
  state: 'open' | 'asked' | 'answered' | 'failed';
  /** Answers in a row that led here, its own counted. */
  hops: number;
  /** Who named it; undefined: it was in this machine's own table. */
  via: Did | undefined;
  askedMs: number;
}

/** How an answerer's word turned out. */
interface Word {
  failed: number;
  answered: number;
}

/**
 * One walk towards a key: the asker goes from node to node and nobody asks on its behalf, so that no
 * question makes others work for it. Everything that an answer says is hearsay: it takes few places,
 * those of one network are few, and an answerer whose names lead nowhere is followed no longer.
 * No I/O, no clock. `now` is milliseconds of a clock that never goes back.
 */
export class Lookup {
  readonly #key: Position;
  readonly #positions: NodePositions;
  readonly #self: Did;
  readonly #startedMs: number;
  readonly #isSearch: boolean;
  readonly #first: ReadonlySet<Did>;
  /** Nearest first. */
  #candidates: Candidate[] = [];
  readonly #known = new Map<Did, Candidate>();
  readonly #words = new Map<Did, Word>();
  readonly #owners = new Map<Did, Owner>();
  readonly #ownersOfGroup = new Map<string, number>();
  #ownerHops = 0;
  #asked = 0;
  #isOver = false;

  /**
   * @param input.first asked before all others, wherever they are; none of them more than once.
   * @param input.start from this machine's own table, of different networks where it can.
   * @param input.isSearch ends with enough owners; else it goes on to the nearest nodes, to leave a
   *   record there or to fill a table.
   */
  constructor(input: {
    key: Position;
    self: Did;
    first?: readonly Contact[];
    start: readonly Contact[];
    positions: NodePositions;
    isSearch: boolean;
    now: number;
  }) {
    this.#key = input.key;
    this.#self = input.self;
    this.#positions = input.positions;
    this.#isSearch = input.isSearch;
    this.#startedMs = input.now;
    const first = input.first ?? [];
    this.#first = new Set(first.map(({ did }) => did));
    for (const contact of [...first, ...input.start]) this.#meet(contact, 1, undefined);
    this.#sort();
  }

  get isOver(): boolean {
    return this.#isOver;
  }

  handle(event: LookupEvent, now: number): LookupAction[] {
    const actions: LookupAction[] = [];
    if (this.#isOver) return actions;
    if (event.type === 'answered') this.#answered(event, actions);
    else if (event.type === 'failed') this.#fail(this.#known.get(event.node));
    for (const candidate of this.#candidates)
      if (candidate.state === 'asked' && candidate.askedMs + BOUNDS.lookupAskMs <= now)
        this.#fail(candidate);
    const reason = this.#endReason(now) ?? this.#fill(now, actions);
    if (reason !== undefined) this.#end(reason, actions);
    else actions.push({ type: 'wake', atMs: this.#nextMs(now) });
    return actions;
  }

  #answered(event: Extract<LookupEvent, { type: 'answered' }>, actions: LookupAction[]): void {
    const candidate = this.#known.get(event.node);
    // An answer that was given up is welcome; one that was never asked for is nobody's.
    if (candidate === undefined || candidate.state === 'open' || candidate.state === 'answered')
      return;
    candidate.state = 'answered';
    if (candidate.via !== undefined) this.#wordOf(candidate.via).answered += 1;
    const fresh = this.#takeOwners(event.owners, candidate.hops);
    if (fresh.length > 0) actions.push({ type: 'found', owners: fresh });
    const nearest = event.closer
      .slice(0, BOUNDS.lookupAnswerNodes)
      .map((contact) => ({ contact, position: this.#positions.of(contact.did) }))
      .sort((a, b) => compareDistance(this.#key, a.position, b.position))
      .slice(0, POLICY.candidatesOfOneAnswer);
    for (const { contact } of nearest) this.#meet(contact, candidate.hops + 1, event.node);
    this.#sort();
  }

  #takeOwners(owners: readonly Owner[], hops: number): Owner[] {
    const fresh: Owner[] = [];
    for (const owner of owners.slice(0, BOUNDS.lookupAnswerOwners)) {
      if (owner.did === this.#self || this.#owners.has(owner.did)) continue;
      if (this.#owners.size >= BOUNDS.lookupOwners) break;
      const ofGroup = this.#ownersOfGroup.get(owner.group) ?? 0;
      if (ofGroup >= BOUNDS.lookupOwnersOfGroup) continue;
      this.#ownersOfGroup.set(owner.group, ofGroup + 1);
      this.#owners.set(owner.did, owner);
      if (this.#ownerHops === 0) this.#ownerHops = hops;
      fresh.push(owner);
    }
    return fresh;
  }

  #meet(contact: Contact, hops: number, via: Did | undefined): void {
    if (contact.did === this.#self || this.#known.has(contact.did)) return;
    if (hops > BOUNDS.lookupHops || this.#known.size >= BOUNDS.lookupAsks * POLICY.alpha) return;
    const position = this.#positions.of(contact.did);
    const candidate = { contact, position, state: 'open', hops, via, askedMs: 0 } as const;
    this.#known.set(contact.did, { ...candidate });
    this.#candidates.push(this.#known.get(contact.did) as Candidate);
  }

  #sort(): void {
    this.#candidates.sort((a, b) => compareDistance(this.#key, a.position, b.position));
    // What was asked or answered stays; of the rest the nearest.
    let open = 0;
    this.#candidates = this.#candidates.filter(
      ({ state, contact }) =>
        state !== 'open' || this.#first.has(contact.did) || ++open <= POLICY.candidates,
    );
  }

  #fail(candidate: Candidate | undefined): void {
    if (candidate?.state !== 'asked') return;
    candidate.state = 'failed';
    if (candidate.via !== undefined) this.#wordOf(candidate.via).failed += 1;
  }

  #endReason(now: number): 'enough' | 'deadline' | undefined {
    if (now >= this.#startedMs + BOUNDS.lookupDeadlineMs) return 'deadline';
    if (!this.#isSearch) return undefined;
    const isEnough =
      this.#owners.size >= POLICY.owners && this.#ownersOfGroup.size >= POLICY.ownerGroups;
    return isEnough ? 'enough' : undefined;
  }

  /** Asks on; the reason to end where nothing is left to ask and nothing is awaited. */
  #fill(now: number, actions: LookupAction[]): 'exhausted' | 'limit' | undefined {
    const awaited = this.#candidates.filter(({ state }) => state === 'asked');
    let prompt = awaited.filter(({ askedMs }) => askedMs + POLICY.slowAnswerMs > now).length;
    while (prompt < POLICY.alpha && this.#asked < BOUNDS.lookupAsks) {
      const next = this.#next();
      if (next === undefined) break;
      next.state = 'asked';
      next.askedMs = now;
      this.#asked += 1;
      prompt += 1;
      awaited.push(next);
      actions.push({ type: 'ask', node: next.contact });
    }
    if (awaited.length > 0) return undefined;
    return this.#asked >= BOUNDS.lookupAsks ? 'limit' : 'exhausted';
  }

  /** Who is to be asked first, then the nearest that was not asked, up to where enough nearer ones have answered. */
  #next(): Candidate | undefined {
    const first = this.#candidates.find(
      ({ state, contact }) => state === 'open' && this.#first.has(contact.did),
    );
    if (first !== undefined) return first;
    const groups = new Map<string, number>();
    let answered = 0;
    let doubtful: Candidate | undefined;
    for (const candidate of this.#candidates) {
      if (answered >= POLICY.nearest) break;
      const { group } = candidate.contact;
      const ofGroup = groups.get(group) ?? 0;
      if (ofGroup >= BOUNDS.lookupNodesOfGroup) continue;
      if (candidate.state !== 'open') {
        groups.set(group, ofGroup + 1);
        if (candidate.state === 'answered') answered += 1;
        continue;
      }
      if (!this.#isDoubtful(candidate)) return candidate;
      doubtful ??= candidate;
    }
    return doubtful;
  }

  /** Whoever named it has named several that do not answer, and hardly any that do. */
  #isDoubtful({ via }: Candidate): boolean {
    const word = via === undefined ? undefined : this.#words.get(via);
    return word !== undefined && word.failed >= 2 && word.failed > 2 * word.answered;
  }

  #wordOf(did: Did): Word {
    let word = this.#words.get(did);
    if (word === undefined) {
      word = { failed: 0, answered: 0 };
      this.#words.set(did, word);
    }
    return word;
  }

  #end(reason: 'enough' | 'exhausted' | 'deadline' | 'limit', actions: LookupAction[]): void {
    this.#isOver = true;
    const answered = this.#candidates.filter(({ state }) => state === 'answered');
    const closest = diverse(answered, POLICY.replicas);
    const hops = this.#ownerHops > 0 ? this.#ownerHops : (closest[0]?.hops ?? 0);
    const contacts = closest.map(({ contact }) => contact);
    actions.push({ type: 'ended', reason, closest: contacts, hops, asked: this.#asked });
  }

  #nextMs(now: number): number {
    let nextMs = this.#startedMs + BOUNDS.lookupDeadlineMs;
    for (const { state, askedMs } of this.#candidates) {
      if (state !== 'asked') continue;
      const slowMs = askedMs + POLICY.slowAnswerMs;
      nextMs = Math.min(nextMs, slowMs > now ? slowMs : askedMs + BOUNDS.lookupAskMs);
    }
    return nextMs;
  }
}

function diverse(candidates: readonly Candidate[], count: number): Candidate[] {
  const groups = new Map<string, number>();
  return candidates
    .filter(({ contact: { group } }) => {
      const ofGroup = (groups.get(group) ?? 0) + 1;
      groups.set(group, ofGroup);
      return ofGroup <= BOUNDS.lookupNodesOfGroup;
    })
    .slice(0, count);
}
