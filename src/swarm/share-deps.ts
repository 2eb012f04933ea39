import type { Clock } from '../ports/clock.js';
import type { Random } from '../ports/random.js';
import type { Store } from '../ports/store.js';
import type { PieceLink } from './piece-link.js';
import type { AskForTrees } from './tree-fetch.js';

/** What a share needs of the swarm that it is part of. */
export interface ShareDeps<Share> {
  store: Store;
  clock: Clock;
  random: Random;
  /** Multiaddrs that this process listens on. */
  addresses: () => string[];
  askForTrees: AskForTrees;
  /** A peer joined: the swarm introduces siblings to each other. */
  onJoined: (share: Share, peer: string) => void;
  onLiar: (link: PieceLink) => void;
  onStop: (share: Share) => void;
}
