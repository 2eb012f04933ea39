import { setTimeout as wait } from 'node:timers/promises';
import { aborted } from '../../domain/aborted.js';
import { BOUNDS } from '../../domain/bounds.js';
import type { Did } from '../../domain/bundle.js';
import type { Digests } from '../../domain/digest.js';
import type { Contact } from '../../network/events.js';
import { NETWORK_POLICY as POLICY } from '../../network/policy.js';
import { keysOf, textOfPosition, type Position } from '../../network/position.js';
import { duePublications, recordTargets, type Publication } from '../../network/publishing.js';
import type { RoutingTable } from '../../network/routing-table.js';
import { TokenBucket } from '../../network/token-bucket.js';
import type { PublicArtifacts } from '../../ports/public-artifacts.js';
import { inParallel } from '../in-parallel.js';
import type { Publisher } from './finder.js';
import type { NodeHost } from './node-host.js';
import type { ProviderDirectory } from './provider-directory.js';
import type { SwarmFinder } from './swarm-finder.js';
import type { Walks } from './walks.js';

export interface SwarmPublisherDeps {
  network: string;
  host: NodeHost;
  table: RoutingTable;
  walks: Walks;
  finder: SwarmFinder;
  artifacts: Pick<PublicArtifacts, 'find' | 'all' | 'watch'>;
  directory?: ProviderDirectory | undefined;
  /** Milliseconds since 1970 of a clock that never goes back. */
  now: () => number;
  /** Between turns; for tests. */
  turnMs?: number | undefined;
  /** Whether this machine fetches: a turn waits for that, a minute at most. */
  isBusy?: (() => boolean) | undefined;
}

interface Told extends Publication {
  digests: Digests;
  /** When the directory took it last. */
  providedAtMs: number;
}

const IDLE_LOOK_MS = 1_000;

/** What of a batch got which nodes; what is missing has to wait for the next turn. */
interface Batch {
  parcels: Map<Did, Parcel>;
  tried: Told[];
}

/** A node, and what it is given records of. */
interface Parcel {
  contact: Contact;
  publications: Told[];
}

/**
 * Tells the network what is held here, a batch in each turn: the nearest nodes to the places of what is
 * due, then one message to each of them. What needs no walk of its own, because one ended there lately
 * or the network is small, is told at once; walks are so many in a minute. Only what `PublicArtifacts`
 * still names when its turn comes is told of.
 */
export class SwarmPublisher implements Publisher {
  readonly #deps: SwarmPublisherDeps;
  /** By the text of the place. */
  readonly #publications = new Map<string, Told>();
  readonly #stopped = new AbortController();
  readonly #walkBudget: TokenBucket;
  #timer: NodeJS.Timeout | undefined;
  #nextTurnMs = Infinity;
  #turn: Promise<void> | undefined;
  #unwatch = (): void => undefined;

  constructor(deps: SwarmPublisherDeps) {
    this.#deps = deps;
    const atOnce = BOUNDS.publicationsAtOnce;
    this.#walkBudget = new TokenBucket(
      atOnce,
      (1_000 * atOnce) / POLICY.publishPauseMs,
      deps.now(),
    );
  }

  /** How many places are told of, and of how many of those a record is out. */
  get counts(): { keys: number; published: number } {
    const all = [...this.#publications.values()];
    return { keys: all.length, published: all.filter((one) => one.publishedAtMs > 0).length };
  }

  /** Whether something that is public now lies here under this place; as many as are told of. */
  isHeld(key: Position): boolean {
    const told = this.#publications.get(textOfPosition(key));
    return told !== undefined && this.#isPublic(told);
  }

  start(): void {
    const { artifacts, host } = this.#deps;
    this.#unwatch = artifacts.watch(({ gained, lost }) => {
      this.held(gained);
      this.dropped(lost);
    });
    for (const { digests } of artifacts.all()) this.held([digests]);
    // Who began alone tells as soon as there is somebody to tell.
    host.onConnected(() => this.#plan(Math.min(POLICY.firstTurnMs, this.#turnMs)));
    this.#plan(Math.min(POLICY.firstTurnMs, this.#turnMs));
  }

  async stop(): Promise<void> {
    this.#stopped.abort(new Error('the node stops'));
    this.#unwatch();
    clearTimeout(this.#timer);
    await this.#turn;
  }

  held(artifacts: Iterable<Digests>): void {
    for (const digests of artifacts)
      for (const key of keysOf(this.#deps.network, digests)) {
        if (this.#publications.size >= BOUNDS.publications) return;
        const text = textOfPosition(key);
        if (this.#publications.has(text)) continue;
        const never = { publishedAtMs: 0, failures: 0, triedAtMs: 0, providedAtMs: 0, copies: 1 };
        this.#publications.set(text, { key, digests, ...never });
      }
    if (this.#timer !== undefined) this.#plan(Math.min(POLICY.firstTurnMs, this.#turnMs));
  }

  dropped(artifacts: Iterable<Digests>): void {
    const withdrawn: Told[] = [];
    for (const digests of artifacts)
      for (const key of keysOf(this.#deps.network, digests)) {
        const text = textOfPosition(key);
        const told = this.#publications.get(text);
        this.#publications.delete(text);
        if (told !== undefined && told.publishedAtMs > 0) withdrawn.push(told);
      }
    if (withdrawn.length > 0) void this.#withdraw(withdrawn);
  }

  /** Copies that there seem to be of an artifact, this one counted; 1 where nothing is known. */
  copies(digests: Digests): number {
    const known = keysOf(this.#deps.network, digests).map(
      (key) => this.#publications.get(textOfPosition(key))?.copies ?? 1,
    );
    return Math.max(1, ...known);
  }

  /** Tells of what is due now; resolves when all of the batch were told or have failed. */
  async publish(): Promise<void> {
    await (this.#turn ??= this.#publish().finally(() => {
      this.#turn = undefined;
    }));
  }

  get #turnMs(): number {
    return this.#deps.turnMs ?? POLICY.publishPauseMs;
  }

  /** The earliest plan holds. */
  #plan(afterMs: number): void {
    if (this.#stopped.signal.aborted) return;
    const atMs = performance.now() + afterMs;
    if (this.#timer !== undefined && this.#nextTurnMs <= atMs) return;
    clearTimeout(this.#timer);
    this.#nextTurnMs = atMs;
    this.#timer = setTimeout(() => {
      this.#nextTurnMs = Infinity;
      this.#turnWhenIdle().then(
        () => this.#plan(this.#turnMs),
        () => this.#plan(this.#turnMs),
      );
    }, afterMs);
  }

  async #turnWhenIdle(): Promise<void> {
    const { isBusy = () => false } = this.#deps;
    const endMs = performance.now() + POLICY.publishPauseMs;
    while (isBusy() && performance.now() < endMs && !this.#stopped.signal.aborted)
      await Promise.race([wait(IDLE_LOOK_MS), aborted(this.#stopped.signal)]);
    if (!this.#stopped.signal.aborted) await this.publish();
  }

  async #publish(): Promise<void> {
    await Promise.all([this.#leaveRecords(), this.#provide()]);
  }

  /** Whether it may still be told of; what may not is forgotten. */
  #isPublic(told: Told): boolean {
    if (this.#deps.artifacts.find(told.digests) !== undefined) return true;
    this.#publications.delete(textOfPosition(told.key));
    return false;
  }

  async #leaveRecords(): Promise<void> {
    const { table, now } = this.#deps;
    // Alone, nothing has failed.
    if (table.size === 0) return;
    const held = this.#publications.values();
    const due = duePublications(held, now(), BOUNDS.recordsPerMessage).filter((told) =>
      this.#isPublic(told),
    );
    if (due.length === 0) return;
    const { parcels, tried } = await this.#address(due);
    const taken = new Set<Told>();
    await inParallel([...parcels.values()], BOUNDS.parallelLeaves, async (parcel) => {
      for (const one of await this.#leave(parcel)) taken.add(one);
    });
    if (this.#stopped.signal.aborted) return;
    for (const one of tried) {
      one.triedAtMs = now();
      if (taken.has(one)) Object.assign(one, { publishedAtMs: now(), failures: 0 });
      else one.failures += 1;
    }
  }

  /** Who is to be given what: one message a node, whatever it is near to. */
  async #address(due: readonly Told[]): Promise<Batch> {
    const { table, now } = this.#deps;
    const batch: Batch = { parcels: new Map(), tried: [] };
    let isSmall = false;
    await inParallel(due, BOUNDS.parallelWalks, async (told) => {
      if (this.#stopped.signal.aborted) return;
      let closest = isSmall ? this.#closestKnown(told.key) : this.#endedLately(told);
      if (closest === undefined) {
        if (!this.#walkBudget.take(now())) return;
        const walked = await this.#deps.finder.walkTo(told.key, this.#stopped.signal);
        told.copies = walked.copies + 1;
        closest = walked.closest;
        // Where a walk asked everybody there is, others of this turn would ask the same again.
        const { size } = table;
        isSmall ||= walked.asked > 0 && walked.asked <= size && size <= BOUNDS.bucketNodes;
      }
      batch.tried.push(told);
      pack(batch.parcels, told, recordTargets(table, { key: told.key, closest }, now()));
    });
    return batch;
  }

  #endedLately(told: Told): readonly Contact[] | undefined {
    const last = this.#deps.finder.lastWalk(told.key);
    if (last === undefined || last.closest.length === 0 || told.failures > 0) return undefined;
    told.copies = last.copies + 1;
    return last.closest;
  }

  #closestKnown(key: Position): Contact[] {
    const { table, now } = this.#deps;
    const nodes = table.closest(key, POLICY.replicas, {
      provenSinceMs: now() - POLICY.provenMs,
      heardSinceMs: now() - POLICY.aliveMs,
      perGroup: BOUNDS.lookupNodesOfGroup,
    });
    return nodes.map(({ did, addresses, group, kind }) => ({ did, addresses, group, kind }));
  }

  /** What of it was taken. */
  async #leave({ contact, publications }: Parcel): Promise<Told[]> {
    const keys = publications.map(({ key }) => key);
    const answer = await this.#deps.walks.ask(
      contact,
      { type: 'leave', keys },
      this.#stopped.signal,
    );
    return answer === undefined ? [] : publications.filter((_, i) => !answer.refused.has(i));
  }

  /** Beside the records, and none the worse where it fails: a batch a turn, the next one goes on. */
  async #provide(): Promise<void> {
    const { directory, now } = this.#deps;
    if (directory === undefined) return;
    const due: Told[] = [];
    for (const told of [...this.#publications.values()]) {
      if (due.length >= BOUNDS.publicationsAtOnce) break;
      const isDue = told.providedAtMs === 0 || told.providedAtMs + POLICY.republishMs <= now();
      if (isDue && this.#isPublic(told)) due.push(told);
    }
    const limit = AbortSignal.timeout(BOUNDS.directoryProvideMs);
    const signal = AbortSignal.any([this.#stopped.signal, limit]);
    await inParallel(due, BOUNDS.parallelWalks, async (told) => {
      if (signal.aborted) return;
      const taken = directory.provide(told.key, signal).catch(() => 0);
      // Nobody took it by then.
      const count = await Promise.race([taken, aborted(signal)]);
      if (count !== undefined && count > 0) told.providedAtMs = now();
    });
  }

  /** Only from those of the nearest that are connected: the others are told nothing, and forget in time. */
  async #withdraw(withdrawn: readonly Told[]): Promise<void> {
    const { host } = this.#deps;
    const parcels = new Map<Did, Parcel>();
    for (const told of withdrawn.slice(0, BOUNDS.recordsPerMessage)) {
      const connected = this.#closestKnown(told.key).filter(
        ({ did }) => host.connectionOf(did) !== undefined,
      );
      pack(parcels, told, connected);
    }
    await inParallel([...parcels.values()], BOUNDS.parallelLeaves, async (parcel) => {
      const keys = parcel.publications.map(({ key }) => key);
      await this.#deps.walks.ask(parcel.contact, { type: 'withdraw', keys }, this.#stopped.signal);
    });
  }
}

function pack(parcels: Map<Did, Parcel>, told: Told, targets: readonly Contact[]): void {
  for (const contact of targets) {
    const parcel = parcels.get(contact.did) ?? { contact, publications: [] };
    parcel.publications.push(told);
    parcels.set(contact.did, parcel);
  }
}
