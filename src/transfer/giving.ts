import { scan } from './bitmap.js';
import type { PeerState, QueuedRequest } from './peer-state.js';
import { POLICY } from './policy.js';
import type { TransferState } from './transfer-state.js';
import { UploadWindow } from './upload-window.js';

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
  readonly #window = new UploadWindow();
  /** Answers that the network has not taken, of all peers. */
  #unsent = 0;
  /** The turn of the peer that was served last: who comes anew begins there. */
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
  asked(
    peer: PeerState,
    request: QueuedRequest,
    { siblings, inOrder }: { siblings: number; inOrder: boolean },
  ): boolean {
    if (peer.queue.length >= POLICY.requestsQueued) return false;
    peer.queue.push(request);
    peer.siblings = siblings;
    peer.inOrder = inOrder;
    peer.lastAskedMs = request.receivedMs;
    return true;
  }

  withdrawn(peer: PeerState, id: number): void {
    const at = peer.queue.findIndex((request) => request.id === id);
    if (at >= 0) peer.queue.splice(at, 1);
  }

  sent(peer: PeerState, id: number, now: number): void {
    const upload = peer.sending.get(id);
    if (upload === undefined || upload.isSent) return;
    upload.isSent = true;
    peer.unsent--;
    this.#unsent--;
    if (upload.unconfirmed === 0) this.#end(peer, id, true, now);
  }

  /** A peer told that it has a leaf. Whether that ended an answer. */
  confirmed(peer: PeerState, leaf: number, now: number): boolean {
    if (peer.underWay.size === 0) return false;
    const upload = peer.underWay.get(leaf);
    if (upload === undefined) return false;
    peer.underWay.delete(leaf);
    upload.unconfirmed--;
    if (upload.unconfirmed > 0 || !upload.isSent) return false;
    for (const [id, other] of peer.sending) if (other === upload) this.#end(peer, id, true, now);
    return true;
  }

  #end(peer: PeerState, id: number, arrived: boolean, now: number): void {
    const upload = peer.sending.get(id);
    if (upload === undefined) return;
    peer.sending.delete(id);
    this.#window.end(upload.bytes, arrived, now);
    if (upload.unconfirmed === 0) return;
    for (const [leaf, other] of peer.underWay) if (other === upload) peer.underWay.delete(leaf);
  }

  left(peer: PeerState, now: number): void {
    for (const id of [...peer.sending.keys()]) this.#end(peer, id, false, now);
    this.#unsent -= peer.unsent;
    peer.unsent = 0;
    this.look();
  }

  /** Answers what can be answered, a request a peer in turn. */
  serve(now: number): void {
    for (;;) {
      const served = this.#inTurn(now).find((peer) => this.#serveOne(peer, now));
      if (served === undefined) return;
      this.#turn = Math.max(this.#turn, served.turn);
    }
  }

  /** Whose turn it is: the one first that got least for its weight, newcomers among the others. */
  #inTurn(now: number): PeerState[] {
    if (this.#unsent >= POLICY.uploadsInAll) return [];
    const waiting: PeerState[] = [];
    for (const peer of this.#state.peers.values()) {
      if (peer.queue.length === 0 || peer.unsent >= POLICY.uploadsPerPeer) continue;
      if (peer.sending.size === 0) peer.turn = Math.max(peer.turn, this.#turn);
      waiting.push(peer);
    }
    if (waiting.length === 0) return waiting;
    const isFull = this.#window.isFull(0) && this.#window.isFull(this.#slowBytes(now));
    const served = isFull
      ? waiting.filter((peer) => peer.givenBytes === 0 && peer.sending.size === 0)
      : waiting;
    return served.sort((a, b) => a.turn - b.turn);
  }

  /** What waits for its readers. Where the network has it and nobody tells of it, it is forgotten. */
  #slowBytes(now: number): number {
    const { slowMs } = this.#window;
    let bytes = 0;
    for (const peer of this.#state.peers.values()) {
      for (const [id, upload] of peer.sending) {
        const dueMs = upload.sinceMs + slowMs;
        if (now < dueMs) this.#state.wakeBy(dueMs);
        else if (upload.isSent) this.#end(peer, id, false, now);
        else bytes += upload.bytes;
      }
    }
    return bytes;
  }

  /** Who spreads what it is given gets more of it. */
  #weight(peer: PeerState): number {
    const halfBytes = Math.max(
      POLICY.unspreadAtLeastBytes,
      this.#window.bytesPerMs * POLICY.unspreadMs,
    );
    return Math.max(POLICY.weightAtLeast, 1 / (1 + peer.unspreadBytes / halfBytes));
  }

  #serveOne(peer: PeerState, now: number): boolean {
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
    const bytes = state.map.bytesOf(leaves);
    peer.turn += (bytes + POLICY.turnBytes) / this.#weight(peer);
    for (const leaf of leaves) {
      state.given(peer, leaf);
      this.#sentCount[leaf] = (this.#sentCount[leaf] ?? 0) + 1;
      this.#sentMs[leaf] = now;
    }
    if (leaves.length > 0) {
      peer.lastGivenMs = now;
      peer.givenBytes += bytes;
    }
    const upload = { sinceMs: now, bytes, unconfirmed: 0, isSent: false };
    for (const leaf of leaves) {
      if (peer.held.has(leaf) || peer.underWay.has(leaf)) continue;
      peer.underWay.set(leaf, upload);
      upload.unconfirmed++;
    }
    peer.sending.set(request.id, upload);
    peer.unsent++;
    this.#unsent++;
    this.#window.begin(bytes);
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
      peer.inOrder ? 0 : state.random.integer(Math.max(length, 1)),
      (word) => this.#lackedWord(peer, word),
      (leaf) => {
        const covering = this.#covering(leaf);
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
    const covering = this.#covering(best);
    const isLike = (leaf: number): boolean =>
      ((this.#lackedWord(peer, leaf >>> 5) >>> (leaf & 31)) & 1) === 1 &&
      this.#covering(leaf) === covering &&
      this.#sentCount[leaf] === this.#sentCount[best];
    return this.#state.map.around(best, maxBytes, isLike);
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
    if (!isServedElsewhere) return sinceMs + this.#repeatAfterMs();
    // What one peer alone keeps for long is stuck; what two have gets around.
    const isStuck = this.#covering(leaf) < 2;
    return sinceMs + (isStuck ? this.#repeatAfterMs() : POLICY.repeatMuchLaterMs);
  }

  /**
   * How many have a leaf, as they say. Of what never left here nobody is believed: who claims to have
   * all of it would hold everybody else up.
   */
  #covering(leaf: number): number {
    return this.#sentCount[leaf] === 0 ? 0 : (this.#state.covering[leaf] ?? 0);
  }

  /** The time that a piece takes to get around. */
  #repeatAfterMs(): number {
    const { bytesPerMs } = this.#window;
    if (bytesPerMs === 0) return POLICY.repeatAtMostMs;
    const ms = POLICY.repeatAfterBytes / bytesPerMs;
    return Math.min(POLICY.repeatAtMostMs, Math.max(POLICY.repeatAtLeastMs, ms));
  }

  #isExpecting(now: number): boolean {
    for (const untilMs of this.#expected.values()) if (untilMs > now) return true;
    return false;
  }

  /** A peer that asks on although it was sent everything has not got all of it. */
  #reconsiderGiven(peer: PeerState, now: number): void {
    if (peer.given.count === 0 || peer.sending.size > 0 || peer.lacking === 0) return;
    if (now - peer.lastGivenMs > POLICY.givenForgottenMs) this.#state.forgetGiven(peer);
  }
}
