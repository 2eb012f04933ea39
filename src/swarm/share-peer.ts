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

export function statusOf({ link, held, isMaster, bytesIn, bytesOut }: SharePeer): PeerStatus {
  return {
    did: link.did,
    address: link.address,
    isMaster,
    bytesIn,
    bytesOut,
    piecesHeld: held.count,
  };
}

/**
 * Paths of the artifacts of which neither we nor any peer have every piece; undefined while no master
 * is among the peers.
 */
export function heldByNobody(
  spans: Iterable<LeafSpan>,
  held: Bitmap,
  sharing: Iterable<SharePeer>,
): string[] | undefined {
  const peers = [...sharing];
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

/** Masters first. */
export function linksByRank(peers: Iterable<SharePeer>): PieceLink[] {
  return [...peers].sort((a, b) => Number(b.isMaster) - Number(a.isMaster)).map(({ link }) => link);
}
