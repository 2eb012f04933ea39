interface Waiting<T> {
  item: T;
  resolve: () => void;
  reject: (reason: unknown) => void;
}

export interface GroupOptions<T> {
  /** What a group takes at most, in whatever `weigh` counts; a single item may be heavier. */
  maxWeight: number;
  weigh: (item: T) => number;
  /** Makes a whole group durable. Never runs twice at once. */
  flush: (group: readonly T[]) => Promise<void>;
  /** What a failed flush means to those who waited for it. */
  failed: (error: unknown, group: readonly T[]) => unknown;
}

/**
 * Group commit: whatever comes while one flush is under way shares the next, so that many small
 * durable writes cost few flushes. Callers wait for their own item, which bounds the queue.
 */
export class GroupQueue<T> {
  readonly #options: GroupOptions<T>;
  #waiting: Waiting<T>[] = [];
  #flushing: Promise<void> | undefined;

  constructor(options: GroupOptions<T>) {
    this.#options = options;
  }

  /** Resolves when the item is flushed. */
  add(item: T): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ item, resolve, reject });
      this.#flushing ??= this.#flushAll();
    });
  }

  /** Resolves when nothing waits. */
  async idle(): Promise<void> {
    await this.#flushing;
  }

  async #flushAll(): Promise<void> {
    // One turn of the loop lets everything that is ready join the first group.
    await new Promise(setImmediate);
    while (this.#waiting.length > 0) {
      const group = this.#nextGroup();
      const items = group.map(({ item }) => item);
      try {
        await this.#options.flush(items);
        for (const { resolve } of group) resolve();
      } catch (error) {
        const reason = this.#options.failed(error, items);
        for (const { reject } of group) reject(reason);
      }
    }
    this.#flushing = undefined;
  }

  #nextGroup(): Waiting<T>[] {
    const { maxWeight, weigh } = this.#options;
    let count = 0;
    let weight = 0;
    for (const { item } of this.#waiting) {
      weight += weigh(item);
      if (count > 0 && weight > maxWeight) break;
      count += 1;
    }
    return this.#waiting.splice(0, count);
  }
}
