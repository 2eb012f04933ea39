/** Counts the bytes that are on disk and verified, and who they came from. */
export class ProgressMeter {
  #held: number;
  #fromMaster = 0;
  #fromSiblings = 0;

  constructor(heldBytes: number) {
    this.#held = heldBytes;
  }

  get heldBytes(): number {
    return this.#held;
  }

  add(bytes: number, fromMaster: boolean): void {
    this.#held += bytes;
    if (fromMaster) this.#fromMaster += bytes;
    else this.#fromSiblings += bytes;
  }

  remove(bytes: number): void {
    this.#held -= bytes;
  }

  snapshot(): { bytes: number; fromMaster: number; fromSiblings: number } {
    return { bytes: this.#held, fromMaster: this.#fromMaster, fromSiblings: this.#fromSiblings };
  }
}
