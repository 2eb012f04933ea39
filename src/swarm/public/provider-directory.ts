import type { Did } from '../../domain/bundle.js';
import type { Position } from '../../network/position.js';

/** An owner as a directory names it: hearsay, as everything that a directory says. */
export interface DirectoryOwner {
  did: Did;
  addresses: readonly string[];
}

/**
 * Somebody else's index of who has what, beside the walks of `/x/lookup/1`: the Kademlia DHTs. Keys are
 * the same places. Walks do without; nothing that fails here fails a search or a publication.
 */
export interface ProviderDirectory {
  /**
   * Tells that this node has these; at most BOUNDS.publicationsAtOnce keys at once.
   * @throws Error where none of them could be told; the signal's reason.
   */
  provide(keys: readonly Position[], signal: AbortSignal): Promise<void>;
  /** Owners as they are found; ends when nobody else will be. @throws the signal's reason. */
  find(key: Position, signal: AbortSignal): AsyncIterable<DirectoryOwner>;
}
