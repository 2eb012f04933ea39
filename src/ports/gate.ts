import type { Did } from '../domain/bundle.js';
import type { Membership, Refusal } from '../domain/membership.js';

/** What one peer showed of itself. Signatures are checked when it is asked for, and once. */
export interface Credentials {
  /** Its memberships of a source: signed by that source, and of this very peer. Whether they count is `refusal`'s question. */
  of(source: Did): readonly Membership[];
  /** Whether it speaks from nearby, or from where the user sent this machine: what is open is for such alone. */
  readonly isNear: boolean;
}

/** Who may have what: asked before anything of a bundle is said to a peer. */
export interface Gate {
  /** This machine's own memberships, as it shows them to others: the same list while they are the same. */
  shown(): readonly Uint8Array[];
  /** Takes what a peer showed. Cheap, whatever it is. */
  read(peer: Did, shown: readonly Uint8Array[], isNear: boolean): Credentials;
  /** Why a peer does not get a bundle; undefined where it does. */
  refusal(
    peer: Did,
    credentials: Credentials,
    bundle: { name: string; source: Did },
  ): Refusal | undefined;
  /** Whether a peer may have any bundle for members that is here: then it may know that this machine is one. */
  isFellow(peer: Did, credentials: Credentials): boolean;
  /** Whether a bundle for members is here: its members may call from anywhere. */
  hasMembers(): boolean;
  /** A membership for a peer that has an invitation's token. On disk before it is answered. */
  redeem(peer: Did, token: string): { membership: Uint8Array } | { refusal: Refusal };
}
