import { BOUNDS } from '../domain/bounds.js';
import { NETWORK_POLICY as POLICY } from './policy.js';

/**
 * Questions to one node, several in a message: what is asked within a moment goes together, and what is
 * asked while enough messages are unanswered waits, and goes with whatever else does. So a hundred walks
 * that lead to the same node cost it a message or two, and one walk alone hardly waits. No I/O, no clock.
 */
export class QuestionBatches<T> {
  #waiting: T[] = [];
  #sinceMs = 0;
  #open = 0;

  get isIdle(): boolean {
    return this.#waiting.length + this.#open === 0;
  }

  add(question: T, now: number): void {
    if (this.#waiting.length === 0) this.#sinceMs = now;
    this.#waiting.push(question);
  }

  /** Nobody waits for it any more. */
  remove(question: T): void {
    this.#waiting = this.#waiting.filter((one) => one !== question);
  }

  /** The next message, which is open until `answered`; undefined where nothing goes now. */
  next(now: number, atMost: number = BOUNDS.lookupKeys): T[] | undefined {
    if (this.nextMs() > now) return undefined;
    this.#open += 1;
    return this.#waiting.splice(0, atMost);
  }

  /** One of the messages was, or never will be. */
  answered(): void {
    this.#open -= 1;
  }

  /** When something goes, should nothing else happen. */
  nextMs(): number {
    if (this.#waiting.length === 0 || this.#open >= POLICY.questionsToOne) return Infinity;
    return this.#waiting.length >= BOUNDS.lookupKeys ? 0 : this.#sinceMs + POLICY.gatherMs;
  }
}
