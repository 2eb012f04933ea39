import { BOUNDS } from '../../domain/bounds.js';

/**
 * How much of answers waits in memory for their readers: never more than so much together, however many
 * read and however slowly. While few answers are under way their parts are long, which is quick; each
 * that may still come finds room for a short one, so nobody waits for a slow reader's memory.
 */
export class UploadRoom {
  readonly #answers: number;
  readonly #mostBytes: number;
  readonly #leastBytes: number;
  /** By answer: its part that is read, or on its way. */
  readonly #held = new Map<number, number>();
  #heldBytes = 0;
  #left = Promise.withResolvers<void>();

  /** @param answers that are under way at once. */
  constructor(answers: number, mostBytes: number = BOUNDS.uploadWaitingBytes) {
    this.#answers = answers;
    this.#mostBytes = mostBytes;
    this.#leastBytes = Math.min(BOUNDS.uploadLeastPartBytes, Math.floor(mostBytes / answers));
  }

  get heldBytes(): number {
    return this.#heldBytes;
  }

  /**
   * How long the next part of an answer may be, whose last one has left. One that was dropped may take a
   * moment to end: whoever has its place waits for that.
   */
  async take(answer: number, wantedBytes: number): Promise<number> {
    this.leave(answer);
    while (this.#held.size >= this.#answers) await this.#left.promise;
    const others = this.#answers - this.#held.size - 1;
    const free = this.#mostBytes - this.#heldBytes - others * this.#leastBytes;
    const bytes = Math.min(wantedBytes, free);
    // Its next part may be as long as a short one, also where this one is not.
    const held = Math.max(bytes, this.#leastBytes);
    this.#held.set(answer, held);
    this.#heldBytes += held;
    return bytes;
  }

  leave(answer: number): void {
    const bytes = this.#held.get(answer);
    if (bytes === undefined) return;
    this.#held.delete(answer);
    this.#heldBytes -= bytes;
    this.#left.resolve();
    this.#left = Promise.withResolvers();
  }
}
