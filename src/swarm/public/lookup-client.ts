import PQueue from 'p-queue';
import { BOUNDS } from '../../domain/bounds.js';
import type { Did } from '../../domain/bundle.js';
import { networkId } from '../../network/position.js';
import { FrameStream } from '../frames.js';
import {
  decodeAnswer,
  encodeRequest,
  LOOKUP_PROTOCOL,
  type AskerWord,
  type LookupAnswer,
  type LookupAsk,
} from './lookup-messages.js';
import type { NodeConnection } from './node-host.js';

/** It is there, and does not answer now: it was asked too much. */
export class BusyNode extends Error {}

/** Streams at once to one node: those that end there a little later than here have their place too. */
const ASKS_OF_NODE = BOUNDS.lookupStreams / 2;

/**
 * Asks `/x/lookup/1`, one request a stream. A node is asked so much at once and no more, or it would
 * refuse the rest: other questions to it wait.
 */
export class LookupClient {
  readonly #network: Uint8Array;
  readonly #word: () => AskerWord;
  readonly #addressesOf: (did: Did) => readonly string[];
  readonly #queues = new Map<Did, PQueue>();

  /**
   * @param word What this node states of itself.
   * @param addressesOf What is known of a node that is named without an address.
   */
  constructor(
    network: string,
    word: () => AskerWord,
    addressesOf: (did: Did) => readonly string[] = () => [],
  ) {
    this.#network = networkId(network);
    this.#word = word;
    this.#addressesOf = addressesOf;
  }

  /**
   * @returns the answer, and the milliseconds between question and answer.
   * @throws BusyNode; Error where it does not answer, answers nonsense, or is of another network; the
   *   signal's reason.
   */
  async ask(
    connection: NodeConnection,
    ask: LookupAsk,
    signal: AbortSignal,
  ): Promise<LookupAnswer & { roundTripMs: number }> {
    const { did } = connection;
    const queue = this.#queues.get(did) ?? new PQueue({ concurrency: ASKS_OF_NODE });
    this.#queues.set(did, queue);
    try {
      return await queue.add(() => this.#ask(connection, ask, signal), { signal });
    } finally {
      if (queue.size + queue.pending === 0) this.#queues.delete(did);
    }
  }

  async #ask(
    connection: NodeConnection,
    ask: LookupAsk,
    signal: AbortSignal,
  ): Promise<LookupAnswer & { roundTripMs: number }> {
    const stream = await connection.open(LOOKUP_PROTOCOL, signal);
    const sentMs = performance.now();
    try {
      const answer = await new Promise<LookupAnswer>((resolve, reject) => {
        const frames = new FrameStream(
          stream,
          {
            onFrame: (frame) => {
              // Who names itself is where it was asked, also where it states no address.
              const known = (did: Did): readonly string[] =>
                did === connection.did ? [connection.address] : this.#addressesOf(did);
              const read = decodeAnswer(frame, known);
              if (read === 'busy') reject(new BusyNode('it was asked too much'));
              else if (read === 'other-network') reject(new Error('it is of another network'));
              else if (read.more.length > 0 && read.more.length !== ask.keys.length - 1)
                reject(new Error('it answered other questions'));
              else resolve(read);
            },
            onEnd: (error) => {
              signal.removeEventListener('abort', abort);
              reject(error ?? new Error('it hung up'));
            },
          },
          BOUNDS.lookupAnswerBytes,
        );
        const abort = (): void =>
          frames.abort(signal.reason instanceof Error ? signal.reason : new Error('given up'));
        signal.addEventListener('abort', abort);
        if (signal.aborted) abort();
        else frames.send(encodeRequest(this.#network, ask, this.#word()));
      });
      const roundTripMs = performance.now() - sentMs;
      stream.close({ signal: AbortSignal.timeout(BOUNDS.closeStreamMs) }).catch((error: Error) => {
        stream.abort(error);
      });
      return { ...answer, roundTripMs };
    } catch (error) {
      stream.abort(error instanceof Error ? error : new Error(String(error)));
      throw error;
    }
  }
}
