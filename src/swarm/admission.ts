import { BOUNDS } from '../domain/bounds.js';
import type { Did } from '../domain/bundle.js';
import type { Clock } from '../ports/clock.js';
import type { Credentials, Gate } from '../ports/gate.js';
import type { PieceLink } from './piece-link.js';
import { wireBytes } from './wire-bytes.js';

interface Acquaintance {
  credentials: Credentials;
  /** How often it showed some. */
  shown: number;
  /** What was last shown to it. */
  told: readonly Uint8Array[] | undefined;
  /** Of which bundles it may hear, and until when that needs no second look. */
  admittedMs: WeakMap<BundleOf, number>;
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
  readonly #clock: Pick<Clock, 'monotonicMs'>;
  readonly #known = new WeakMap<PieceLink, Acquaintance>();

  constructor(gate: Gate, isNear: (link: PieceLink) => boolean, clock: Pick<Clock, 'monotonicMs'>) {
    this.#gate = gate;
    this.#isNear = isNear;
    this.#clock = clock;
  }

  /** Asked for every frame, of the same objects: it looks at the catalog again after BOUNDS.admittedMs. */
  admits(link: PieceLink, of: BundleOf): boolean {
    const { credentials, admittedMs } = this.#of(link);
    const now = this.#clock.monotonicMs();
    if ((admittedMs.get(of) ?? -Infinity) > now) return true;
    const bundle = { name: of.bundle, source: of.source };
    if (this.#gate.refusal(link.did, credentials, bundle) !== undefined) return false;
    admittedMs.set(of, now + BOUNDS.admittedMs);
    return true;
  }

  /** Takes what a peer showed instead of what it showed before. @throws Error where it shows too often. */
  received(link: PieceLink, shown: readonly Uint8Array[]): void {
    const known = this.#of(link);
    known.shown += 1;
    if (known.shown > BOUNDS.shownMemberships) throw new Error('memberships without an end');
    known.credentials = this.#gate.read(link.did, shown, this.#isNear(link));
    known.admittedMs = new WeakMap();
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
      admittedMs: new WeakMap<BundleOf, number>(),
    };
    this.#known.set(link, known);
    return known;
  }
}
