import type { PeerStatus } from '../ports/swarm.js';
import type { Bitmap, LeafSpan } from '../transfer/index.js';
import type { Greeting } from './greeting.js';
import type { PieceLink } from './piece-link.js';

/** A peer of one share: what it said of itself, and what passed between us. */
export interface SharePeer extends Greeting {
  link: PieceLink;
  isMaster: boolean;
  bytesIn: number;
  bytesOut: number;
}

/** Who shares one manifest with us, and who of them is a master of ours. */
export class SharePeers {
  readonly #peers = new Map<string, SharePeer>();
  /** Those that know our have-map, and are told of every change: some have not answered yet. */
  readonly #greeted = new Set<PieceLink>();
  readonly #masters = new Set<string>();

  get(id: string): SharePeer | undefined {
    return this.#peers.get(id);
  }

  all(): Iterable<SharePeer> {
    return this.#peers.values();
  }

  /** The links and stated addresses of those that share this too. */
  others(than: string): SharePeer[] {
    return [...this.#peers.entries()].filter(([id]) => id !== than).map(([, peer]) => peer);
  }

  /** Masters first. */
  linksByRank(): PieceLink[] {
    return [...this.#peers.values()]
      .sort((a, b) => Number(b.isMaster) - Number(a.isMaster))
      .map(({ link }) => link);
  }

  statuses(): PeerStatus[] {
    return [...this.#peers.values()].map(statusOf);
  }

  addressesOf(id: string): string[] {
    return this.#peers.get(id)?.addresses ?? [];
  }

  /** Takes what a peer says of itself at first, or by another link than before. */
  add(link: PieceLink, greeting: Greeting): SharePeer {
    const before = this.#peers.get(link.peer);
    const peer: SharePeer = {
      ...greeting,
      link,
      isMaster: this.#masters.has(link.peer),
      bytesIn: before?.bytesIn ?? 0,
      bytesOut: before?.bytesOut ?? 0,
    };
    this.#peers.set(link.peer, peer);
    return peer;
  }

  /** Whether it shared by this link. */
  remove(link: PieceLink): boolean {
    this.#greeted.delete(link);
    if (this.#peers.get(link.peer)?.link !== link) return false;
    return this.#peers.delete(link.peer);
  }

  clear(): void {
    this.#peers.clear();
    this.#greeted.clear();
  }

  // ---- whom we greeted

  /** It was told what is held here. */
  greet(link: PieceLink): void {
    this.#greeted.add(link);
  }

  greeted(): Iterable<PieceLink> {
    return this.#greeted;
  }

  hasGreeted(link: PieceLink): boolean {
    return this.#greeted.has(link);
  }

  /** Whether it was told what is held here, or told what it holds. */
  knows(link: PieceLink): boolean {
    return this.hasGreeted(link) || this.#peers.get(link.peer)?.link === link;
  }

  // ---- masters and siblings

  /** The peer at a master's address. Returns it where it shares, and was not known to be one. */
  nameMaster(id: string): SharePeer | undefined {
    this.#masters.add(id);
    const known = this.#peers.get(id);
    if (known === undefined || known.isMaster) return undefined;
    known.isMaster = true;
    return known;
  }

  /** Whether a master is known: then we are a client. */
  get haveMaster(): boolean {
    return this.#masters.size > 0;
  }

  /** Whether a peer is to us what we are to it: a client of the same bundle. */
  isSibling(id: string): boolean {
    return this.haveMaster && !this.#masters.has(id);
  }

  /** Whether one that is no master shares. */
  haveOthers(): boolean {
    return [...this.#peers.values()].some(({ isMaster }) => !isMaster);
  }

  /**
   * Paths of the artifacts of which neither we nor any peer have every piece; undefined while no master
   * is among the peers.
   */
  heldByNobody(spans: Iterable<LeafSpan>, held: Bitmap): string[] | undefined {
    const peers = [...this.#peers.values()];
    if (!peers.some(({ isMaster }) => isMaster)) return undefined;
    const isSomewhere = (leaf: number): boolean =>
      held.has(leaf) || peers.some((peer) => peer.held.has(leaf));
    return [...spans]
      .filter(({ firstLeaf, leafCount }) => {
        for (let i = 0; i < leafCount; i++) if (!isSomewhere(firstLeaf + i)) return true;
        return false;
      })
      .map(({ path }) => path);
  }
}

function statusOf({ link, held, isMaster, bytesIn, bytesOut }: SharePeer): PeerStatus {
  return {
    did: link.did,
    address: link.address,
    isMaster,
    bytesIn,
    bytesOut,
    piecesHeld: held.count,
  };
}
