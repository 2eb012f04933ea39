import { Bitmap } from './bitmap.js';
import type { OpenAsk, PeerState } from './peer-state.js';
import type { TransferState } from './transfer-state.js';

/** Our requests that are not answered, at all peers, and the leaves that they are for. */
export class OpenAsks {
  readonly #state: TransferState;
  /** Asked for by number at one peer or more, and at how many. */
  readonly #asked: Bitmap;
  readonly #askers = new Map<number, number>();
  readonly #named = new Map<number, { peer: PeerState; ask: OpenAsk }>();
  #bytesInFlight = 0;

  constructor(state: TransferState) {
    this.#state = state;
    this.#asked = new Bitmap(state.map.leafCount);
  }

  /** Of what was asked for by number, what is still expected. */
  get bytesInFlight(): number {
    return this.#bytesInFlight;
  }

  /** Requests for named leaves, the oldest first. */
  named(): Iterable<{ peer: PeerState; ask: OpenAsk }> {
    return this.#named.values();
  }

  /** Whether a leaf is asked for by number, and expected. */
  has(leaf: number): boolean {
    return this.#asked.has(leaf);
  }

  /** The same as a word of 32 leaves. */
  word(word: number): number {
    return this.#asked.words[word] ?? 0;
  }

  /** At how many peers. */
  askersOf(leaf: number): number {
    return this.#askers.get(leaf) ?? 0;
  }

  open(peer: PeerState, leaves: number[] | undefined, now: number): OpenAsk {
    const state = this.#state;
    // An open request may wait at its source for long: it takes no room on the line meanwhile.
    const bytes = leaves === undefined ? 0 : state.map.bytesOf(leaves);
    const ask: OpenAsk = { id: state.nextId(), leaves, bytes, sentMs: now, isWrittenOff: false };
    peer.asks.set(ask.id, ask);
    if (leaves !== undefined) this.#named.set(ask.id, { peer, ask });
    this.#bytesInFlight += bytes;
    peer.askedBytes += bytes;
    for (const leaf of leaves ?? []) {
      this.#asked.add(leaf);
      this.#askers.set(leaf, (this.#askers.get(leaf) ?? 0) + 1);
    }
    return ask;
  }

  close(peer: PeerState, ask: OpenAsk): void {
    peer.asks.delete(ask.id);
    this.#named.delete(ask.id);
    peer.askedBytes -= ask.bytes;
    if (!ask.isWrittenOff) this.writeOff(ask);
  }

  closeAllAt(peer: PeerState): void {
    for (const ask of [...peer.asks.values()]) this.close(peer, ask);
  }

  /** Its leaves may be asked for elsewhere, and its bytes are not expected any more. */
  writeOff(ask: OpenAsk): void {
    ask.isWrittenOff = true;
    this.#bytesInFlight -= ask.bytes;
    for (const leaf of ask.leaves ?? []) {
      const askers = (this.#askers.get(leaf) ?? 1) - 1;
      if (askers > 0) this.#askers.set(leaf, askers);
      else {
        this.#askers.delete(leaf);
        this.#asked.delete(leaf);
        if (this.#state.isMissing(leaf)) this.#state.lookAgain();
      }
    }
  }

  /** Ends it, and tells the peer so. */
  cancel(peer: PeerState, ask: OpenAsk): void {
    this.close(peer, ask);
    this.#state.actions.push({ type: 'cancel', peer: peer.id, id: ask.id });
  }

  cancelAll(): void {
    for (const peer of this.#state.peers.values()) {
      for (const ask of [...peer.asks.values()]) this.cancel(peer, ask);
    }
  }

  /** Cancels requests that nothing is missing of any more. */
  withdraw(fresh: readonly number[]): void {
    const doubled = new Set(fresh.filter((leaf) => this.#asked.has(leaf)));
    if (doubled.size === 0) return;
    for (const peer of this.#state.peers.values()) {
      for (const ask of [...peer.asks.values()]) {
        if (ask.leaves?.some((leaf) => doubled.has(leaf)) !== true) continue;
        if (!ask.leaves.some((leaf) => this.#state.isMissing(leaf))) this.cancel(peer, ask);
      }
    }
  }
}
