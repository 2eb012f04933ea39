import { scan } from './bitmap.js';
import type { OpenAsks } from './open-asks.js';
import type { PeerState } from './peer-state.js';
import { POLICY } from './policy.js';
import type { TransferState } from './transfer-state.js';

/** Which of the missing leaves one peer is asked for next. It asks for nothing itself. */
export class Picking {
  readonly #state: TransferState;
  readonly #asks: OpenAsks;

  constructor(state: TransferState, asks: OpenAsks) {
    this.#state = state;
    this.#asks = asks;
  }

  /** The first leaf that somebody waits for and this peer has. */
  urgent(peer: PeerState): number | undefined {
    let first = -1;
    scan(
      this.#state.map.leafCount,
      0,
      (word) => this.#openWord(peer, word) & (this.#state.urgent.words[word] ?? 0),
      (leaf) => {
        first = leaf;
        return false;
      },
    );
    return first < 0 ? undefined : first;
  }

  /** The rarest missing leaf that a peer has, random among equals. */
  rarest(peer: PeerState): number | undefined {
    const state = this.#state;
    let best = -1;
    let bestScore = Infinity;
    let seen = 0;
    const length = state.map.leafCount;
    const wordAt = (word: number): number => this.#openWord(peer, word);
    scan(length, state.random.integer(length), wordAt, (leaf) => {
      const score = state.covering[leaf] ?? 0;
      if (score < bestScore) {
        best = leaf;
        bestScore = score;
      }
      return ++seen < POLICY.candidates;
    });
    return best < 0 ? undefined : best;
  }

  /** Missing, held by a peer, and asked for nowhere, as a word of 32 leaves. */
  #openWord(peer: PeerState, word: number): number {
    return this.#state.missingWord(word) & (peer.held.words[word] ?? 0) & ~this.#asks.word(word);
  }

  /** A leaf and its neighbours in the run that stand like it. */
  runAround(best: number, peer: PeerState, maxBytes: number): number[] {
    const isOpen = (leaf: number): boolean =>
      this.#state.isMissing(leaf) && peer.held.has(leaf) && !this.#asks.has(leaf);
    return this.#state.map.around(best, maxBytes, isOpen);
  }

  /** The oldest leaf that another peer was asked for and has not sent, where this one has it too. */
  late(peer: PeerState, now: number, afterMs: number): number | undefined {
    for (const { peer: other, ask } of this.#asks.named()) {
      if (ask.sentMs > now - afterMs) {
        this.#state.wakeBy(Math.max(ask.sentMs + afterMs, now + POLICY.retryMs));
        break;
      }
      if (other === peer || ask.isWrittenOff) continue;
      const leaf = ask.leaves?.find(
        (candidate) =>
          peer.held.has(candidate) &&
          this.#state.isMissing(candidate) &&
          this.#asks.askersOf(candidate) < POLICY.asksPerLeaf &&
          !isAskedOf(peer, candidate),
      );
      if (leaf !== undefined) return leaf;
    }
    return undefined;
  }
}

function isAskedOf(peer: PeerState, leaf: number): boolean {
  for (const ask of peer.asks.values()) if (ask.leaves?.includes(leaf) === true) return true;
  return false;
}
