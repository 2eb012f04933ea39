/** Work that runs side by side as long as its weight allows; the first failure is everybody's. */
export class SideBySide {
  readonly #maxWeight: number;
  readonly #under = new Set<Promise<void>>();
  #weight = 0;
  #failed: { thrown: unknown } | undefined;

  constructor(maxWeight: number) {
    this.#maxWeight = maxWeight;
  }

  /**
   * Begins work as soon as there is room for it; what weighs more than all may alone.
   * @throws what earlier work threw.
   */
  async begin(weight: number, work: () => Promise<void>): Promise<void> {
    while (this.#under.size > 0 && this.#weight + weight > this.#maxWeight) {
      await Promise.race(this.#under);
    }
    this.#throwFailure();
    this.#weight += weight;
    const running: Promise<void> = work()
      .catch((thrown: unknown) => {
        this.#failed ??= { thrown };
      })
      .finally(() => {
        this.#weight -= weight;
        this.#under.delete(running);
      });
    this.#under.add(running);
  }

  /** Resolves when nothing runs. @throws what work threw. */
  async end(): Promise<void> {
    await this.settle();
    this.#throwFailure();
  }

  /** The same, for who has a failure to tell already. */
  async settle(): Promise<void> {
    while (this.#under.size > 0) await Promise.all(this.#under);
  }

  #throwFailure(): void {
    if (this.#failed !== undefined) throw this.#failed.thrown;
  }
}
