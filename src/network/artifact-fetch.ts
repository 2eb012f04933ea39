import { pieceCount, pieceLengthBytes } from '../domain/piece.js';
import { BOUNDS } from '../domain/bounds.js';
import type { Portion, Provider } from './events.js';
import { NETWORK_POLICY as POLICY } from './policy.js';

/** An open request of ours. */
export interface OpenAsk {
  id: number;
  provider: Provider;
  portion: Portion;
  bytes: number;
  sentMs: number;
  /** When the last byte came; the time it was sent where none did. */
  heardMs: number;
  heardBytes: number;
  hasBegun: boolean;
  /** Somebody else was asked for the same. */
  isHedged: boolean;
}

interface Claim {
  lengthBytes: number;
  claimants: Set<string>;
  /** Networks of the claimants: many names at one address are one voice. */
  groups: Set<string>;
}

interface ProviderState {
  provider: Provider;
  /** `other`: it has it, but not under the root in use. */
  tree: 'unknown' | 'other' | 'claimed';
  root: string | undefined;
  /** It lied, has nothing, or failed too often for this artifact. */
  isOut: boolean;
  failures: number;
}

const FAILURES_OF_ONE = 2;

/** All that is known of one artifact that is being fetched. */
export class ArtifactFetch {
  readonly providers = new Map<string, ProviderState>();
  readonly asks = new Map<number, OpenAsk>();
  readonly claims = new Map<string, Claim>();
  readonly falseRoots = new Set<string>();
  root: string | undefined;
  /** Until a tree is in use nothing is asked for in pieces. */
  mode: 'undecided' | 'tree' = 'undecided';
  /** Who gave each piece; undefined: it is missing. */
  #givers: (Provider | undefined)[] = [];
  #asked = new Uint8Array(0);
  missing = 0;
  /** Who gave all of it, in one. */
  wholeFrom: { provider: Provider; bytes: number } | undefined;
  isChecking = false;
  isSearched = false;
  lookups = 0;
  official: 'not asked' | 'asked' | 'failed' = 'not asked';
  officialMismatch = false;
  firstByteMs: number | undefined;
  lastByteMs: number | undefined;
  /** When somebody who has it was found first. */
  foundMs: number | undefined;
  swarmBytes = 0;

  constructor(
    readonly id: number,
    /** As the publisher's index says. */
    readonly publishedBytes: number | undefined,
    readonly startedMs: number,
  ) {}

  get lengthBytes(): number | undefined {
    if (this.publishedBytes !== undefined) return this.publishedBytes;
    return this.root === undefined ? undefined : this.claims.get(this.root)?.lengthBytes;
  }

  get upstream(): ProviderState | undefined {
    for (const state of this.providers.values())
      if (state.provider.origin === 'upstream') return state;
    return undefined;
  }

  meet(provider: Provider): void {
    if (this.providers.has(provider.id) || this.providers.size >= BOUNDS.swarmProviders) return;
    const state = {
      provider,
      tree: 'unknown',
      root: undefined,
      isOut: false,
      failures: 0,
    } as const;
    this.providers.set(provider.id, { ...state });
  }

  /** When the official source is asked, should no byte come until then. */
  silentAtMs(): number {
    if (this.lastByteMs !== undefined) return this.lastByteMs + POLICY.officialAfterByteMs;
    // Only the first owner gains time: names without end delay nothing.
    if (this.foundMs !== undefined) return this.foundMs + POLICY.officialAfterFoundMs;
    return this.startedMs + POLICY.officialAfterMs;
  }

  /** Whether anybody can be asked, is being asked, or may still be found. */
  isPossible(): boolean {
    const official = this.upstream;
    return (
      this.asks.size > 0 ||
      this.peers().length > 0 ||
      !this.isSearched ||
      (official !== undefined && !official.isOut)
    );
  }

  failed(provider: Provider): void {
    const state = this.providers.get(provider.id);
    if (state === undefined) return;
    state.failures += 1;
    if (state.failures >= FAILURES_OF_ONE) state.isOut = true;
  }

  out(id: string): void {
    const state = this.providers.get(id);
    if (state !== undefined) state.isOut = true;
  }

  /** Peers that can still be asked. */
  peers(): ProviderState[] {
    return [...this.providers.values()].filter(
      ({ provider, isOut }) => !isOut && provider.origin !== 'upstream',
    );
  }

  claim(provider: Provider, root: string, lengthBytes: number): void {
    const state = this.providers.get(provider.id);
    if (state === undefined) return;
    state.tree = 'claimed';
    state.root = root;
    const isPossible =
      !this.falseRoots.has(root) &&
      lengthBytes > 0 &&
      lengthBytes <= BOUNDS.artifactBytes &&
      (this.publishedBytes === undefined || lengthBytes === this.publishedBytes);
    if (!isPossible) {
      state.isOut = true;
      return;
    }
    const known = this.claims.get(root) ?? { lengthBytes, claimants: new Set(), groups: new Set() };
    // A root fixes the length: the driver has checked that they fit.
    known.claimants.add(provider.id);
    known.groups.add(provider.group ?? provider.id);
    if (this.claims.size < BOUNDS.swarmClaims || this.claims.has(root))
      this.claims.set(root, known);
  }

  /** The root that most networks claim; of equals the one in use. */
  likeliestRoot(): string | undefined {
    let best = this.root;
    let most = best === undefined ? 0 : (this.claims.get(best)?.groups.size ?? 0);
    for (const [root, { groups }] of this.claims) {
      if (groups.size <= most) continue;
      most = groups.size;
      best = root;
    }
    return best;
  }

  useRoot(root: string): void {
    this.root = root;
    this.mode = 'tree';
    for (const state of this.providers.values()) if (state.tree === 'other') state.tree = 'unknown';
    this.#clearPieces(pieceCount(this.claims.get(root)?.lengthBytes ?? 0));
  }

  /** Whether somebody can still be asked for pieces under the root in use. */
  isRootServed(): boolean {
    if (this.official === 'asked') return true;
    return this.peers().some(
      ({ tree, root }) => tree !== 'other' && (root === undefined || root === this.root),
    );
  }

  /** It may be true, but nobody goes by it any more. */
  dropRoot(): void {
    if (this.root !== undefined) this.claims.delete(this.root);
    this.startAfresh();
  }

  /** Whoever claimed another root than the one that turned out true. */
  falseClaimants(): string[] {
    return [...this.claims].flatMap(([root, { claimants }]) =>
      this.root === undefined || root === this.root ? [] : [...claimants],
    );
  }

  /** Whoever claimed the root in use; it is false. */
  refuteRoot(): string[] {
    const { root } = this;
    if (root === undefined) return [];
    const claimants = [...(this.claims.get(root)?.claimants ?? [])];
    this.claims.delete(root);
    this.falseRoots.add(root);
    this.root = undefined;
    this.mode = 'undecided';
    this.#clearPieces(0);
    for (const id of claimants) this.out(id);
    return claimants;
  }

  /** As at the beginning, what is known of providers aside. */
  startAfresh(): void {
    this.mode = 'undecided';
    this.root = undefined;
    this.wholeFrom = undefined;
    this.isChecking = false;
    this.#clearPieces(0);
  }

  /** Whether the piece is new. */
  arrived(index: number, from: Provider): boolean {
    if (index >= this.#givers.length || this.#givers[index] !== undefined) return false;
    this.#givers[index] = from;
    this.missing -= 1;
    return true;
  }

  has(index: number): boolean {
    return this.#givers[index] !== undefined;
  }

  asking(portion: Portion, by: 1 | -1): void {
    if (portion.kind !== 'pieces') return;
    for (let at = portion.first; at < portion.first + portion.count; at++)
      this.#asked[at] = Math.max(0, (this.#asked[at] ?? 0) + by);
  }

  /** The first run of pieces that are missing and that fewer than `asks` are asked for. */
  nextRun(asks: number, atMost: number): { first: number; count: number } | undefined {
    const isFree = (at: number): boolean =>
      at < this.#givers.length && !this.has(at) && (this.#asked[at] ?? 0) < asks;
    for (let first = 0; first < this.#givers.length; first++) {
      if (!isFree(first)) continue;
      let count = 1;
      while (count < atMost && isFree(first + count)) count++;
      return { first, count };
    }
    return undefined;
  }

  bytesOf(portion: Portion): number {
    if (portion.kind === 'tree') return 0;
    const length = this.lengthBytes ?? 0;
    if (portion.kind === 'whole') return length;
    let bytes = 0;
    for (let at = portion.first; at < portion.first + portion.count; at++)
      if (!this.has(at)) bytes += pieceLengthBytes(length, at);
    return bytes;
  }

  /** What each gave of what is here now. */
  given(): Map<Provider, number> {
    const bytes = new Map<Provider, number>();
    if (this.wholeFrom !== undefined)
      return bytes.set(this.wholeFrom.provider, this.wholeFrom.bytes);
    this.#givers.forEach((giver, at) => {
      if (giver === undefined) return;
      const piece = pieceLengthBytes(this.lengthBytes ?? 0, at);
      bytes.set(giver, (bytes.get(giver) ?? 0) + piece);
    });
    return bytes;
  }

  #clearPieces(pieces: number): void {
    for (const state of this.providers.values()) if (state.tree === 'other') state.tree = 'unknown';
    this.#givers = new Array<Provider | undefined>(pieces).fill(undefined);
    this.#asked = new Uint8Array(pieces);
    this.missing = pieces;
  }
}
