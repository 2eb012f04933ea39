import { BOUNDS } from '../domain/bounds.js';
import type { Did } from '../domain/bundle.js';
import type { Credentials, Gate } from '../ports/gate.js';
import type { PieceLink } from './piece-link.js';
import { wireBytes } from './wire-bytes.js';

interface Acquaintance {
  credentials: Credentials;
  /** How often it showed some. */
  shown: number;
  /** What was last shown to it. */
  told: readonly Uint8Array[] | undefined;
}

/** Which bundle a frame is about. */
export type BundleOf = { bundle: string; source: Did };

/**
 * Who may hear of which bundle on the piece links. Whoever opened a link shows its memberships first;
 * the other side shows its own to members alone, so that a stranger who calls learns nothing.
 */
export class Admission {
  readonly #gate: Gate;
  readonly #isNear: (link: PieceLink) => boolean;
  readonly #known = new WeakMap<PieceLink, Acquaintance>();

  constructor(gate: Gate, isNear: (link: PieceLink) => boolean) {
    this.#gate = gate;
    this.#isNear = isNear;
  }

  admits(link: PieceLink, { bundle, source }: BundleOf): boolean {
    const { credentials } = this.#of(link);
    return this.#gate.refusal(link.did, credentials, { name: bundle, source }) === undefined;
  }

  /** Takes what a peer showed instead of what it showed before. @throws Error where it shows too often. */
  received(link: PieceLink, shown: readonly Uint8Array[]): void {
    const known = this.#of(link);
    known.shown += 1;
    if (known.shown > BOUNDS.shownMemberships) throw new Error('memberships without an end');
    known.credentials = this.#gate.read(link.did, shown, this.#isNear(link));
  }

  /** Shows this machine's own, where it is our turn and they were not shown yet. */
  show(link: PieceLink): void {
    const known = this.#of(link);
    const own = this.#gate.shown();
    if (own === known.told || (known.told === undefined && own.length === 0)) return;
    if (!link.isOurs && !this.#gate.isFellow(link.did, known.credentials)) return;
    known.told = own;
    link.send('', { members: { memberships: own.map(wireBytes) } });
  }

  #of(link: PieceLink): Acquaintance {
    const known = this.#known.get(link) ?? {
      credentials: this.#gate.read(link.did, [], this.#isNear(link)),
      shown: 0,
      told: undefined,
    };
    this.#known.set(link, known);
    return known;
  }
}
