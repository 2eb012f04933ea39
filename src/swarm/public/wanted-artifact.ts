import { BOUNDS } from '../../domain/bounds.js';
import type { Did } from '../../domain/bundle.js';
import { pieceLengthBytes, PIECE_SIZE_BYTES } from '../../domain/piece.js';
import type { Owner } from '../../network/events.js';
import type { BroughtArtifact, WantedOfSwarm } from '../../ports/public-swarm.js';
import type { Quarantine, Store } from '../../ports/store.js';

/** A tree that is consistent in itself; one provider's claim. */
export interface ClaimedTree {
  root: string;
  lengthBytes: number;
  leaves: readonly Uint8Array[];
}

export type Wanted = Pick<WantedOfSwarm, 'digests' | 'sizeBytes' | 'onProgress' | 'onFallBack'> & {
  /** `elsewhere`: the caller asks it, as soon as it is worth asking. */
  official: WantedOfSwarm['official'] | 'elsewhere' | undefined;
};

/** The bytes of one artifact that is being fetched: the tree in use, and the quarantine under it. */
export class WantedArtifact {
  readonly owners = new Map<Did, Owner>();
  /** Ends searches and whatever else goes on for it. */
  readonly stop = new AbortController();
  tree: ClaimedTree | undefined;
  /** What came all in one. */
  whole: Quarantine | undefined;
  /** What `check` made of it. */
  brought: BroughtArtifact['blob'] | undefined;
  readonly #claims = new Map<string, ClaimedTree>();
  readonly #store: Pick<Store, 'quarantine'>;
  #pieces: Quarantine | undefined;
  #held = new Set<number>();
  #heldBytes = 0;
  #told = 0;

  constructor(
    readonly id: number,
    readonly wanted: Wanted,
    readonly startedMs: number,
    store: Pick<Store, 'quarantine'>,
  ) {
    this.#store = store;
  }

  /** Bytes of it that are here, verified or not. */
  get hereBytes(): number {
    return this.#told;
  }

  /** Longer than this it cannot be. */
  get atMostBytes(): number {
    return this.wanted.sizeBytes ?? BOUNDS.unsizedArtifactBytes;
  }

  claim(tree: ClaimedTree): void {
    if (this.#claims.size < 2 * BOUNDS.swarmProviders) this.#claims.set(tree.root, tree);
  }

  useTree(root: string): ClaimedTree | undefined {
    this.discard();
    this.tree = this.#claims.get(root);
    if (this.tree !== undefined) this.#pieces = this.quarantine(this.tree.leaves);
    return this.tree;
  }

  quarantine(leaves?: readonly Uint8Array[]): Quarantine {
    const { digests, sizeBytes: lengthBytes } = this.wanted;
    return this.#store.quarantine({ digests, lengthBytes }, leaves);
  }

  /** Writes a piece that was checked against the tree in use. @throws XError DISK_FULL, IO_FAILED. */
  async keep(tree: ClaimedTree, index: number, bytes: Uint8Array): Promise<void> {
    if (tree !== this.tree || this.#held.has(index)) return;
    this.#held.add(index);
    await this.#pieces?.write(index * PIECE_SIZE_BYTES, bytes);
    if (tree !== this.tree) return;
    this.#heldBytes += pieceLengthBytes(tree.lengthBytes, index);
    this.progress(this.#heldBytes);
  }

  /** Of whole answers the furthest counts. */
  progress(bytes: number): void {
    if (bytes <= this.#told) return;
    this.#told = bytes;
    this.wanted.onProgress?.(bytes);
  }

  /** @throws XError as Quarantine.admit. */
  async check(): Promise<void> {
    const body = this.whole ?? this.#pieces;
    this.whole = undefined;
    this.#pieces = undefined;
    this.brought = await body?.admit();
  }

  /** Empties the quarantine; it is fetched afresh. */
  discard(): void {
    this.close();
    if (this.#told > 0) this.wanted.onProgress?.(0);
    this.#told = 0;
  }

  /** Nothing more is done with it. */
  close(): void {
    // What cannot be removed now, the next process clears away.
    for (const body of [this.whole, this.#pieces]) body?.discard().catch(() => undefined);
    this.whole = undefined;
    this.#pieces = undefined;
    this.tree = undefined;
    this.#held = new Set();
    this.#heldBytes = 0;
  }
}
