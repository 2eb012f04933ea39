import { BOUNDS } from '../../domain/bounds.js';
import { TokenBucket } from '../../network/token-bucket.js';

/** How much is answered: to each network its part, and so much in all. */
export class QuestionGate {
  readonly #all: TokenBucket;
  /** The one that asked last stands last. */
  readonly #groups = new Map<string, TokenBucket>();

  constructor(now: number) {
    this.#all = new TokenBucket(BOUNDS.allLookupsBurst, BOUNDS.allLookupsPerSecond, now);
  }

  /** @param cost In questions: 1 or more. */
  takes(group: string, cost: number, now: number): boolean {
    let bucket = this.#groups.get(group);
    // Who is over its part takes nothing of what the others share.
    bucket ??= new TokenBucket(BOUNDS.lookupBurst, BOUNDS.lookupsPerSecond, now);
    this.#groups.delete(group);
    this.#groups.set(group, bucket);
    if (this.#groups.size > BOUNDS.lookupGroups) {
      const [oldest] = this.#groups.keys();
      if (oldest !== undefined) this.#groups.delete(oldest);
    }
    if (!bucket.has(now) || !this.#all.has(now)) return false;
    for (let i = 0; i < cost; i++) {
      bucket.take(now);
      this.#all.take(now);
    }
    return true;
  }
}
