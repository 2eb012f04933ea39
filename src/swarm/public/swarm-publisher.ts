import { setTimeout as wait } from 'node:timers/promises';
import { aborted } from '../../domain/aborted.js';
import { BOUNDS } from '../../domain/bounds.js';
import type { Digests } from '../../domain/digest.js';
import { NETWORK_POLICY as POLICY } from '../../network/policy.js';
import { keysOf, textOfPosition, type Position } from '../../network/position.js';
import { duePublications, type Publication } from '../../network/publishing.js';
import type { RoutingTable } from '../../network/routing-table.js';
import { publicationAs, toRemember } from '../../network/told-earlier.js';
import type { PublicArtifacts } from '../../ports/public-artifacts.js';
import { inParallel } from '../in-parallel.js';
import type { Publisher } from './finder.js';
import type { NodeHost } from './node-host.js';
import type { ProviderDirectory } from './provider-directory.js';
import { RecordLeaving } from './record-leaving.js';
import type { SwarmFinder } from './swarm-finder.js';
import type { ToldMemory } from './told-memory.js';
import type { Walks } from './walks.js';

export interface SwarmPublisherDeps {
  network: string;
  host: NodeHost;
  table: RoutingTable;
  walks: Walks;
  finder: SwarmFinder;
  artifacts: Pick<PublicArtifacts, 'find' | 'all' | 'watch'>;
  directory?: ProviderDirectory | undefined;
  memory: ToldMemory;
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

/**
 * Tells the network what is held here, a batch in each turn: the nearest nodes to the places of what is
 * due, then one message to each of them. What needs no walk of its own, because one ended there lately
 * or the network is small, is told at once; walks are so many in a minute. What was told in an earlier
 * life is due when it would have been then. Only what `PublicArtifacts` still names when its turn comes
 * is told of.
 */
export class SwarmPublisher implements Publisher {
  readonly #deps: SwarmPublisherDeps;
  /** By the text of the place. */
  readonly #publications = new Map<string, Told>();
  readonly #stopped = new AbortController();
  readonly #leaving: RecordLeaving;
  #timer: NodeJS.Timeout | undefined;
  #nextTurnMs = Infinity;
  #turn: Promise<void> | undefined;
  #unwatch = (): void => undefined;

  constructor(deps: SwarmPublisherDeps) {
    this.#deps = deps;
    const { signal } = this.#stopped;
    const { host, table, walks, finder, now } = deps;
    this.#leaving = new RecordLeaving({ host, table, walks, finder, now, signal });
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
    void this.#deps.memory.claimed();
    // Who began alone tells as soon as there is somebody to tell.
    host.onConnected(() => this.#plan(Math.min(POLICY.firstTurnMs, this.#turnMs)));
    this.#plan(Math.min(POLICY.firstTurnMs, this.#turnMs));
  }

  async stop(): Promise<void> {
    this.#stopped.abort(new Error('the node stops'));
    this.#unwatch();
    clearTimeout(this.#timer);
    await this.#turn;
    await this.#deps.memory.written();
  }

  held(artifacts: Iterable<Digests>): void {
    for (const digests of artifacts)
      for (const key of keysOf(this.#deps.network, digests)) {
        if (this.#publications.size >= BOUNDS.publications) return;
        const text = textOfPosition(key);
        if (this.#publications.has(text)) continue;
        const told = this.#deps.memory.recall(text);
        const providedAtMs = told?.providedAtMs ?? 0;
        this.#publications.set(text, { key, digests, providedAtMs, ...publicationAs(told) });
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
        if (told !== undefined && isOut(told)) withdrawn.push(told);
      }
    if (withdrawn.length > 0) void this.#takeBack(withdrawn);
  }

  /** Once it is not remembered any more: if it comes again it is told of again. */
  async #takeBack(withdrawn: readonly Told[]): Promise<void> {
    const places = withdrawn.map(({ key }) => textOfPosition(key));
    if (!(await this.#deps.memory.forget(places))) return;
    await this.#leaving.withdraw(
      withdrawn.filter(
        ({ key, publishedAtMs }) =>
          publishedAtMs > 0 && !this.#publications.has(textOfPosition(key)),
      ),
    );
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
    for (const place of this.#deps.memory.moved()) {
      const told = this.#publications.get(place);
      if (told !== undefined) Object.assign(told, { publishedAtMs: 0, takers: 0, providedAtMs: 0 });
    }
    const told = await Promise.all([this.#leaveRecords(), this.#provide()]);
    // What went meanwhile is forgotten, also where it came again.
    const held = [...new Set(told.flat())].filter((one) => this.#isKept(one));
    await this.#deps.memory.told(held.flatMap((one) => toRemember(one) ?? []));
  }

  #isKept(one: Told): boolean {
    return this.#publications.get(textOfPosition(one.key)) === one;
  }

  /** Whether it may still be told of; what may not is forgotten. */
  #isPublic(told: Told): boolean {
    if (this.#deps.artifacts.find(told.digests) !== undefined) return true;
    const text = textOfPosition(told.key);
    this.#publications.delete(text);
    if (isOut(told)) void this.#deps.memory.forget([text]);
    return false;
  }

  /** @returns what was told. */
  async #leaveRecords(): Promise<Told[]> {
    const { table, now } = this.#deps;
    // Alone, nothing has failed.
    if (table.size === 0) return [];
    const held = this.#publications.values();
    const due = duePublications(held, now(), BOUNDS.recordsPerMessage).filter((told) =>
      this.#isPublic(told),
    );
    if (due.length === 0) return [];
    const taken = await this.#leaving.leave(due);
    if (this.#stopped.signal.aborted) return [];
    for (const [one, takers] of taken) {
      one.triedAtMs = now();
      if (takers > 0) Object.assign(one, { publishedAtMs: now(), takers, failures: 0 });
      else one.failures += 1;
    }
    return due.filter((one) => (taken.get(one) ?? 0) > 0);
  }

  /** Beside the records, and none the worse where it fails: a batch a turn, the next one goes on. */
  async #provide(): Promise<Told[]> {
    const { directory, now } = this.#deps;
    if (directory === undefined) return [];
    const due: Told[] = [];
    for (const told of [...this.#publications.values()]) {
      if (due.length >= BOUNDS.publicationsAtOnce) break;
      const isDue = told.providedAtMs === 0 || told.providedAtMs + POLICY.republishMs <= now();
      if (isDue && this.#isPublic(told)) due.push(told);
    }
    const provided: Told[] = [];
    const limit = AbortSignal.timeout(BOUNDS.directoryProvideMs);
    const signal = AbortSignal.any([this.#stopped.signal, limit]);
    await inParallel(due, BOUNDS.parallelWalks, async (told) => {
      if (signal.aborted) return;
      const taken = directory.provide(told.key, signal).catch(() => 0);
      // Nobody took it by then.
      const count = await Promise.race([taken, aborted(signal)]);
      if (count === undefined || count === 0) return;
      told.providedAtMs = now();
      provided.push(told);
    });
    return provided;
  }
}

/** Whether anybody was told of it. */
function isOut({ publishedAtMs, providedAtMs }: Told): boolean {
  return publishedAtMs > 0 || providedAtMs > 0;
}
