import { BOUNDS } from '../../domain/bounds.js';
import type { Did } from '../../domain/bundle.js';
import type { NodeKind } from '../../domain/network-node.js';
import type { Position } from '../../network/position.js';
import { QuestionBatches } from '../../network/question-batches.js';
import type { LookupClient } from './lookup-client.js';
import type { NodeConnection } from './node-host.js';
import type { PlaceWord } from './place-answers.js';

export type PlaceReply = PlaceWord & { kind: NodeKind; roundTripMs: number };

interface Question {
  connection: NodeConnection;
  key: Position;
  resolve: (reply: PlaceReply) => void;
  /** All of a message that fails get the same error. */
  reject: (error: unknown) => void;
  isOver: boolean;
}

/** Of one node, in one sense: whoever asks for its place only is not told of as wanting it. */
interface Lane {
  did: Did;
  isSearch: boolean;
  batches: QuestionBatches<Question>;
  timer: NodeJS.Timeout | undefined;
}

/** Questions of many walks to the same nodes, several in a message: it sends what `QuestionBatches` says. */
export class GatheredQuestions {
  readonly #client: Pick<LookupClient, 'ask'>;
  readonly #now: () => number;
  readonly #lanes = new Map<string, Lane>();
  /** They answer one at a time; the one that was seen last stands last. */
  readonly #single = new Set<Did>();

  constructor(client: Pick<LookupClient, 'ask'>, now: () => number) {
    this.#client = client;
    this.#now = now;
  }

  /** @throws as LookupClient.ask: of a message that fails, the same error to everybody; the signal's reason. */
  async ask(
    connection: NodeConnection,
    { key, isSearch }: { key: Position; isSearch: boolean },
    signal: AbortSignal,
  ): Promise<PlaceReply> {
    signal.throwIfAborted();
    const lane = this.#lane(connection.did, isSearch);
    const { batches } = lane;
    let stop = (): void => undefined;
    try {
      return await new Promise<PlaceReply>((resolve, reject) => {
        const question = { connection, key, resolve, reject, isOver: false };
        stop = () => {
          question.isOver = true;
          batches.remove(question);
          reject(signal.reason instanceof Error ? signal.reason : new Error('given up'));
        };
        signal.addEventListener('abort', stop);
        batches.add(question, this.#now());
        this.#proceed(lane);
      });
    } finally {
      signal.removeEventListener('abort', stop);
      this.#leave(lane);
    }
  }

  #lane(did: Did, isSearch: boolean): Lane {
    const name = `${did} ${isSearch}`;
    const known = this.#lanes.get(name);
    if (known !== undefined) return known;
    const lane = { did, isSearch, batches: new QuestionBatches<Question>(), timer: undefined };
    this.#lanes.set(name, lane);
    return lane;
  }

  #leave(lane: Lane): void {
    if (!lane.batches.isIdle) return;
    clearTimeout(lane.timer);
    this.#lanes.delete(`${lane.did} ${lane.isSearch}`);
  }

  #proceed(lane: Lane): void {
    const { batches, did } = lane;
    const atMost = this.#single.has(did) ? 1 : BOUNDS.lookupKeys;
    for (;;) {
      const message = batches.next(this.#now(), atMost);
      if (message === undefined) break;
      void this.#send(lane, message).finally(() => {
        batches.answered();
        this.#proceed(lane);
        this.#leave(lane);
      });
    }
    clearTimeout(lane.timer);
    const waitMs = batches.nextMs() - this.#now();
    if (waitMs !== Infinity)
      lane.timer = setTimeout(() => this.#proceed(lane), Math.max(1, waitMs));
  }

  async #send({ did, isSearch, batches }: Lane, message: readonly Question[]): Promise<void> {
    const keys = message.map(({ key }) => key);
    const [first] = message;
    if (first === undefined) return;
    // Who gave up is not waited for, and a late answer is welcome to the others.
    const signal = AbortSignal.timeout(2 * BOUNDS.lookupAskMs);
    try {
      const ask = { type: 'question', keys, isSearch } as const;
      const { more, ...answer } = await this.#client.ask(first.connection, ask, signal);
      const { kind, roundTripMs, ...word } = answer;
      if (more.length < message.length - 1) this.#isSingle(did);
      message.forEach((question, i) => {
        const said = i === 0 ? word : more[i - 1];
        if (said !== undefined) question.resolve({ ...said, kind, roundTripMs });
        else if (!question.isOver) batches.add(question, this.#now());
      });
    } catch (error) {
      for (const { reject } of message) reject(error);
    }
  }

  #isSingle(did: Did): void {
    this.#single.delete(did);
    this.#single.add(did);
    if (this.#single.size <= BOUNDS.singleNodes) return;
    const [oldest] = this.#single;
    if (oldest !== undefined) this.#single.delete(oldest);
  }
}
