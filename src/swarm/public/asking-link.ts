import type { Stream } from '@libp2p/interface';
import type { RateLimit } from '../../ports/rate-limit.js';
import { FrameStream } from '../frames.js';
import {
  decodeMessage,
  encodeMessage,
  isNonsense,
  MalformedFrame,
  type AnswerPart,
  type ArtifactAsk,
  type ArtifactMessage,
} from './artifact-frames.js';

export type AskFailure = 'absent' | 'other-tree' | 'malformed' | 'broken';

/** Who waits for an answer. */
export interface AnswerHandlers {
  /** Bytes came that are taken for this answer's: the oldest that is open on the stream. */
  onHeard(bytes: number): void;
  /** A part of it. @throws MalformedFrame where it cannot be: then the peer is cut off. */
  onPart(part: AnswerPart): void;
  /** There will be no more. Not called once the last part came, nor after a cancel. */
  onFailed(reason: AskFailure): void;
}

/** Bytes are told of so often at most while an answer comes. */
const HEARD_EVERY_MS = 100;
/** Answers of cancelled questions that are still on their way. */
const CANCELLED = 1_024;

/** The stream to one node that is asked: questions wait in it until it is open. */
export class AskingLink {
  readonly #network: Uint8Array;
  readonly #now: () => number;
  readonly #download: RateLimit | undefined;
  readonly #onOver: () => void;
  #frames: FrameStream | undefined;
  #waiting: ArtifactMessage[] = [];
  /** In the order in which they were asked. */
  readonly #open = new Map<number, AnswerHandlers>();
  readonly #cancelled = new Set<number>();
  #nextId = 1;
  #isGreeted = false;
  #isOver = false;
  #heard = { id: 0, bytes: 0, toldMs: 0 };

  constructor(deps: {
    network: Uint8Array;
    now: () => number;
    download?: RateLimit | undefined;
    onOver: () => void;
  }) {
    this.#download = deps.download;
    this.#network = deps.network;
    this.#now = deps.now;
    this.#onOver = deps.onOver;
  }

  get isOver(): boolean {
    return this.#isOver;
  }

  get isIdle(): boolean {
    return this.#open.size === 0;
  }

  use(stream: Stream): void {
    const frames: FrameStream = new FrameStream(stream, {
      onFrame: (frame) => this.#received(decodeMessage(frame)),
      onBytes: (bytes) => this.#hear(bytes),
      limit: this.#download,
      onEnd: (error) => {
        this.end(isNonsense(error) ? 'malformed' : 'broken');
        void frames.close();
      },
    });
    this.#frames = frames;
    if (this.#isOver) {
      frames.abort(new Error('not wanted any more'));
      return;
    }
    frames.send(encodeMessage({ type: 'network', id: this.#network }));
    for (const message of this.#waiting.splice(0)) frames.send(encodeMessage(message));
  }

  ask(question: Omit<ArtifactAsk, 'id'>, handlers: AnswerHandlers): number {
    const id = this.#nextId++;
    this.#open.set(id, handlers);
    this.#send({ type: 'ask', id, ...question });
    return id;
  }

  cancel(id: number): void {
    if (!this.#open.delete(id)) return;
    const waits = this.#waiting.findIndex((message) => message.type === 'ask' && message.id === id);
    if (waits >= 0) {
      this.#waiting.splice(waits, 1);
      return;
    }
    this.#cancelled.add(id);
    if (this.#cancelled.size > CANCELLED) {
      const [oldest] = this.#cancelled;
      if (oldest !== undefined) this.#cancelled.delete(oldest);
    }
    this.#send({ type: 'cancel', id });
  }

  /** What is open fails; of nonsense one question, the others broke with it. */
  end(reason: 'malformed' | 'broken'): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#waiting = [];
    this.#onOver();
    const open = [...this.#open.values()];
    this.#open.clear();
    this.#frames?.abort(new Error('not wanted any more'));
    open.forEach((handlers, at) => handlers.onFailed(at === 0 ? reason : 'broken'));
  }

  #send(message: ArtifactMessage): void {
    if (this.#frames === undefined) this.#waiting.push(message);
    else this.#frames.send(encodeMessage(message));
  }

  #received(message: ArtifactMessage): void {
    if (this.#isOver) return;
    if (!this.#isGreeted) {
      if (message.type !== 'network') throw new MalformedFrame('no word of its network');
      // It does not lie: it is of another network, and nothing is asked of it.
      if (Buffer.compare(message.id, this.#network) !== 0) throw new Error('of another network');
      this.#isGreeted = true;
      return;
    }
    if (message.type !== 'part' && message.type !== 'refusal')
      throw new MalformedFrame('no answer');
    const { id } = message;
    const handlers = this.#open.get(id);
    if (handlers === undefined) {
      if (!this.#cancelled.has(id)) throw new MalformedFrame('an answer to no question');
      if (message.type === 'refusal' || message.isLast) this.#cancelled.delete(id);
      return;
    }
    if (message.type === 'refusal') {
      this.#open.delete(id);
      handlers.onFailed(message.reason === 'busy' ? 'broken' : message.reason);
      return;
    }
    if (message.isLast) this.#open.delete(id);
    try {
      handlers.onPart(message);
    } catch (error) {
      // The one that it is about fails first.
      if (message.isLast) this.#open.set(id, handlers);
      this.#moveToFront(id);
      throw error;
    }
  }

  #moveToFront(id: number): void {
    const open = [...this.#open];
    this.#open.clear();
    for (const [key, handlers] of open.filter(([key]) => key === id)) this.#open.set(key, handlers);
    for (const [key, handlers] of open) this.#open.set(key, handlers);
  }

  /** A frame may take long to come whole: whoever sends it is there. */
  #hear(bytes: number): void {
    const [oldest] = this.#open;
    // Until both have said which network they are of, nothing of it is an answer.
    if (oldest === undefined || !this.#isGreeted) return;
    const [id, handlers] = oldest;
    const heard = this.#heard;
    heard.bytes += bytes;
    const nowMs = this.#now();
    if (heard.id === id && nowMs - heard.toldMs < HEARD_EVERY_MS) return;
    const told = heard.bytes;
    this.#heard = { id, bytes: 0, toldMs: nowMs };
    handlers.onHeard(told);
  }
}
