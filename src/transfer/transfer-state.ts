import type { Random } from '../ports/random.js';
import { Bitmap } from './bitmap.js';
import type { Peer, TransferAction } from './events.js';
import type { LeafMap } from './leaf-map.js';
import type { PeerState } from './peer-state.js';

/** What both halves of the scheduler know: our own leaves, the peers', and who covers what. */
export class TransferState {
  readonly peers = new Map<Peer, PeerState>();
  readonly held: Bitmap;
  /** Verified and being written. */
  readonly storing: Bitmap;
  storingBytes = 0;
  /** Leaves that we pull: wanted, and their artifact's tree is known. */
  readonly wanted: Bitmap;
  /** Missing leaves that somebody waits for. */
  readonly urgent: Bitmap;
  /** How many peers (sources apart) have a leaf or were sent it. */
  readonly covering: Uint16Array;
  readonly actions: TransferAction[] = [];
  /** Who alone was given a leaf that others lack. */
  readonly #soleOwners = new Map<number, PeerState>();
  #wakeMs = Infinity;
  #nextId = 1;

  constructor(
    readonly map: LeafMap,
    readonly random: Random,
    held: Bitmap,
  ) {
    this.held = held;
    this.storing = new Bitmap(map.leafCount);
    this.wanted = new Bitmap(map.leafCount);
    this.urgent = new Bitmap(map.leafCount);
    this.covering = new Uint16Array(map.leafCount);
  }

  nextId(): number {
    return this.#nextId++;
  }

  wakeBy(atMs: number): void {
    if (atMs < this.#wakeMs) this.#wakeMs = atMs;
  }

  takeActions(): TransferAction[] {
    if (this.#wakeMs !== Infinity) this.actions.push({ type: 'wake', atMs: this.#wakeMs });
    this.#wakeMs = Infinity;
    return this.actions.splice(0);
  }

  addPeer(peer: PeerState): void {
    this.peers.set(peer.id, peer);
    if (!peer.isSource) peer.held.forEach((leaf) => this.#cover(leaf, 1));
  }

  removePeer(peer: PeerState): void {
    this.peers.delete(peer.id);
    if (peer.isSource) return;
    peer.held.forEach((leaf) => this.#cover(leaf, -1));
    peer.given.forEach((leaf) => {
      if (!peer.held.has(leaf)) this.#cover(leaf, -1);
    });
  }

  /** A peer told that it has a leaf. Whether that is new. */
  gained(peer: PeerState, leaf: number): boolean {
    const covered = peer.covers(leaf);
    if (!peer.gain(leaf)) return false;
    if (!covered && !peer.isSource) this.#cover(leaf, 1);
    return true;
  }

  lost(peer: PeerState, leaf: number): void {
    const covered = peer.covers(leaf);
    peer.lose(leaf);
    if (covered && !peer.isSource) this.#cover(leaf, -1);
  }

  given(peer: PeerState, leaf: number): void {
    const covered = peer.covers(leaf);
    peer.given.add(leaf);
    if (covered || peer.isSource) return;
    this.#cover(leaf, 1);
    if (this.covering[leaf] !== 1 || !this.#isWantedByOthers(peer, leaf)) return;
    this.#soleOwners.set(leaf, peer);
    peer.unspreadBytes += this.map.lengthBytes(leaf);
  }

  #isWantedByOthers(than: PeerState, leaf: number): boolean {
    for (const peer of this.peers.values()) {
      if (peer !== than && !peer.isSource && peer.wants(leaf) && !peer.covers(leaf)) return true;
    }
    return false;
  }

  /** There may be more to ask for: who had nothing for us is looked at again. */
  lookAgain(): void {
    for (const peer of this.peers.values()) peer.exhausted = false;
  }

  /** Takes back what was sent to a peer that never told of having it. */
  forgetGiven(peer: PeerState): void {
    peer.given.forEach((leaf) => {
      if (!peer.held.has(leaf) && !peer.isSource) this.#cover(leaf, -1);
    });
    peer.given.clear();
  }

  /** Wanted and neither held nor being written, as a word of 32 leaves. */
  missingWord(word: number): number {
    return (
      (this.wanted.words[word] ?? 0) &
      ~(this.held.words[word] ?? 0) &
      ~(this.storing.words[word] ?? 0)
    );
  }

  isMissing(leaf: number): boolean {
    return this.wanted.has(leaf) && !this.held.has(leaf) && !this.storing.has(leaf);
  }

  #cover(leaf: number, by: 1 | -1): void {
    this.covering[leaf] = (this.covering[leaf] ?? 0) + by;
    if (this.#soleOwners.size === 0) return;
    const owner = this.#soleOwners.get(leaf);
    if (owner === undefined) return;
    this.#soleOwners.delete(leaf);
    owner.unspreadBytes -= this.map.lengthBytes(leaf);
  }
}
