import type { Owner } from '../../network/events.js';
import type { Position } from '../../network/position.js';

/**
 * Somebody else's index of who has what, beside the walks of `/x/lookup/1`: the Kademlia DHTs. Keys are
 * the same places. What it says is hearsay; walks do without, and what fails here fails nothing else.
 */
export interface ProviderDirectory {
  /**
   * Tells that this node has what lies at this place.
   * @returns how many took the record.
   */
  provide(key: Position, signal: AbortSignal): Promise<number>;
  /** Resolves when nobody else will be found. */
  find(
    key: Position,
    onFound: (owners: readonly Owner[]) => void,
    signal: AbortSignal,
  ): Promise<void>;
}
