import { BOUNDS } from '../domain/bounds.js';
import type { Sha256 } from '../domain/digest.js';
import type { LeafSpan } from '../transfer/index.js';
import type { PieceLink } from './piece-link.js';

/** Leaf hashes as a peer has them, unverified. Rejects where the peer fails. */
export type AskForTrees = (
  link: PieceLink,
  wanted: ReadonlyMap<Sha256, number>,
) => Promise<Map<Sha256, Uint8Array[]>>;

/**
 * Asks peers one after another for a batch of the missing trees, until one answers with some that
 * are what was signed. Returns the artifacts that can be verified now; none where no peer had any.
 * @param onFailure Told of a peer that failed at answering.
 */
export async function fetchTrees(
  missing: ReadonlyMap<Sha256, LeafSpan>,
  links: readonly PieceLink[],
  ask: AskForTrees,
  accept: (span: LeafSpan, leaves: Uint8Array[]) => boolean,
  onFailure: (link: PieceLink) => void,
): Promise<LeafSpan[]> {
  for (const link of links) {
    for (const batch of batches(missing.values())) {
      let answered: Map<Sha256, Uint8Array[]>;
      try {
        answered = await ask(link, new Map(batch.map((span) => [span.sha256, span.leafCount])));
      } catch {
        // This peer will not say; whether it is broken shows on its link. The next one is asked.
        onFailure(link);
        break;
      }
      const learnt = batch.filter((span) => {
        const leaves = answered.get(span.sha256);
        return leaves !== undefined && accept(span, leaves);
      });
      if (learnt.length > 0) return learnt;
    }
  }
  return [];
}

function* batches(spans: Iterable<LeafSpan>): Iterable<LeafSpan[]> {
  let batch: LeafSpan[] = [];
  let bytes = 0;
  for (const span of spans) {
    const treeBytes = span.leafCount * 32;
    const isFull =
      batch.length >= BOUNDS.treesPerRequest || bytes + treeBytes > BOUNDS.treeBytesPerRequest;
    if (isFull && batch.length > 0) {
      yield batch;
      batch = [];
      bytes = 0;
    }
    batch.push(span);
    bytes += treeBytes;
  }
  if (batch.length > 0) yield batch;
}

/** Learns the trees that are missing, from whoever has them, until there are none or it is stopped. */
export class TreeLearner {
  readonly #links: () => readonly PieceLink[];
  readonly #ask: AskForTrees;
  readonly #accept: (span: LeafSpan, leaves: Uint8Array[]) => boolean;
  readonly #onLearnt: (span: LeafSpan, urgent: boolean) => void;
  readonly #missing = new Map<Sha256, LeafSpan>();
  readonly #urgent = new Set<Sha256>();
  /** Asked after all others: each of them may take its whole deadline to fail again. */
  readonly #failed = new WeakSet<PieceLink>();
  #isRunning = false;
  #isStopped = false;
  #wakeUp: (() => void) | undefined;

  /**
   * @param links Whom to ask, the best first.
   * @param accept Takes a tree where it is the signed one.
   */
  constructor(
    links: () => readonly PieceLink[],
    ask: AskForTrees,
    accept: (span: LeafSpan, leaves: Uint8Array[]) => boolean,
    onLearnt: (span: LeafSpan, urgent: boolean) => void,
  ) {
    this.#links = links;
    this.#ask = ask;
    this.#accept = accept;
    this.#onLearnt = onLearnt;
  }

  want(span: LeafSpan, urgent: boolean): void {
    this.#missing.set(span.sha256, span);
    if (urgent) this.#urgent.add(span.sha256);
    if (!this.#isRunning) {
      this.#isRunning = true;
      void this.#run();
    }
    this.wake();
  }

  /** There is somebody new to ask. */
  wake(): void {
    this.#wakeUp?.();
  }

  stop(): void {
    this.#isStopped = true;
    this.wake();
  }

  /** Never rejects: whom asking fails at is passed over. */
  async #run(): Promise<void> {
    while (!this.#isStopped && this.#missing.size > 0) {
      const learnt = await fetchTrees(
        this.#missing,
        this.#linksInTurn(),
        this.#ask,
        this.#accept,
        (link) => this.#failed.add(link),
      );
      if (this.#isStopped) break;
      for (const span of learnt) {
        this.#missing.delete(span.sha256);
        this.#onLearnt(span, this.#urgent.delete(span.sha256));
      }
      if (learnt.length === 0) await this.#untilThereMayBeMore();
    }
    this.#isRunning = false;
  }

  #linksInTurn(): PieceLink[] {
    const rank = (link: PieceLink): number => (this.#failed.has(link) ? 1 : 0);
    return [...this.#links()].sort((a, b) => rank(a) - rank(b));
  }

  async #untilThereMayBeMore(): Promise<void> {
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, BOUNDS.treeRetryMs);
      this.#wakeUp = () => {
        clearTimeout(timer);
        resolve();
      };
    });
    this.#wakeUp = undefined;
  }
}
