import { BOUNDS } from '../domain/bounds.js';
import type { OpenAsks } from './open-asks.js';
import type { OpenAsk, PeerState } from './peer-state.js';
import { POLICY } from './policy.js';
import type { TransferState } from './transfer-state.js';

/** When an answer is late, when its request is written off, and when it is over. */
export class Deadlines {
  readonly #state: TransferState;
  readonly #asks: OpenAsks;
  /** When the next request can be overdue. */
  #expiresMs = Infinity;
  /** What a sibling's answers take, of late. */
  #answerMs = 0;
  /** When a verified leaf last came, or the first was asked for. */
  #lastGoodMs: number | undefined;

  constructor(state: TransferState, asks: OpenAsks) {
    this.#state = state;
    this.#asks = asks;
  }

  asked(ask: OpenAsk): void {
    this.#lastGoodMs ??= ask.sentMs;
    if (ask.leaves !== undefined) this.#state.wakeBy(ask.sentMs + POLICY.starvedMs);
    this.#expireBy(ask.sentMs + BOUNDS.requestDeadlineMs);
  }

  /** Verified leaves came. @param ask of which they are the answer, where it was open. */
  answered(ask: OpenAsk | undefined, now: number): void {
    this.#lastGoodMs = now;
    if (ask?.leaves === undefined) return;
    const tookMs = now - ask.sentMs;
    this.#answerMs = this.#answerMs === 0 ? tookMs : this.#answerMs * 0.9 + tookMs * 0.1;
  }

  /** Where answers take long, later. */
  lateMs(atLeastMs: number): number {
    return Math.max(atLeastMs, this.#answerMs * POLICY.lateAnswers);
  }

  /** Requests that nobody answers are cancelled; returns the peers that let too many pass. */
  expire(now: number): PeerState[] {
    const silent: PeerState[] = [];
    if (now < this.#expiresMs) {
      this.#state.wakeBy(this.#expiresMs);
      return silent;
    }
    this.#expiresMs = Infinity;
    for (const peer of this.#state.peers.values()) {
      for (const ask of [...peer.asks.values()]) {
        const due = dueMs(peer, ask);
        if (now < due) {
          this.#expireBy(due);
          continue;
        }
        this.#asks.cancel(peer, ask);
        peer.timeouts++;
      }
      if (peer.timeouts >= POLICY.requestsUnanswered) silent.push(peer);
    }
    return silent;
  }

  /** What siblings do not answer keeps neither the line's room nor leaves from those that would. */
  writeOffLate(now: number, isTail: boolean): void {
    if (this.#lastGoodMs === undefined) return;
    const lateMs = this.lateMs(isTail ? POLICY.stuckMs : POLICY.writtenOffMs);
    for (const { ask } of this.#asks.named()) {
      if (ask.isWrittenOff) continue;
      const starvedMs = Math.max(ask.sentMs, this.#lastGoodMs) + POLICY.starvedMs;
      const dueMs = Math.min(starvedMs, ask.sentMs + lateMs);
      if (now < dueMs) {
        this.#state.wakeBy(dueMs);
        return;
      }
      this.#asks.writeOff(ask);
    }
  }

  #expireBy(atMs: number): void {
    this.#expiresMs = Math.min(this.#expiresMs, atMs);
    this.#state.wakeBy(atMs);
  }
}

/**
 * A slow peer whose bytes keep coming is slow, not silent; but a sibling's bytes that never become
 * a verified piece buy it only so much time.
 */
function dueMs(peer: PeerState, ask: OpenAsk): number {
  const sinceMs = Math.max(ask.sentMs, peer.lastAnsweredMs);
  const heardMs = peer.isSource
    ? peer.lastHeardMs
    : Math.min(peer.lastHeardMs, sinceMs + POLICY.slowMs);
  return Math.max(sinceMs, heardMs) + BOUNDS.requestDeadlineMs;
}
