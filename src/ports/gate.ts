import type { Did } from '../domain/bundle.js';
import type { Membership, Refusal } from '../domain/membership.js';

/** Who may have what: asked before anything of a bundle is said to a peer. */
export interface Gate {
  /** This machine's own memberships, as it shows them to others: the same list while they are the same. */
  shown(): readonly Uint8Array[];
  /**
   * Of what a peer showed, that which is signed by its source and says that this very peer is a
   * member. Whether it counts is `refusal`'s question, asked anew each time.
   */
  read(peer: Did, shown: readonly Uint8Array[]): Membership[];
  /** Why a peer with these memberships does not get a bundle; undefined where it does. */
  refusal(
    peer: Did,
    memberships: readonly Membership[],
    bundle: { name: string; source: Did },
  ): Refusal | undefined;
  /** Whether a peer with these is a member of any bundle here: then it may know that this machine is. */
  isFellow(peer: Did, memberships: readonly Membership[]): boolean;
  /** A membership for a peer that has an invitation's token. On disk before it is answered. */
  redeem(peer: Did, token: string): { membership: Uint8Array } | { refusal: Refusal };
}
