import type { Did } from './bundle.js';
import type { NodeKind } from './network-node.js';

/** As whom a node told others what it holds: what they were told holds for this one alone. */
export interface TellersWord {
  /** The network's name. */
  network: string;
  did: Did;
  kind: NodeKind;
  /** Multiaddrs that it stated. */
  addresses: readonly string[];
}

/** What others were told of one place. Times are milliseconds since 1970, 0: never. */
export interface ToldPlace {
  /** 32 bytes in base64url. */
  place: string;
  /** Left as records with the nodes nearest to it. */
  recordedAtMs: number;
  /** Taken by the DHT. */
  providedAtMs: number;
  /** Copies that there seemed to be, this one counted. */
  copies: number;
}
