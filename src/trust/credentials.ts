import { BOUNDS } from '../domain/bounds.js';
import type { Did } from '../domain/bundle.js';
import type { Membership } from '../domain/membership.js';
import type { Credentials } from '../ports/gate.js';
import { claimedMembership, readMembership } from './membership.js';

/** What a peer shows, each signature checked where somebody asks for memberships of its source. */
export class ShownCredentials implements Credentials {
  /** Bytes that claim to be a membership of this peer, by the source that they name. */
  readonly #claims = new Map<Did, Uint8Array[]>();
  readonly #checked = new Map<Did, readonly Membership[]>();

  constructor(
    peer: Did,
    shown: readonly Uint8Array[],
    readonly isNear: boolean,
  ) {
    for (const bytes of shown.slice(0, BOUNDS.memberships)) {
      const claim = claimedMembership(bytes)?.membership;
      if (claim?.member !== peer) continue;
      // A copy: as a view it would keep the whole frame.
      const claims = this.#claims.get(claim.source) ?? [];
      this.#claims.set(claim.source, [...claims, Uint8Array.from(bytes)]);
    }
  }

  of(source: Did): readonly Membership[] {
    const known = this.#checked.get(source);
    if (known !== undefined) return known;
    const own: Membership[] = [];
    for (const bytes of this.#claims.get(source) ?? []) {
      const membership = readMembership(bytes);
      // Whoever shows one forged one has shown enough.
      if (membership === undefined) break;
      own.push(membership);
    }
    if (this.#claims.has(source)) this.#checked.set(source, own);
    return own;
  }
}
