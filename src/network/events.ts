import type { Did } from '../domain/bundle.js';
import type { NetworkNode } from '../domain/network-node.js';
import type { Origin } from '../domain/plan.js';

/** One that can be asked. Its id is a DID for siblings and nodes, the driver's own word for the rest. */
export interface Provider {
  id: string;
  origin: Origin;
  /** The network that its address is in; undefined for what is on this machine, and upstream. */
  group?: string | undefined;
}

/** Whether it is beyond this machine and strange: what it sends is its word. */
export function isRemote({ origin }: Provider): boolean {
  return origin === 'sibling' || origin === 'swarm';
}

/** What a request asks for. */
export type Portion =
  /** The hash tree: root, length, leaves. The driver checks that they fit each other. */
  | { kind: 'tree' }
  /** Pieces `first` to `first + count - 1`. */
  | { kind: 'pieces'; first: number; count: number }
  /** All of it, from its beginning: where no length is known, or one piece is all. */
  | { kind: 'whole' };

/** What happened, told by the driver. `ask` is a number that the selector gave. */
export type SelectorEvent =
  /**
   * An artifact is wanted, under a number of the driver's. Providers that are known already stand in
   * it: what is on this machine, siblings, owners found earlier, upstream.
   */
  | {
      type: 'wanted';
      fetch: number;
      /** As the publisher's index says; undefined: unknown. */
      lengthBytes: number | undefined;
      providers: readonly Provider[];
    }
  /** A plan begins, and all of it is looked for at once. */
  | { type: 'planned' }
  /** Somebody who has it was found, by lookup, DHT or in the index of what is held here. */
  | { type: 'found'; fetch: number; providers: readonly Provider[] }
  /** The lookup is over: nobody else will be found. */
  | { type: 'searched'; fetch: number }
  /** A tree came that is consistent in itself. */
  | { type: 'claimed'; ask: number; root: string; lengthBytes: number }
  /** Bytes of an answer are arriving. */
  | { type: 'heard'; ask: number; bytes: number }
  /**
   * Pieces came, and are in quarantine. `bad` ones do not fit the tree in use; those of a `whole`
   * answer are told as its end, with neither.
   */
  | {
      type: 'answered';
      ask: number;
      good: readonly number[];
      bad: readonly number[];
      bytes: number;
    }
  /**
   * `absent`: it does not have it, whatever a record says. `other-tree`: it has it under another root.
   * `malformed`: it answered nonsense. `broken`: it or the line failed.
   */
  | { type: 'failed'; ask: number; reason: 'absent' | 'other-tree' | 'malformed' | 'broken' }
  /** The whole artifact was hashed: whether every digest that the publisher gave holds. */
  | { type: 'checked'; fetch: number; matches: boolean }
  | { type: 'abandoned'; fetch: number }
  /** A peer is gone: nothing that was asked of it will come. */
  | { type: 'left'; provider: string }
  | { type: 'tick' };

/** What the driver has to do. */
export type SelectorAction =
  | { type: 'look-up'; fetch: number }
  | { type: 'ask'; fetch: number; ask: number; provider: Provider; portion: Portion }
  | { type: 'cancel'; ask: number }
  /** From now on pieces are asked for under this root, and checked against its tree. */
  | { type: 'use-tree'; fetch: number; root: string }
  /** Hash what is in quarantine, and tell `checked`. */
  | { type: 'check'; fetch: number }
  /** Empty the quarantine. */
  | { type: 'discard'; fetch: number }
  /** End the connection; it is not asked again for long. */
  | { type: 'blame'; provider: string; reason: 'bad-piece' | 'malformed' | 'false-claim' }
  /** The official source is asked now: at most once a fetch. */
  | { type: 'fell-back'; fetch: number; reason: 'nobody' | 'silent' | 'slow' | 'liars' }
  /** Out of quarantine: verified bytes by where they came from. */
  | { type: 'finished'; fetch: number; bytes: ReadonlyMap<Origin, number> }
  /** Nobody has it, and the official source failed, there is none, or (`mismatch`) it gave other bytes. */
  | { type: 'failed'; fetch: number; reason: 'nobody' | 'mismatch' }
  /** Send `tick` at this time, or earlier. The last one counts. */
  | { type: 'wake'; atMs: number };

/** Somebody said to have an artifact. */
export interface Owner {
  did: Did;
  addresses: readonly string[];
  group: string;
}

/** A node that can be asked, as answers name it. */
export type Contact = Pick<NetworkNode, 'did' | 'addresses' | 'group' | 'kind'>;

export type LookupEvent =
  | { type: 'answered'; node: Did; owners: readonly Owner[]; closer: readonly Contact[] }
  | { type: 'failed'; node: Did }
  | { type: 'tick' };

export type LookupAction =
  /** Ask it who has the key, and who is nearer to it. */
  | { type: 'ask'; node: Contact }
  /** Owners that were not told before. */
  | { type: 'found'; owners: readonly Owner[] }
  /**
   * The walk is over. `closest` are those that answered, nearest first: the ones to leave a record
   * with. `hops` is the length of the chain of answers that led to the last of them.
   */
  | {
      type: 'ended';
      reason: 'enough' | 'exhausted' | 'deadline' | 'limit';
      closest: readonly Contact[];
      hops: number;
      asked: number;
    }
  | { type: 'wake'; atMs: number };
