import { BOUNDS } from '../../../src/domain/bounds.js';
import type { Contact, LookupEvent, Owner } from '../../../src/network/events.js';
import { Lookup } from '../../../src/network/lookup.js';
import { lookupFirst, lookupStart } from '../../../src/network/lookup-answer.js';
import type { Position } from '../../../src/network/position.js';
import { QuestionBatches } from '../../../src/network/question-batches.js';
import { positions } from '../../network/kit.js';
import type { VirtualTime } from '../virtual-time.js';
import type { Measures } from './measures.js';
import type { SimulatedNode } from './simulated-node.js';

export interface Told {
  found: (owners: readonly Owner[]) => void;
  ended: (closest: readonly Contact[], hops: number) => void;
}

export interface Question {
  key: Position;
  isSearch: boolean;
  tell: (event: LookupEvent) => void;
}

/** Of one node to another, in one sense: what `GatheredQuestions` keeps. */
export interface Lane {
  other: SimulatedNode;
  batches: QuestionBatches<Question>;
  wakeMs: number;
}

export interface WalksWorld {
  time: VirtualTime;
  measures: Measures;
  nodeOf: (did: string) => SimulatedNode | undefined;
  /** Who is heard of is brought up to date before a table is looked at. */
  beats: (node: SimulatedNode) => void;
  answer: (
    other: SimulatedNode,
    question: Question,
    asker: SimulatedNode,
  ) => { owners: Owner[]; closer: Contact[] };
}

/** Walks as `swarm/public/walks.ts` drives them: the questions of many to one node go in one message. */
export class SimulatedWalks {
  readonly #world: WalksWorld;

  constructor(world: WalksWorld) {
    this.#world = world;
  }

  walk(node: SimulatedNode, key: Position, isSearch: boolean, told: Told): void {
    const { time, measures, beats } = this.#world;
    const { session } = node;
    beats(node);
    node.table.used(key, time.now);
    const start = lookupStart(node.table, key, time.now);
    const first = lookupFirst(node.table, key, this.#dialled(node), time.now);
    const own = { key, self: node.did, positions };
    const lookup = new Lookup({ ...own, first, start, isSearch, now: time.now });
    const startedMs = time.now;
    const waiting: { lane: Lane; question: Question }[] = [];
    let wakeMs = Infinity;
    let hasOwner = false;
    const tell = (event: LookupEvent): void => {
      if (node.session !== session || !node.isOnline) return;
      for (const action of lookup.handle(event, time.now)) {
        if (action.type === 'ask')
          this.#ask(node, action.node, { key, isSearch, tell }, (lane, question) =>
            waiting.push({ lane, question }),
          );
        else if (action.type === 'found') {
          if (!hasOwner && isSearch) measures.firstOwnerMs.push(time.now - startedMs);
          hasOwner = true;
          told.found(action.owners);
        } else if (action.type === 'ended') {
          for (const { lane, question } of waiting) lane.batches.remove(question);
          if (isSearch) measures.walked(action, time.now - startedMs);
          told.ended(action.closest, action.hops);
        } else if (action.atMs < wakeMs || wakeMs <= time.now) {
          wakeMs = action.atMs;
          time.at(action.atMs, () => {
            if (wakeMs === action.atMs) wakeMs = Infinity;
            if (!lookup.isOver) tell({ type: 'tick' });
          });
        }
      }
    };
    tell({ type: 'tick' });
  }

  #dialled(node: SimulatedNode): Contact[] {
    const { time, nodeOf } = this.#world;
    const dialled: Contact[] = [];
    for (const [did, { untilMs, session }] of node.links) {
      const other = nodeOf(did);
      if (untilMs > time.now && other?.isOnline === true && other.session === session)
        dialled.push(other.contact);
    }
    return dialled;
  }

  #ask(
    node: SimulatedNode,
    { did }: Contact,
    question: Question,
    waits: (lane: Lane, question: Question) => void,
  ): void {
    const { time, nodeOf } = this.#world;
    const other = nodeOf(did);
    const { session } = node;
    const askedMs = time.now;
    const fail = (ms: number): void =>
      time.after(ms, () => {
        if (node.session !== session) return;
        this.#failed(node, did, askedMs);
        question.tell({ type: 'failed', node: did });
      });
    // A name that was made up, or a machine that is off: nothing comes. One that runs refuses.
    if (other === undefined) return fail(BOUNDS.lookupAskMs);
    if (!other.isOnline)
      return fail(other.number % 2 === 0 ? node.roundTripMs(other) : BOUNDS.lookupAskMs);
    time.after(node.reachMs(other, time.now), () => {
      if (node.session !== session || !node.isOnline) return;
      const lane = this.#lane(node, other, question.isSearch);
      waits(lane, question);
      lane.batches.add(question, time.now);
      this.#proceed(node, lane);
    });
  }

  #lane(node: SimulatedNode, other: SimulatedNode, isSearch: boolean): Lane {
    const name = `${other.did} ${isSearch}`;
    let lane = node.lanes.get(name);
    if (lane === undefined) {
      lane = { other, batches: new QuestionBatches<Question>(), wakeMs: Infinity };
      node.lanes.set(name, lane);
    }
    return lane;
  }

  #proceed(node: SimulatedNode, lane: Lane): void {
    const { time } = this.#world;
    const { batches } = lane;
    for (;;) {
      const message = batches.next(time.now);
      if (message === undefined) break;
      this.#send(node, lane, message);
    }
    const nextMs = batches.nextMs();
    if (nextMs === Infinity || lane.wakeMs === nextMs) return;
    lane.wakeMs = nextMs;
    time.at(nextMs, () => {
      if (lane.wakeMs === nextMs) lane.wakeMs = Infinity;
      this.#proceed(node, lane);
    });
  }

  #send(node: SimulatedNode, lane: Lane, message: readonly Question[]): void {
    const { time, measures, beats, answer } = this.#world;
    const { other, batches } = lane;
    const { session } = node;
    const askedMs = time.now;
    const tripMs = node.roundTripMs(other);
    measures.messages += 1;
    measures.questions += message.length;
    const done = (): void => {
      batches.answered();
      if (node.session !== session) return;
      this.#proceed(node, lane);
      if (batches.isIdle) node.lanes.delete(`${other.did} ${message[0]?.isSearch ?? true}`);
    };
    time.after(tripMs, () => {
      if (node.session !== session) return;
      if (!other.isOnline) {
        time.after(BOUNDS.lookupAskMs, () => {
          this.#failed(node, other.did, askedMs);
          for (const { tell } of message) tell({ type: 'failed', node: other.did });
        });
        time.after(2 * BOUNDS.lookupAskMs, done);
        return;
      }
      beats(other);
      other.answers += message.length;
      node.table.answered(other.contact, tripMs, time.now);
      const answers = message.map((question) => answer(other, question, node));
      message.forEach(({ tell }, i) => tell({ type: 'answered', node: other.did, ...answers[i]! }));
      done();
    });
  }

  /** Questions that were all on their way when a node fell silent are one failure. */
  #failed(node: SimulatedNode, did: string, askedMs: number): void {
    if (askedMs <= (node.failedMs.get(did) ?? -Infinity)) return;
    node.failedMs.set(did, this.#world.time.now);
    node.links.delete(did);
    node.table.failed(did);
  }
}
