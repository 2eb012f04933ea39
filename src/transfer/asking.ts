import { BOUNDS } from '../domain/bounds.js';
import { PIECE_SIZE_BYTES } from '../domain/piece.js';
import { Bitmap, scan } from './bitmap.js';
import type { Peer } from './events.js';
import { LineRate, runBytesAt } from './line-rate.js';
import type { OpenAsk, PeerState } from './peer-state.js';
import { POLICY } from './policy.js';
import type { TransferState } from './transfer-state.js';

/**
 * The pulling half: which leaves to ask of whom. A source is asked for whatever it likes to give;
 * a sibling for what the fewest peers have. The last leaves are asked for twice.
 */
export class Asking {
  readonly #state: TransferState;
  /** Asked for by number at one peer or more, and at how many. */
  readonly #asked: Bitmap;
  readonly #askers = new Map<number, number>();
  /** Requests for named leaves, the oldest first. */
  readonly #open = new Map<number, { peer: PeerState; ask: OpenAsk }>();
  /** When the next request can be overdue. */
  #expiresMs = Infinity;
  readonly #urgent: Bitmap;
  readonly #rate = new LineRate();
  #missingBytes = 0;
  #bytesInFlight = 0;
  /** What a sibling's answers take, of late. */
  #answerMs = 0;
  /** When a verified leaf last came, or the first was asked for. */
  #lastGoodMs: number | undefined;

  constructor(state: TransferState) {
    this.#state = state;
    this.#asked = new Bitmap(state.map.leafCount);
    this.#urgent = new Bitmap(state.map.leafCount);
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
      if (urgent) this.#urgent.add(leaf);
    }
    this.#refresh();
  }

  /** A leaf that was held is gone: it is missing again where it is wanted. */
  missAgain(leaf: number): void {
    if (this.#state.isMissing(leaf)) this.#missingBytes += this.#state.map.lengthBytes(leaf);
    this.#refresh();
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
        this.#measure(peer, ask, good, now);
        this.#close(peer, ask);
      }
    }
    if (good.length > 0) this.#lastGoodMs = now;
    const fresh: number[] = [];
    this.#rate.arrived(state.map.bytesOf(good), now);
    for (const leaf of good) {
      if (state.held.has(leaf) || state.storing.has(leaf)) continue;
      if (state.isMissing(leaf)) this.#missingBytes -= state.map.lengthBytes(leaf);
      state.storing.add(leaf);
      state.storingBytes += state.map.lengthBytes(leaf);
      this.#urgent.delete(leaf);
      fresh.push(leaf);
    }
    if (peer !== undefined && ask?.leaves !== undefined) {
      // What was asked for and not sent, the peer does not have.
      for (const leaf of ask.leaves) {
        if (state.isMissing(leaf)) state.lost(peer, leaf);
      }
    }
    this.#withdraw(fresh);
    return fresh;
  }

  #measure(peer: PeerState, ask: OpenAsk, good: readonly number[], now: number): void {
    if (good.length === 0) return;
    peer.paid(this.#state.map.bytesOf(good), ask.sentMs, now);
    if (ask.leaves === undefined) return;
    const tookMs = now - ask.sentMs;
    this.#answerMs = this.#answerMs === 0 ? tookMs : this.#answerMs * 0.9 + tookMs * 0.1;
  }

  /** Puts a peer's open requests back: they will go elsewhere. */
  abandon(peer: PeerState): void {
    for (const ask of [...peer.asks.values()]) this.#close(peer, ask);
    this.#refresh();
  }

  /** Requests that nobody answers are cancelled; returns the peers that let too many pass. */
  expire(now: number): PeerState[] {
    const silent: PeerState[] = [];
    this.#writeOffLate(now);
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
        this.#cancel(peer, ask);
        peer.timeouts++;
      }
      if (peer.timeouts >= POLICY.requestsUnanswered) silent.push(peer);
    }
    return silent;
  }

  /** What siblings do not answer keeps neither the line's room nor leaves from those that would. */
  #writeOffLate(now: number): void {
    if (this.#lastGoodMs === undefined) return;
    const lateMs = this.#lateMs(this.#isTail() ? POLICY.stuckMs : POLICY.writtenOffMs);
    for (const { ask } of this.#open.values()) {
      if (ask.isWrittenOff) continue;
      const starvedMs = Math.max(ask.sentMs, this.#lastGoodMs) + POLICY.starvedMs;
      const dueMs = Math.min(starvedMs, ask.sentMs + lateMs);
      if (now < dueMs) {
        this.#state.wakeBy(dueMs);
        return;
      }
      this.#writeOff(ask);
    }
  }

  /** Asks every peer that has room for more. */
  fill(now: number): void {
    if (this.#missingBytes === 0) {
      this.#cancelAll();
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
      const late = this.#pickLate(peer, now, POLICY.duplicateAtSourceAfterMs);
      if (late.length > 0) this.#ask(peer, late, now);
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
      let leaves = peer.exhausted ? [] : this.#pick(peer);
      if (leaves.length === 0) {
        peer.exhausted = true;
        leaves = this.#pickLate(peer, now, POLICY.duplicateAfterMs);
      }
      if (leaves.length === 0) return;
      this.#ask(peer, leaves, now);
    }
  }

  /** As many requests as keep its line busy until the next one reaches it. */
  #hasRoom(peer: PeerState, now: number): boolean {
    const [oldest] = peer.asks.values();
    if (oldest === undefined) return true;
    if (peer.asks.size >= POLICY.requestsPerPeer) return false;
    // It may answer others all the same: each that it does not would keep room from those that do.
    if (now - oldest.sentMs > this.#lateMs(POLICY.stuckMs)) return false;
    return peer.askedBytes < peer.bytesPerMs * POLICY.pipelineMs;
  }

  /** What somebody waits for goes first, and where queues are full too. */
  #askForUrgent(peer: PeerState, now: number): void {
    if (this.#urgent.count === 0) return;
    const most = POLICY.requestsPerPeer + POLICY.requestsForUrgent;
    for (let asked = 0; asked < POLICY.requestsForUrgent && peer.asks.size < most; asked++) {
      const leaves = this.#pickUrgent(peer);
      if (leaves.length === 0) return;
      this.#ask(peer, leaves, now);
    }
  }

  #pickUrgent(peer: PeerState): number[] {
    let first = -1;
    scan(
      this.#state.map.leafCount,
      0,
      (word) => this.#openWord(peer, word) & (this.#urgent.words[word] ?? 0),
      (leaf) => {
        first = leaf;
        return false;
      },
    );
    return first < 0 ? [] : this.#runAround(first, peer);
  }

  /** Missing, held by a peer, and asked for nowhere, as a word of 32 leaves. */
  #openWord(peer: PeerState, word: number): number {
    return (
      this.#state.missingWord(word) & (peer.held.words[word] ?? 0) & ~(this.#asked.words[word] ?? 0)
    );
  }

  /** The rarest missing leaf that a peer has, random among equals, and its neighbours in the run. */
  #pick(peer: PeerState): number[] {
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
    if (best < 0) return [];
    return this.#runAround(best, peer);
  }

  #runAround(best: number, peer: PeerState): number[] {
    const { map } = this.#state;
    const run = map.runOf(best);
    const maxBytes = this.#maxBytes(peer);
    const isOpen = (leaf: number): boolean =>
      this.#state.isMissing(leaf) && peer.held.has(leaf) && !this.#asked.has(leaf);
    let first = best;
    let bytes = map.lengthBytes(best);
    // From the run's start, so that two requests do not cut it in odd parts.
    for (let leaf = best - 1; leaf >= run.first && isOpen(leaf); leaf--) {
      if (bytes + map.lengthBytes(leaf) > maxBytes) break;
      bytes += map.lengthBytes(leaf);
      first = leaf;
    }
    const leaves: number[] = [];
    for (let leaf = first; leaf <= best; leaf++) leaves.push(leaf);
    for (let leaf = best + 1; leaf < run.end && isOpen(leaf); leaf++) {
      if (bytes + map.lengthBytes(leaf) > maxBytes) break;
      bytes += map.lengthBytes(leaf);
      leaves.push(leaf);
    }
    return leaves;
  }

  /** The oldest leaf that another peer was asked for and has not sent, where this one has it too. */
  #pickLate(peer: PeerState, now: number, lateMs: number): number[] {
    const afterMs = this.#lateMs(this.#isTail() ? lateMs : POLICY.lateMs);
    for (const { peer: other, ask } of this.#open.values()) {
      if (ask.sentMs > now - afterMs) {
        this.#state.wakeBy(Math.max(ask.sentMs + afterMs, now + POLICY.retryMs));
        break;
      }
      if (other === peer || ask.isWrittenOff) continue;
      const leaf = ask.leaves?.find(
        (candidate) =>
          peer.held.has(candidate) &&
          this.#state.isMissing(candidate) &&
          (this.#askers.get(candidate) ?? 0) < POLICY.asksPerLeaf &&
          !isAskedOf(peer, candidate),
      );
      if (leaf !== undefined) return [leaf];
    }
    return [];
  }

  /** Where answers take long, later. */
  #lateMs(atLeastMs: number): number {
    return Math.max(atLeastMs, this.#answerMs * POLICY.lateAnswers);
  }

  #ask(peer: PeerState, leaves: number[] | undefined, now: number): void {
    const state = this.#state;
    const maxBytes = this.#maxBytes(peer);
    // An open request may wait at its source for long: it takes no room on the line meanwhile.
    const bytes = leaves === undefined ? 0 : state.map.bytesOf(leaves);
    const ask: OpenAsk = { id: state.nextId(), leaves, bytes, sentMs: now, isWrittenOff: false };
    peer.asks.set(ask.id, ask);
    if (leaves !== undefined) this.#open.set(ask.id, { peer, ask });
    this.#bytesInFlight += bytes;
    peer.askedBytes += bytes;
    this.#lastGoodMs ??= now;
    if (leaves !== undefined) state.wakeBy(now + POLICY.starvedMs);
    for (const leaf of leaves ?? []) {
      this.#asked.add(leaf);
      this.#askers.set(leaf, (this.#askers.get(leaf) ?? 0) + 1);
    }
    let siblings = 0;
    for (const other of state.peers.values()) if (!other.isSource) siblings++;
    const inOrder = this.#isAlone();
    const { id } = ask;
    state.actions.push({ type: 'ask', peer: peer.id, id, leaves, maxBytes, siblings, inOrder });
    this.#expireBy(now + BOUNDS.requestDeadlineMs);
  }

  #expireBy(atMs: number): void {
    this.#expiresMs = Math.min(this.#expiresMs, atMs);
    this.#state.wakeBy(atMs);
  }

  #close(peer: PeerState, ask: OpenAsk): void {
    peer.asks.delete(ask.id);
    this.#open.delete(ask.id);
    peer.askedBytes -= ask.bytes;
    if (!ask.isWrittenOff) this.#writeOff(ask);
  }

  /** Its leaves may be asked for elsewhere, and its bytes are not expected any more. */
  #writeOff(ask: OpenAsk): void {
    ask.isWrittenOff = true;
    this.#bytesInFlight -= ask.bytes;
    for (const leaf of ask.leaves ?? []) {
      const askers = (this.#askers.get(leaf) ?? 1) - 1;
      if (askers > 0) this.#askers.set(leaf, askers);
      else {
        this.#askers.delete(leaf);
        this.#asked.delete(leaf);
        if (this.#state.isMissing(leaf)) this.#refresh();
      }
    }
  }

  #cancel(peer: PeerState, ask: OpenAsk): void {
    this.#close(peer, ask);
    this.#state.actions.push({ type: 'cancel', peer: peer.id, id: ask.id });
  }

  /** Cancels requests that nothing is missing of any more. */
  #withdraw(fresh: readonly number[]): void {
    const doubled = new Set(fresh.filter((leaf) => this.#asked.has(leaf)));
    if (doubled.size === 0) return;
    for (const peer of this.#state.peers.values()) {
      for (const ask of [...peer.asks.values()]) {
        if (ask.leaves?.some((leaf) => doubled.has(leaf)) !== true) continue;
        if (!ask.leaves.some((leaf) => this.#state.isMissing(leaf))) this.#cancel(peer, ask);
      }
    }
  }

  #cancelAll(): void {
    for (const peer of this.#state.peers.values()) {
      for (const ask of [...peer.asks.values()]) this.#cancel(peer, ask);
    }
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
    return this.#bytesInFlight >= this.#rate.bytesInFlight() || this.#isStoringMuch();
  }

  #isStoringMuch(): boolean {
    return this.#state.storingBytes >= POLICY.bytesBeingStored;
  }

  #refresh(): void {
    for (const peer of this.#state.peers.values()) peer.exhausted = false;
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

function isAskedOf(peer: PeerState, leaf: number): boolean {
  for (const ask of peer.asks.values()) if (ask.leaves?.includes(leaf) === true) return true;
  return false;
}
