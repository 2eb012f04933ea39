import { BOUNDS } from '../../domain/bounds.js';
import type { Did } from '../../domain/bundle.js';
import type { Digests } from '../../domain/digest.js';
import { XError } from '../../domain/errors.js';
import type { NetworkNode } from '../../domain/network-node.js';
import type { Owner, Provider, SelectorAction, SelectorEvent } from '../../network/events.js';
import { NETWORK_POLICY as POLICY } from '../../network/policy.js';
import type { Scores } from '../../network/scores.js';
import { Selector } from '../../network/selector.js';
import type { Clock } from '../../ports/clock.js';
import type { PassedArtifact } from '../../ports/passing.js';
import type { BroughtArtifact, PublicSwarm, WantedOfSwarm } from '../../ports/public-swarm.js';
import type { RateLimit } from '../../ports/rate-limit.js';
import type { Random } from '../../ports/random.js';
import type { Store, StoredBlob } from '../../ports/store.js';
import { WakeTimer } from '../wake-timer.js';
import { ArtifactClient } from './artifact-client.js';
import type { Finder } from './finder.js';
import type { NodeHost } from './node-host.js';
import { OpenAsks } from './open-asks.js';
import { WantedArtifact, type Wanted } from './wanted-artifact.js';

export interface ArtifactFetchingDeps {
  host: NodeHost;
  /** Its name. */
  network: string;
  finder: Finder;
  scores: Scores;
  /** What the routing table knows of a node. */
  nodeOf: (did: Did) => NetworkNode | undefined;
  /** Whether there is nobody to ask. */
  isAlone: () => boolean;
  store: Pick<Store, 'quarantine'>;
  clock: Pick<Clock, 'monotonicMs' | 'now' | 'sleep'>;
  /** Milliseconds since 1970 of a clock that never goes back. */
  now: () => number;
  random: Random;
  /** How fast bytes may come. */
  download?: RateLimit | undefined;
  /** Told of every artifact that came, once it is verified and stored. */
  onStored?: (blob: StoredBlob) => void;
  /** Told of every liar: it is shunned and hung up on by then. */
  onBlamed?: (did: Did) => void;
  /** Told of what failed and stops nothing. */
  onTrouble?: (message: string, cause: unknown) => void;
}

interface Fetch {
  artifact: WantedArtifact;
  resolve: (brought: BroughtArtifact | undefined) => void;
  reject: (reason: unknown) => void;
}

const OFFICIAL: Provider = { id: 'official source', origin: 'upstream' };

/** Carries out what the selector decides: over streams, into quarantine, against the clock. */
export class ArtifactFetching implements PublicSwarm {
  readonly #deps: ArtifactFetchingDeps;
  readonly #selector: Selector;
  readonly #client: ArtifactClient;
  readonly #asks: OpenAsks;
  readonly #fetches = new Map<number, Fetch>();
  readonly #timer: WakeTimer;
  readonly #events: SelectorEvent[] = [];
  #isTelling = false;
  #isStopped = false;
  #next = 1;

  constructor(deps: ArtifactFetchingDeps) {
    this.#deps = deps;
    const { random, scores, nodeOf, host, network, now, clock, download } = deps;
    this.#selector = new Selector({ random, scores, nodeOf });
    this.#client = new ArtifactClient({ host, network, now, download });
    this.#asks = new OpenAsks({
      client: this.#client,
      now,
      tell: (event) => this.#tell(event),
      fail: (artifact, error) => this.#end(artifact.id, (fetch) => fetch.reject(error)),
      onAbsent: ({ wanted }, { id }) => deps.finder.forget(wanted.digests, id),
    });
    this.#timer = new WakeTimer(clock, () => {
      if (this.#fetches.size > 0) this.#tell({ type: 'tick' });
    });
    host.onGone((did) => this.#tell({ type: 'left', provider: did }));
  }

  /** Under way or waiting for their turn. */
  get size(): number {
    return this.#fetches.size;
  }

  isAlone(): boolean {
    return this.#deps.isAlone();
  }

  expect(all: Iterable<Digests>, signal: AbortSignal): void {
    if (this.#isStopped || this.isAlone()) return;
    this.#tell({ type: 'planned' });
    this.#deps.finder.expect(all, signal).catch((error: unknown) => {
      this.#deps.onTrouble?.('the search for what will be fetched failed', error);
    });
  }

  fetch(wanted: WantedOfSwarm, signal: AbortSignal): Promise<BroughtArtifact | undefined> {
    return this.#start(wanted, signal);
  }

  async bring(
    { digests, sizeBytes }: Pick<PassedArtifact, 'digests' | 'sizeBytes'>,
    signal: AbortSignal,
  ): Promise<boolean> {
    if (this.isAlone()) return false;
    const brought = await this.#start({ digests, sizeBytes, official: 'elsewhere' }, signal);
    return brought !== undefined;
  }

  /** As bring, for who has time and no official source: until nobody is left who may have it. */
  async seek(
    { digests, sizeBytes }: Pick<PassedArtifact, 'digests' | 'sizeBytes'>,
    signal: AbortSignal,
  ): Promise<boolean> {
    const brought = await this.#start({ digests, sizeBytes, official: undefined }, signal);
    return brought !== undefined;
  }

  stop(): void {
    this.#isStopped = true;
    for (const id of [...this.#fetches.keys()])
      this.#end(id, ({ reject }) => reject(new XError('STOPPED', 'the node is being stopped')));
    this.#timer.stop();
    this.#client.stop();
  }

  async #start(wanted: Wanted, signal: AbortSignal): Promise<BroughtArtifact | undefined> {
    signal.throwIfAborted();
    const { now, store, finder, host } = this.#deps;
    if (this.#isStopped || this.#fetches.size >= BOUNDS.swarmWaitingFetches) return undefined;
    const artifact = new WantedArtifact(this.#next++, wanted, now(), store);
    const brought = new Promise<BroughtArtifact | undefined>((resolve, reject) => {
      this.#fetches.set(artifact.id, { artifact, resolve, reject });
    });
    const onAbort = (): void => this.#end(artifact.id, ({ reject }) => reject(signal.reason));
    signal.addEventListener('abort', onAbort, { once: true });
    const timers = wanted.official === 'elsewhere' ? this.#limit(artifact) : [];
    const owners = finder.known(wanted.digests).filter(({ did }) => did !== host.did);
    const providers = meet(artifact, owners);
    // First, or many owners would leave no place for it.
    if (wanted.official !== undefined) providers.unshift(OFFICIAL);
    this.#tell({
      type: 'wanted',
      fetch: artifact.id,
      lengthBytes: wanted.sizeBytes,
      providers,
    });
    try {
      return await brought;
    } finally {
      for (const timer of timers) clearTimeout(timer);
      signal.removeEventListener('abort', onAbort);
    }
  }

  /** A client waits meanwhile: what would not be here in time is left early. */
  #limit(artifact: WantedArtifact): NodeJS.Timeout[] {
    const leave = (): void => this.#leave(artifact.id);
    const look = (): void => {
      const lengthBytes = artifact.wanted.sizeBytes ?? artifact.tree?.lengthBytes ?? 0;
      const expectedBytes = (artifact.hereBytes * BOUNDS.bringMs) / (2 * POLICY.rateAfterMs);
      if (expectedBytes < lengthBytes) leave();
    };
    return [setTimeout(look, 2 * POLICY.rateAfterMs), setTimeout(leave, BOUNDS.bringMs)];
  }

  /** One event after another: what an action leads to is told when all actions of its event are done. */
  #tell(event: SelectorEvent): void {
    this.#events.push(event);
    if (this.#isTelling) return;
    this.#isTelling = true;
    try {
      for (let next = this.#events.shift(); next !== undefined; next = this.#events.shift()) {
        for (const action of this.#selector.handle(next, this.#deps.now())) this.#act(action);
      }
    } finally {
      this.#isTelling = false;
    }
  }

  #act(action: SelectorAction): void {
    if (action.type === 'wake')
      this.#timer.set(this.#deps.clock.monotonicMs() + action.atMs - this.#deps.now());
    else if (action.type === 'cancel') this.#asks.cancel(action.ask);
    else if (action.type === 'blame') this.#blame(action.provider);
    else {
      // What was ended from outside may still be acted on by what was decided before.
      const fetch = this.#fetches.get(action.fetch);
      if (fetch !== undefined) this.#actFor(fetch, action);
    }
  }

  #actFor(
    fetch: Fetch,
    action: Exclude<SelectorAction, { type: 'wake' | 'cancel' | 'blame' }>,
  ): void {
    const { artifact } = fetch;
    switch (action.type) {
      case 'look-up':
        void this.#lookUp(artifact);
        return;
      case 'ask':
        this.#asks.open(artifact, action);
        return;
      case 'use-tree': {
        const tree = artifact.useTree(action.root);
        const isTooMuch = this.#quarantinedBytes() > BOUNDS.quarantineBytes;
        if (tree === undefined || isTooMuch) this.#leave(artifact.id);
        return;
      }
      case 'check':
        void this.#check(artifact);
        return;
      case 'discard':
        artifact.discard();
        return;
      case 'fell-back':
        this.#fellBack(fetch, action.reason);
        return;
      case 'finished': {
        const blob = artifact.brought;
        if (blob === undefined) throw new Error('what is finished was checked');
        const { bytes } = action;
        this.#end(artifact.id, ({ resolve }) => resolve({ blob, bytes }));
        return;
      }
      case 'failed':
        this.#leave(artifact.id);
    }
  }

  #fellBack({ artifact }: Fetch, reason: 'nobody' | 'silent' | 'slow' | 'liars'): void {
    const { official, onFallBack } = artifact.wanted;
    // Who said to have it gave nothing.
    onFallBack?.(reason === 'nobody' && artifact.owners.size > 0 ? 'silent' : reason);
    // Where nobody has anything of it, its caller fetches it as if there were no swarm: that resumes.
    const isUseless = reason === 'nobody' && artifact.tree === undefined;
    if (official === 'elsewhere' || isUseless) this.#leave(artifact.id);
  }

  async #lookUp(artifact: WantedArtifact): Promise<void> {
    const { finder, host } = this.#deps;
    const { id, stop, wanted } = artifact;
    try {
      const onFound = (owners: readonly Owner[]): void => {
        const others = owners.filter(({ did }) => did !== host.did);
        if (others.length > 0 && !stop.signal.aborted)
          this.#tell({ type: 'found', fetch: id, providers: meet(artifact, others) });
      };
      await finder.find(wanted.digests, onFound, stop.signal);
    } catch (error) {
      if (stop.signal.aborted) return;
      this.#deps.onTrouble?.('the search for who has an artifact failed', error);
    }
    if (!stop.signal.aborted) this.#tell({ type: 'searched', fetch: id });
  }

  async #check(artifact: WantedArtifact): Promise<void> {
    try {
      await artifact.check();
    } catch (error) {
      const isOther = error instanceof XError && error.code === 'DIGEST_MISMATCH';
      if (isOther) this.#tell({ type: 'checked', fetch: artifact.id, matches: false });
      else this.#end(artifact.id, ({ reject }) => reject(error));
      return;
    }
    // It is in the store by now, wanted or not.
    if (artifact.brought !== undefined) this.#deps.onStored?.(artifact.brought);
    this.#tell({ type: 'checked', fetch: artifact.id, matches: true });
  }

  #blame(did: Did): void {
    const { host, scores, finder } = this.#deps;
    host.refuse(did, scores.shunnedUntilMs(did));
    this.#client.drop(did);
    this.#deps.onBlamed?.(did);
    for (const { artifact } of this.#fetches.values())
      if (artifact.owners.has(did)) finder.forget(artifact.wanted.digests, did);
  }

  /** Nothing comes of it here. */
  #leave(id: number): void {
    this.#end(id, ({ resolve }) => resolve(undefined));
  }

  #end(id: number, settle: (fetch: Fetch) => void): void {
    const fetch = this.#fetches.get(id);
    if (fetch === undefined) return;
    this.#fetches.delete(id);
    const { artifact } = fetch;
    settle(fetch);
    artifact.stop.abort();
    this.#asks.cancelAll(artifact);
    artifact.close();
    this.#tell({ type: 'abandoned', fetch: id });
  }

  #quarantinedBytes(): number {
    let bytes = 0;
    for (const { artifact } of this.#fetches.values())
      bytes += artifact.tree?.lengthBytes ?? artifact.wanted.sizeBytes ?? 0;
    return bytes;
  }
}

function meet(artifact: WantedArtifact, owners: readonly Owner[]): Provider[] {
  return owners.flatMap((owner) => {
    if (!artifact.owners.has(owner.did) && artifact.owners.size >= 2 * BOUNDS.swarmProviders)
      return [];
    artifact.owners.set(owner.did, owner);
    return [{ id: owner.did, origin: 'swarm' as const, group: owner.group }];
  });
}
