import { PIECE_SIZE_BYTES } from '../domain/piece.js';
import { Deadlines } from './deadlines.js';
import type { Peer } from './events.js';
import { LineRate, runBytesAt } from './line-rate.js';
import { OpenAsks } from './open-asks.js';
import type { PeerState } from './peer-state.js';
import { Picking } from './picking.js';
import { POLICY } from './policy.js';
import type { TransferState } from './transfer-state.js';

/**
 * The pulling half: which leaves to ask of whom. A source is asked for whatever it likes to give;
 * a sibling for what the fewest peers have. The last leaves are asked for twice.
 */
export class Asking {
  readonly #state: TransferState;
  readonly #asks: OpenAsks;
  readonly #picking: Picking;
  readonly #deadlines: Deadlines;
  readonly #rate = new LineRate();
  #missingBytes = 0;

  constructor(state: TransferState) {
    this.#state = state;
    this.#asks = new OpenAsks(state);
    this.#picking = new Picking(state, this.#asks);
    this.#deadlines = new Deadlines(state, this.#asks);
  }

  /** Bytes that are wanted and not yet verified. */
  get missingBytes(): number {
    return this.#missingBytes;
  }

  want(leaves: readonly number[], urgent: boolean): void {
    for (const leaf of leaves) {
      const wasMissing = this.#state.isMissing(leaf);
      this.#state.wanted.add(leaf);
      if (!this.#state.isMissing(leaf)) continue;
      if (!wasMissing) this.#missingBytes += this.#state.map.lengthBytes(leaf);
      if (urgent) this.#state.urgent.add(leaf);
    }
    this.#state.lookAgain();
  }

  /** A leaf that was held is gone: it is missing again where it is wanted. */
  missAgain(leaf: number): void {
    if (this.#state.isMissing(leaf)) this.#missingBytes += this.#state.map.lengthBytes(leaf);
    this.#state.lookAgain();
  }

  /**
   * Takes the verified leaves of an answer, ends the request, and withdraws what others were asked
   * of the same. Returns the leaves that are new.
   */
  answered(
    peer: PeerState | undefined,
    id: number,
    good: readonly number[],
    now: number,
  ): number[] {
    const state = this.#state;
    const ask = peer?.asks.get(id);
    if (peer !== undefined) {
      if (good.length > 0 || (peer.isSource && ask !== undefined)) {
        peer.lastAnsweredMs = now;
        peer.timeouts = 0;
      }
      if (ask !== undefined) {
        if (good.length > 0) peer.paid(state.map.bytesOf(good), ask.sentMs, now);
        this.#asks.close(peer, ask);
      }
    }
    if (good.length > 0) this.#deadlines.answered(ask, now);
    const fresh: number[] = [];
    this.#rate.arrived(state.map.bytesOf(good), now);
    for (const leaf of good) {
      if (state.held.has(leaf) || state.storing.has(leaf)) continue;
      if (state.isMissing(leaf)) this.#missingBytes -= state.map.lengthBytes(leaf);
      state.storing.add(leaf);
      state.storingBytes += state.map.lengthBytes(leaf);
      state.urgent.delete(leaf);
      fresh.push(leaf);
    }
    if (peer !== undefined && ask?.leaves !== undefined) {
      // What was asked for and not sent, the peer does not have.
      for (const leaf of ask.leaves) {
        if (state.isMissing(leaf)) state.lost(peer, leaf);
      }
    }
    this.#asks.withdraw(fresh);
    return fresh;
  }

  /** Puts a peer's open requests back: they will go elsewhere. */
  abandon(peer: PeerState): void {
    this.#asks.closeAllAt(peer);
    this.#state.lookAgain();
  }

  /** Requests that nobody answers are cancelled; returns the peers that let too many pass. */
  expire(now: number): PeerState[] {
    this.#deadlines.writeOffLate(now, this.#isTail());
    return this.#deadlines.expire(now);
  }

  /** Asks every peer that has room for more. */
  fill(now: number): void {
    if (this.#missingBytes === 0) {
      this.#asks.cancelAll();
      return;
    }
    for (const peer of this.#shuffled()) {
      if (peer.isSource) this.#fillSource(peer, now);
      else this.#fillSibling(peer, now);
    }
  }

  fillOne(id: Peer, now: number): void {
    const peer = this.#state.peers.get(id);
    if (peer === undefined || this.#missingBytes === 0) return;
    if (peer.isSource) this.#fillSource(peer, now);
    else this.#fillSibling(peer, now);
  }

  #fillSource(peer: PeerState, now: number): void {
    // What siblings promised is no reason not to ask a source: they need not keep it.
    if (this.#isStoringMuch()) return;
    this.#askForUrgent(peer, now);
    const open = this.#openRequests(peer);
    while (peer.asks.size < open) this.#ask(peer, undefined, now);
    // One more than the open ones, so that a leaf that is late elsewhere can be had from here.
    if (peer.asks.size === open) {
      const late = this.#late(peer, now, POLICY.duplicateAtSourceAfterMs);
      if (late !== undefined) this.#ask(peer, [late], now);
    }
  }

  #openRequests(source: PeerState): number {
    const bytes = source.bytesPerMs * POLICY.pipelineAtSourceMs;
    const requests = Math.ceil(bytes / this.#maxBytes(source));
    return Math.min(POLICY.requestsPerPeer >> 1, Math.max(POLICY.requestsPerSource, requests));
  }

  #fillSibling(peer: PeerState, now: number): void {
    this.#askForUrgent(peer, now);
    while (!this.#isFull() && this.#hasRoom(peer, now)) {
      const rarest = peer.exhausted ? undefined : this.#picking.rarest(peer);
      if (rarest !== undefined) {
        this.#askAround(rarest, peer, now);
        continue;
      }
      peer.exhausted = true;
      const late = this.#late(peer, now, POLICY.duplicateAfterMs);
      if (late === undefined) return;
      this.#ask(peer, [late], now);
    }
  }

  /** As many requests as keep its line busy until the next one reaches it. */
  #hasRoom(peer: PeerState, now: number): boolean {
    const [oldest] = peer.asks.values();
    if (oldest === undefined) return true;
    if (peer.asks.size >= POLICY.requestsPerPeer) return false;
    // It may answer others all the same: each that it does not would keep room from those that do.
    if (now - oldest.sentMs > this.#deadlines.lateMs(POLICY.stuckMs)) return false;
    return peer.askedBytes < peer.bytesPerMs * POLICY.pipelineMs;
  }

  /** What somebody waits for goes first, and where queues are full too. */
  #askForUrgent(peer: PeerState, now: number): void {
    if (this.#state.urgent.count === 0) return;
    const most = POLICY.requestsPerPeer + POLICY.requestsForUrgent;
    for (let asked = 0; asked < POLICY.requestsForUrgent && peer.asks.size < most; asked++) {
      const urgent = this.#picking.urgent(peer);
      if (urgent === undefined) return;
      this.#askAround(urgent, peer, now);
    }
  }

  /** A leaf that is late elsewhere, later where this is not the end. */
  #late(peer: PeerState, now: number, lateMs: number): number | undefined {
    const afterMs = this.#deadlines.lateMs(this.#isTail() ? lateMs : POLICY.lateMs);
    return this.#picking.late(peer, now, afterMs);
  }

  #askAround(leaf: number, peer: PeerState, now: number): void {
    this.#ask(peer, this.#picking.runAround(leaf, peer, this.#maxBytes(peer)), now);
  }

  #ask(peer: PeerState, leaves: number[] | undefined, now: number): void {
    const state = this.#state;
    const maxBytes = this.#maxBytes(peer);
    const ask = this.#asks.open(peer, leaves, now);
    let siblings = 0;
    for (const other of state.peers.values()) if (!other.isSource) siblings++;
    const inOrder = this.#isAlone();
    const { id } = ask;
    state.actions.push({ type: 'ask', peer: peer.id, id, leaves, maxBytes, siblings, inOrder });
    this.#deadlines.asked(ask);
  }

  /** With one source and no siblings. With two sources in order each would send what the other does. */
  #isAlone(): boolean {
    const [first, second] = this.#state.peers.values();
    return first?.isSource === true && second === undefined;
  }

  /** Towards the end single pieces travel, so that the last ones come from many at once. */
  #maxBytes(peer: PeerState): number {
    if (this.#isAlone()) return runBytesAt(peer.bytesPerMs);
    if (this.#isTail()) return PIECE_SIZE_BYTES;
    return this.#rate.runBytes();
  }

  #isTail(): boolean {
    return this.#missingBytes <= this.#rate.tailBytes();
  }

  #isFull(): boolean {
    return this.#asks.bytesInFlight >= this.#rate.bytesInFlight() || this.#isStoringMuch();
  }

  #isStoringMuch(): boolean {
    return this.#state.storingBytes >= POLICY.bytesBeingStored;
  }

  #shuffled(): PeerState[] {
    const peers = [...this.#state.peers.values()];
    for (let i = peers.length - 1; i > 0; i--) {
      const j = this.#state.random.integer(i + 1);
      const swapped = peers[i] as PeerState;
      peers[i] = peers[j] as PeerState;
      peers[j] = swapped;
    }
    return peers;
  }
}
