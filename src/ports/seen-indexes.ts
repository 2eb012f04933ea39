import type { Did } from '../domain/bundle.js';
import type { Sha256 } from '../domain/digest.js';

/** A page of a public index, as the official source gave it at a time. */
export interface SeenIndex {
  bytes: Uint8Array;
  contentType: string | undefined;
  seenAt: Date;
  /** Who signed that; undefined where this machine saw it itself. */
  seenBy?: Did | undefined;
}

/** Pages of public indexes that this machine has read itself, to be shown to others, within a bound. */
export interface SeenIndexes {
  /** @param name what `indexName` says. */
  note(name: Sha256, page: SeenIndex): void;
  get(name: Sha256): SeenIndex | undefined;
}

/** What those whom the user trusts for it have seen, signed by them. */
export interface TrustedIndexes {
  /** The newest; undefined where none of them has it, or answers in time. Never rejects. */
  find(name: Sha256, signal: AbortSignal): Promise<SeenIndex | undefined>;
}
