import type { Did } from '../domain/bundle.js';
import type { NetworkNode, ScoreRow } from '../domain/network-node.js';

/** What a machine remembers of the public swarm between its lives; readable while nothing runs. */
export interface NodeBook {
  /** Nodes heard of since then, the one heard last first. */
  nodes(sinceMs: number): NetworkNode[];
  scores(): ScoreRow[];
  /** Writes these, forgets the others that are named, and nodes not heard of since `sinceMs`. */
  save(changes: {
    nodes: readonly NetworkNode[];
    scores: readonly ScoreRow[];
    forgottenScores: readonly Did[];
    sinceMs: number;
  }): Promise<void>;
}
