import type { Random } from '../ports/random.js';
import { Asking } from './asking.js';
import type { Bitmap } from './bitmap.js';
import type { AnswerEvent, Peer, TransferAction, TransferEvent } from './events.js';
import { Giving } from './giving.js';
import type { LeafMap } from './leaf-map.js';
import { PeerState } from './peer-state.js';
import { POLICY } from './policy.js';
import { TransferState } from './transfer-state.js';

/**
 * Decides who sends what to whom for one manifest, for a puller and a server alike. It has no I/O,
 * no clock and no randomness of its own: events and the time in, actions out.
 */
export class Scheduler {
  readonly #state: TransferState;
  readonly #asking: Asking;
  readonly #giving: Giving;

  /** Held since peers were told last. */
  #untold: number[] = [];
  #toldMs = -Infinity;
  #tellings = 0;
  /** An answer arrived: another can go. */
  #isRoomMade = false;

  /** `held` becomes the scheduler's own. */
  constructor(map: LeafMap, held: Bitmap, random: Random) {
    this.#state = new TransferState(map, random, held);
    this.#asking = new Asking(this.#state);
    this.#giving = new Giving(this.#state);
  }

  /** Leaves that are on disk and verified. */
  get held(): Bitmap {
    return this.#state.held;
  }

  /** What is wanted and not held, in bytes; verified leaves that are still being written not counted. */
  get missingBytes(): number {
    return this.#asking.missingBytes;
  }

  heldOf(peer: Peer): number {
    return this.#state.peers.get(peer)?.held.count ?? 0;
  }

  /** Whether a peer lacks a leaf that it wants and that is held here. */
  isNeeded(): boolean {
    const { peers, held } = this.#state;
    return [...peers.values()].some(
      (peer) => peer.lacking > 0 && held.words.some((word, i) => (word & peer.lackedWord(i)) !== 0),
    );
  }

  /** @param now Milliseconds of a clock that never goes back. */
  handle(event: TransferEvent, now: number): TransferAction[] {
    this.#apply(event, now);
    // Only what an event can have changed is looked at: with many peers most events are small ones.
    switch (event.type) {
      case 'heard':
        break;
      case 'gained':
        this.#asking.fillOne(event.peer, now);
        if (this.#isRoomMade) this.#giving.serve(now);
        this.#isRoomMade = false;
        break;
      case 'asked':
      case 'sent':
      case 'withdrawn':
        this.#giving.serve(now);
        break;
      case 'tick':
        for (const peer of this.#asking.expire(now)) this.#drop(peer, 'silent', now);
        this.#asking.fill(now);
        this.#giving.serve(now);
        break;
      case 'joined':
      case 'left':
      case 'wants':
      case 'expected':
      case 'lost':
      case 'stored':
      case 'damaged':
      case 'want':
        this.#asking.fill(now);
        this.#giving.serve(now);
    }
    this.#tell(now);
    return this.#state.takeActions();
  }

  /**
   * An answer to a request of ours. `fresh` are the leaves that the driver has to store, and tell as
   * `stored` (or `damaged`, where that fails); the others had arrived before.
   */
  answered(event: AnswerEvent, now: number): { fresh: number[]; actions: TransferAction[] } {
    const peer = this.#state.peers.get(event.peer);
    const fresh = this.#asking.answered(peer, event.id, event.good, now);
    if (event.bad.length > 0 && peer !== undefined) this.#drop(peer, 'liar', now);
    this.#asking.fill(now);
    if (event.bad.length > 0) this.#giving.serve(now);
    return { fresh, actions: this.#state.takeActions() };
  }

  #apply(event: TransferEvent, now: number): void {
    switch (event.type) {
      case 'joined': {
        const known = this.#state.peers.get(event.peer);
        if (known !== undefined) this.#remove(known, now);
        const { peer: id, isSource, held, wanted } = event;
        const peer = new PeerState(id, isSource, held, wanted, this.#state.map, now);
        this.#state.addPeer(peer);
        this.#giving.joined(peer);
        return;
      }
      case 'expected':
        this.#giving.expect(event.peer, now);
        return;
      case 'want':
        this.#asking.want(event.leaves, event.urgent);
        return;
      case 'stored':
        this.#stored(event.leaves);
        return;
      case 'damaged':
        this.#damaged(event.leaves);
        return;
      case 'tick':
        return;
      case 'left':
      case 'wants':
      case 'heard':
      case 'gained':
      case 'lost':
      case 'asked':
      case 'withdrawn':
      case 'sent': {
        const peer = this.#state.peers.get(event.peer);
        if (peer !== undefined) this.#applyOfPeer(peer, event, now);
      }
    }
  }

  #applyOfPeer(
    peer: PeerState,
    event: Extract<
      TransferEvent,
      { type: 'left' | 'wants' | 'heard' | 'gained' | 'lost' | 'asked' | 'withdrawn' | 'sent' }
    >,
    now: number,
  ): void {
    switch (event.type) {
      case 'left':
        this.#remove(peer, now);
        return;
      case 'wants':
        peer.want(event.wanted, this.#state.map);
        this.#giving.look();
        return;
      case 'heard':
        peer.lastHeardMs = now;
        return;
      case 'gained':
        peer.exhausted = false;
        for (const leaf of event.leaves) {
          if (!peer.given.has(leaf)) peer.lastGainMs = now;
          this.#state.gained(peer, leaf);
          if (this.#giving.confirmed(peer, leaf, now)) this.#isRoomMade = true;
        }
        return;
      case 'lost':
        for (const leaf of event.leaves) this.#state.lost(peer, leaf);
        this.#giving.look();
        return;
      case 'asked': {
        const { id, leaves, maxBytes } = event;
        const request = { id, leaves, maxBytes, receivedMs: now, retryMs: 0 };
        if (!this.#giving.asked(peer, request, event)) this.#drop(peer, 'abusive', now);
        return;
      }
      case 'withdrawn':
        this.#giving.withdrawn(peer, event.id);
        return;
      case 'sent':
        this.#giving.sent(peer, event.id, now);
    }
  }

  #stored(leaves: readonly number[]): void {
    const state = this.#state;
    for (const leaf of leaves) {
      if (state.storing.delete(leaf)) state.storingBytes -= state.map.lengthBytes(leaf);
      state.held.add(leaf);
    }
    for (const leaf of leaves) this.#untold.push(leaf);
    if (this.#wasEmptyHanded(leaves)) this.#giving.look();
  }

  /** Waiting requests look again when something new is here to give. */
  #wasEmptyHanded(leaves: readonly number[]): boolean {
    return (
      leaves.length > 0 && [...this.#state.peers.values()].some((peer) => peer.queue.length > 0)
    );
  }

  #damaged(leaves: readonly number[]): void {
    const state = this.#state;
    const lost = leaves.filter((leaf) => {
      if (state.storing.delete(leaf)) state.storingBytes -= state.map.lengthBytes(leaf);
      else if (!state.held.delete(leaf)) return false;
      this.#asking.missAgain(leaf);
      return true;
    });
    if (lost.length === 0) return;
    if (this.#untold.length > 0) this.#tellNow();
    state.actions.push({ type: 'tell', gained: [], lost });
  }

  /** Changes of a moment are told together: a frame a peer for many answers. */
  #tell(now: number): void {
    if (this.#untold.length === 0) return;
    const isMuch = this.#state.map.bytesOf(this.#untold) >= POLICY.tellBytes;
    const isAtFirst = this.#tellings < POLICY.tellsAtFirst;
    const atMostMs = isAtFirst ? POLICY.tellAtMostMs : POLICY.tellLaterMs;
    const dueMs = this.#toldMs + (isMuch ? POLICY.tellMs : atMostMs);
    if (now < dueMs) {
      this.#state.wakeBy(dueMs);
      return;
    }
    this.#toldMs = now;
    this.#tellings += 1;
    this.#tellNow();
  }

  #tellNow(): void {
    this.#state.actions.push({ type: 'tell', gained: this.#untold, lost: [] });
    this.#untold = [];
  }

  #drop(peer: PeerState, reason: 'liar' | 'silent' | 'abusive', now: number): void {
    this.#remove(peer, now);
    this.#state.actions.push({ type: 'drop', peer: peer.id, reason });
  }

  #remove(peer: PeerState, now: number): void {
    this.#asking.abandon(peer);
    this.#state.removePeer(peer);
    this.#giving.left(peer, now);
  }
}
