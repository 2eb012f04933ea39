import { scan } from './bitmap.js';
import type { PeerState, QueuedRequest } from './peer-state.js';
import { POLICY } from './policy.js';
import type { TransferState } from './transfer-state.js';

/** What to answer a request with now, or when to look again. */
type Verdict = { leaves: number[] } | { waitUntilMs: number; forSpreading: boolean };

/**
 * The serving half: which leaves to give to whom. An open request gets what no sibling has and what
 * left here least often; what a sibling has, or was just sent, is held back a while, so that the
 * siblings swap and each piece leaves here about once. Every wait has an end.
 */
export class Giving {
  readonly #state: TransferState;
  /** How often each leaf left here, and when last. */
  readonly #sentCount: Uint16Array;
  readonly #sentMs: Float64Array;
  /** Who will probably join, until when. */
  readonly #expected = new Map<string, number>();
  #uploads = 0;
  /** Round robin: the peer after the one served last is looked at first. */
  #turn = 0;

  constructor(state: TransferState) {
    this.#state = state;
    this.#sentCount = new Uint16Array(state.map.leafCount);
    this.#sentMs = new Float64Array(state.map.leafCount).fill(-Infinity);
  }

  expect(peer: string, now: number): void {
    this.#expected.set(peer, now + POLICY.expectedMs);
    this.#expected.forEach((untilMs, id) => {
      if (untilMs <= now) this.#expected.delete(id);
    });
  }

  joined(peer: PeerState): void {
    this.#expected.delete(peer.id);
    this.look();
  }

  /** Something changed that waiting requests may profit from. */
  look(): void {
    for (const peer of this.#state.peers.values()) {
      for (const request of peer.queue) request.retryMs = 0;
    }
  }

  /** Whether the request was taken; false where the peer asks for too much at once. */
  asked(peer: PeerState, request: QueuedRequest, siblings: number): boolean {
    if (peer.queue.length >= POLICY.requestsQueued) return false;
    peer.queue.push(request);
    peer.siblings = siblings;
    peer.lastAskedMs = request.receivedMs;
    return true;
  }

  withdrawn(peer: PeerState, id: number): void {
    const at = peer.queue.findIndex((request) => request.id === id);
    if (at >= 0) peer.queue.splice(at, 1);
  }

  sent(peer: PeerState | undefined, id: number): void {
    if (peer?.sending.delete(id) === true) this.#uploads--;
  }

  left(peer: PeerState): void {
    this.#uploads -= peer.sending.size;
    peer.sending.clear();
    this.look();
  }

  /** Answers what can be answered, a request a peer in turn. */
  serve(now: number): void {
    const peers = [...this.#state.peers.values()];
    let served = peers.length > 0;
    while (served) {
      served = false;
      for (let i = 0; i < peers.length; i++) {
        if (!this.#maySend(now)) return;
        const peer = peers[(this.#turn + i) % peers.length];
        if (peer === undefined || !this.#serveOne(peer, now)) continue;
        this.#turn = (this.#turn + i + 1) % peers.length;
        served = true;
        break;
      }
    }
  }

  /** Slow readers together never take the last places. */
  #maySend(now: number): boolean {
    if (this.#uploads < POLICY.uploads) return true;
    if (this.#uploads >= POLICY.uploadsInAll) return false;
    let slow = 0;
    for (const peer of this.#state.peers.values()) {
      for (const sinceMs of peer.sending.values()) {
        const slowMs = sinceMs + POLICY.slowUploadMs;
        if (now >= slowMs) slow++;
        else this.#state.wakeBy(slowMs);
      }
    }
    const places = Math.min(slow, POLICY.uploads - POLICY.uploadsForFast);
    return this.#uploads - slow + places < POLICY.uploads;
  }

  #serveOne(peer: PeerState, now: number): boolean {
    if (peer.sending.size >= POLICY.uploadsPerPeer) return false;
    for (const request of peer.queue) {
      if (request.retryMs > now) {
        this.#state.wakeBy(request.retryMs);
        continue;
      }
      const verdict = this.#judge(peer, request, now);
      if ('leaves' in verdict) {
        this.#send(peer, request, verdict.leaves, now);
        return true;
      }
      if (verdict.forSpreading) peer.waitingSinceMs ??= now;
      request.retryMs = Math.max(verdict.waitUntilMs, now + POLICY.retryMs);
      this.#state.wakeBy(request.retryMs);
    }
    return false;
  }

  #judge(peer: PeerState, request: QueuedRequest, now: number): Verdict {
    if (request.leaves !== undefined) {
      return { leaves: request.leaves.filter((leaf) => this.#state.held.has(leaf)) };
    }
    const verdict = this.#choose(peer, request.maxBytes, now);
    const endMs = request.receivedMs + POLICY.holdMs;
    if ('leaves' in verdict) return verdict;
    if (now >= endMs) return { leaves: [] };
    return { ...verdict, waitUntilMs: Math.min(verdict.waitUntilMs, endMs) };
  }

  #send(peer: PeerState, request: QueuedRequest, leaves: number[], now: number): void {
    const state = this.#state;
    this.withdrawn(peer, request.id);
    if (peer.waitingSinceMs !== undefined) {
      peer.waitedMs += now - peer.waitingSinceMs;
      peer.waitingSinceMs = undefined;
    }
    for (const leaf of leaves) {
      state.given(peer, leaf);
      this.#sentCount[leaf] = (this.#sentCount[leaf] ?? 0) + 1;
      this.#sentMs[leaf] = now;
    }
    if (leaves.length > 0) {
      peer.lastGivenMs = now;
      peer.givenBytes += state.map.bytesOf(leaves);
    }
    peer.sending.set(request.id, now);
    this.#uploads++;
    state.actions.push({ type: 'send', peer: peer.id, id: request.id, leaves });
  }

  #choose(peer: PeerState, maxBytes: number, now: number): Verdict {
    const state = this.#state;
    const allowedBytes = this.#freshAllowance(peer, now);
    let best = -1;
    let bestScore = Infinity;
    let seen = 0;
    let eligibleMs = Infinity;
    let freshHeldBack = false;
    const length = state.map.leafCount;
    scan(
      length,
      state.random.integer(Math.max(length, 1)),
      (word) => this.#lackedWord(peer, word),
      (leaf) => {
        const covering = state.covering[leaf] ?? 0;
        if (covering === 0 && state.map.lengthBytes(leaf) > allowedBytes) freshHeldBack = true;
        else {
          const fromMs = covering === 0 ? 0 : this.#repeatFromMs(peer, leaf, now);
          const score = covering * 0x10000 + (this.#sentCount[leaf] ?? 0);
          if (fromMs > now) eligibleMs = Math.min(eligibleMs, fromMs);
          else if (score < bestScore) {
            best = leaf;
            bestScore = score;
          }
        }
        return ++seen < POLICY.candidates && bestScore > 0;
      },
    );
    // Repeating while fresh leaves are held back would only fill the line with copies.
    if (best >= 0 && !(freshHeldBack && bestScore >= 0x10000)) {
      const isFresh = bestScore < 0x10000;
      const bytes = isFresh ? Math.min(maxBytes, allowedBytes) : maxBytes;
      return { leaves: this.#runAround(best, peer, bytes) };
    }
    if (seen === 0) this.#reconsiderGiven(peer, now);
    return {
      waitUntilMs: freshHeldBack ? now + POLICY.retryMs : eligibleMs,
      forSpreading: freshHeldBack,
    };
  }

  /** Neighbours in the run that stand like the best one. */
  #runAround(best: number, peer: PeerState, maxBytes: number): number[] {
    const { map, covering } = this.#state;
    const run = map.runOf(best);
    const isLike = (leaf: number): boolean =>
      ((this.#lackedWord(peer, leaf >>> 5) >>> (leaf & 31)) & 1) === 1 &&
      covering[leaf] === covering[best] &&
      this.#sentCount[leaf] === this.#sentCount[best];
    let bytes = map.lengthBytes(best);
    let first = best;
    for (let leaf = best - 1; leaf >= run.first && isLike(leaf); leaf--) {
      if (bytes + map.lengthBytes(leaf) > maxBytes) break;
      bytes += map.lengthBytes(leaf);
      first = leaf;
    }
    const leaves: number[] = [];
    for (let leaf = first; leaf <= best; leaf++) leaves.push(leaf);
    for (let leaf = best + 1; leaf < run.end && isLike(leaf); leaf++) {
      if (bytes + map.lengthBytes(leaf) > maxBytes) break;
      bytes += map.lengthBytes(leaf);
      leaves.push(leaf);
    }
    return leaves;
  }

  /** What we hold and the peer wants, lacks and was not sent, as a word of 32 leaves. */
  #lackedWord(peer: PeerState, word: number): number {
    return (
      (this.#state.held.words[word] ?? 0) & peer.lackedWord(word) & ~(peer.given.words[word] ?? 0)
    );
  }

  /** How many more bytes that no sibling has this peer may get now. */
  #freshAllowance(peer: PeerState, now: number): number {
    const waitedMs =
      peer.waitedMs + (peer.waitingSinceMs === undefined ? 0 : now - peer.waitingSinceMs);
    if (waitedMs >= POLICY.patienceMs) return Infinity;
    let othersPulling = false;
    let othersActive = false;
    let newestMs = peer.joinedMs;
    for (const other of this.#state.peers.values()) {
      if (other === peer || other.isSource || other.lacking === 0) continue;
      othersPulling = true;
      othersActive ||= now - other.lastAskedMs < POLICY.othersIdleMs;
      newestMs = Math.max(newestMs, other.joinedMs);
    }
    let share: number = POLICY.shareOfFresh;
    if (!othersPulling) {
      if (now >= peer.joinedMs + POLICY.rendezvousMs && !this.#isExpecting(now)) return Infinity;
      share = POLICY.shareAlone;
    } else if (!othersActive || (peer.siblings === 0 && now > newestMs + POLICY.linkMs)) {
      return Infinity;
    }
    return share * peer.lackedBytes - peer.givenBytes;
  }

  /** From when on a leaf that others have may go to this peer too. */
  #repeatFromMs(peer: PeerState, leaf: number, now: number): number {
    if (peer.siblings === 0 && now > peer.joinedMs + POLICY.linkMs) return 0;
    const sinceMs = Math.max(this.#sentMs[leaf] ?? -Infinity, peer.joinedMs);
    const isServedElsewhere = now - peer.lastGainMs < POLICY.stalledMs;
    const hadItsShare = peer.givenBytes >= peer.lackedBytes / Math.max(2, this.#pullers());
    return (
      sinceMs + (isServedElsewhere && hadItsShare ? POLICY.repeatMuchLaterMs : POLICY.repeatAfterMs)
    );
  }

  #pullers(): number {
    let pullers = 0;
    for (const peer of this.#state.peers.values()) if (peer.lacking > 0) pullers++;
    return pullers;
  }

  #isExpecting(now: number): boolean {
    for (const untilMs of this.#expected.values()) if (untilMs > now) return true;
    return false;
  }

  /** A peer that asks on although it was sent everything has not got all of it. */
  #reconsiderGiven(peer: PeerState, now: number): void {
    if (peer.given.count === 0 || peer.sending.size > 0 || peer.lacking === 0) return;
    if (now - peer.lastGivenMs > POLICY.repeatMuchLaterMs) this.#state.forgetGiven(peer);
  }
}
