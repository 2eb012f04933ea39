import { aborted } from '../../domain/aborted.js';
import { BOUNDS } from '../../domain/bounds.js';
import type { Did } from '../../domain/bundle.js';
import type { Digests } from '../../domain/digest.js';
import type { Contact, Owner } from '../../network/events.js';
import type { OwnerCache } from '../../network/owner-cache.js';
import {
  keysOf,
  positionSharing,
  textOfPosition,
  type NodePositions,
  type Position,
} from '../../network/position.js';
import { NETWORK_POLICY as POLICY } from '../../network/policy.js';
import type { ProviderRecords } from '../../network/records.js';
import type { Random } from '../../ports/random.js';
import { DirectorySearch } from './directory-search.js';
import type { Finder } from './finder.js';
import { inParallel } from '../in-parallel.js';
import type { ProviderDirectory } from './provider-directory.js';
import type { Walked, Walks } from './walks.js';

export interface SwarmFinderDeps {
  did: Did;
  network: string;
  walks: Walks;
  positions: NodePositions;
  records: ProviderRecords;
  cache: OwnerCache;
  directory?: ProviderDirectory | undefined;
  random: Random;
  /** Milliseconds since 1970 of a clock that never goes back. */
  now: () => number;
}

interface Search {
  listeners: Set<(owners: readonly Owner[]) => void>;
  found: Map<Did, Owner>;
  controller: AbortController;
  done: Promise<void>;
}

/** What was looked for before it was wanted. */
interface Foreseen {
  owners: Owner[];
  isDone: boolean;
}

/** Where a walk ended, and how many had it by then. */
export interface LastWalk {
  closest: readonly Contact[];
  copies: number;
  atMs: number;
}

/** Who has an artifact: what is cached, records here, one walk an artifact, the directory beside it. */
export class SwarmFinder implements Finder {
  readonly #deps: SwarmFinderDeps;
  readonly #searches = new Map<string, Search>();
  /** The one that ended last stands last. */
  readonly #lastWalks = new Map<string, LastWalk>();

  readonly #directory: DirectorySearch | undefined;
  readonly #foreseen = new Map<string, Foreseen>();

  constructor(deps: SwarmFinderDeps) {
    this.#deps = deps;
    this.#directory = deps.directory && new DirectorySearch(deps.directory);
  }

  known(digests: Digests): Owner[] {
    const { did, network, records, cache, now } = this.#deps;
    const owners = new Map<Did, Owner>();
    for (const key of keysOf(network, digests)) {
      const here = records.owners(key, BOUNDS.lookupAnswerOwners, now());
      for (const owner of [...here, ...cache.owners(key, now())])
        if (owner.did !== did && !owners.has(owner.did)) owners.set(owner.did, owner);
    }
    return [...owners.values()];
  }

  /** Resolves, too, where the signal is given; the walk ends when nobody waits for it any more. */
  async find(
    digests: Digests,
    onFound: (owners: readonly Owner[]) => void,
    signal: AbortSignal,
  ): Promise<void> {
    const [key] = keysOf(this.#deps.network, digests);
    if (key === undefined || signal.aborted) return;
    const text = textOfPosition(key);
    // Once: who looks for it again wants to know more.
    const foreseen = this.#foreseen.get(text);
    this.#foreseen.delete(text);
    if (foreseen?.isDone !== true) await this.#join(key, text, onFound, signal);
    else if (foreseen.owners.length > 0) onFound(foreseen.owners);
  }

  async expect(all: Iterable<Digests>, signal: AbortSignal): Promise<void> {
    const begin = async (key: Position): Promise<void> => {
      const text = textOfPosition(key);
      if (this.#foreseen.has(text) || this.#foreseen.size >= BOUNDS.foreseen) return;
      const foreseen: Foreseen = { owners: [], isDone: false };
      this.#foreseen.set(text, foreseen);
      await this.#join(key, text, (owners) => foreseen.owners.push(...owners), signal);
      if (signal.aborted) this.#foreseen.delete(text);
      else foreseen.isDone = true;
    };
    const keys = [...all].flatMap((digests) => keysOf(this.#deps.network, digests).slice(0, 1));
    await inParallel(keys, BOUNDS.foreseenAtOnce, begin);
    // What is not fetched soon is not known any more then.
    await Promise.race([aborted(signal), aborted(AbortSignal.timeout(BOUNDS.cachedOwnersMs))]);
    for (const key of keys) this.#foreseen.delete(textOfPosition(key));
  }

  async #join(
    key: Position,
    text: string,
    onFound: (owners: readonly Owner[]) => void,
    signal: AbortSignal,
  ): Promise<void> {
    const search = this.#searches.get(text) ?? this.#begin(key, text);
    if (search === undefined) return;
    const told = (owners: readonly Owner[]): void => onFound(owners);
    search.listeners.add(told);
    if (search.found.size > 0) told([...search.found.values()]);
    let stop = (): void => undefined;
    try {
      await Promise.race([
        search.done,
        new Promise<void>((resolve) => {
          stop = resolve;
          signal.addEventListener('abort', stop);
        }),
      ]);
    } finally {
      signal.removeEventListener('abort', stop);
      search.listeners.delete(told);
      if (search.listeners.size === 0) search.controller.abort(new Error('nobody waits for it'));
    }
  }

  forget(digests: Digests, owner: Did): void {
    const { network, records, cache } = this.#deps;
    for (const key of keysOf(network, digests)) {
      records.withdraw(key, owner);
      cache.drop(key, owner);
    }
  }

  /** Where a walk for this ended a short while ago. */
  lastWalk(key: Position): LastWalk | undefined {
    const last = this.#lastWalks.get(textOfPosition(key));
    if (last === undefined || last.atMs + BOUNDS.rememberedWalkMs <= this.#deps.now())
      return undefined;
    return last;
  }

  /** Walks to the nodes nearest to a key, to leave a record there. */
  async walkTo(key: Position, signal: AbortSignal): Promise<Walked & { copies: number }> {
    const groups = new Set<string>();
    const walked = await this.#deps.walks.walk(
      key,
      false,
      (owners) => owners.forEach(({ group }) => groups.add(group)),
      signal,
    );
    this.#remember(key, walked, groups.size);
    return { ...walked, copies: groups.size };
  }

  /**
   * Looks up a random place that shares so many bits with this machine's own, so that the nodes there
   * are known: what `RoutingTable.due` names. 256: this machine's own place, as a node that starts does.
   */
  async refresh(bits: number, signal: AbortSignal): Promise<Walked> {
    const { walks, positions, did, random } = this.#deps;
    const own = positions.of(did);
    const key = bits >= 256 ? own : positionSharing(own, bits, random);
    return walks.walk(key, false, () => undefined, signal);
  }

  /** Undefined where too many are under way. */
  #begin(key: Position, text: string): Search | undefined {
    if (this.#searches.size >= BOUNDS.lookups) return undefined;
    const controller = new AbortController();
    const search: Search = {
      listeners: new Set(),
      found: new Map(),
      controller,
      done: Promise.resolve(),
    };
    search.done = this.#search(key, search, controller.signal).finally(() => {
      if (this.#searches.get(text) === search) this.#searches.delete(text);
    });
    this.#searches.set(text, search);
    // Whoever comes later begins anew.
    controller.signal.addEventListener('abort', () => {
      if (this.#searches.get(text) === search) this.#searches.delete(text);
    });
    return search;
  }

  async #search(key: Position, search: Search, signal: AbortSignal): Promise<void> {
    const { walks } = this.#deps;
    const found = (owners: readonly Owner[]): void => {
      this.#deps.cache.add(key, owners, this.#deps.now());
      this.#found(search, owners);
    };
    const walk = walks.walk(key, true, found, signal).then((walked) => {
      const groups = new Set([...search.found.values()].map(({ group }) => group));
      if (walked.reason !== 'stopped') this.#remember(key, walked, groups.size);
    });
    // What a directory says is used, and not passed on to others as this node's own finding.
    await Promise.all([walk, this.#askDirectory(key, search, walk, signal)]);
  }

  #found(search: Search, owners: readonly Owner[]): void {
    const fresh = owners.filter(({ did }) => did !== this.#deps.did && !search.found.has(did));
    if (fresh.length === 0) return;
    for (const owner of fresh) search.found.set(owner.did, owner);
    for (const listener of search.listeners) listener(fresh);
  }

  /** Only where the walk has found nobody by then: a question to it is a walk of its own, in each DHT. */
  async #askDirectory(
    key: Position,
    search: Search,
    walk: Promise<void>,
    signal: AbortSignal,
  ): Promise<void> {
    if (this.#directory === undefined) return;
    await Promise.race([walk, aborted(AbortSignal.timeout(POLICY.directoryAfterMs))]);
    if (search.found.size > 0 || signal.aborted) return;
    await this.#directory.ask(key, (owners) => this.#found(search, owners), signal);
  }

  #remember(key: Position, { closest }: Walked, copies: number): void {
    const text = textOfPosition(key);
    this.#lastWalks.delete(text);
    this.#lastWalks.set(text, { closest, copies, atMs: this.#deps.now() });
    if (this.#lastWalks.size <= BOUNDS.rememberedWalks) return;
    const [oldest] = this.#lastWalks.keys();
    if (oldest !== undefined) this.#lastWalks.delete(oldest);
  }
}
