import { BOUNDS } from '../domain/bounds.js';
import type { PieceManifest } from '../domain/bundle.js';
import type { Sha256 } from '../domain/digest.js';
import { XError } from '../domain/errors.js';
import type { PeerStatus, PullEvent, Share, ShareRequest } from '../ports/swarm.js';
import { type Bitmap, LeafMap, Scheduler, type LeafSpan } from '../transfer/index.js';
import type { LeafBytes } from './answers.js';
import { BlobAccess } from './blob-access.js';
import { encodeGreeting } from './greeting.js';
import { Keeping } from './keeping.js';
import type { PieceLink } from './piece-link.js';
import { ProgressMeter } from './progress-meter.js';
import type { ShareDeps } from './share-deps.js';
import { SharePeers } from './share-peers.js';
import { TransferDriver } from './transfer-driver.js';
import { TreeLearner } from './tree-fetch.js';
import { Waiters } from './waiters.js';

/** One manifest being pulled and served: what of it is wanted, held, and waited for. */
export class PieceShare implements Share {
  readonly manifest: PieceManifest;
  /** Who shares it with us. */
  readonly sharers = new SharePeers();
  /** What they send goes here. */
  readonly driver: TransferDriver;
  readonly #deps: ShareDeps<PieceShare>;
  readonly #map: LeafMap;
  readonly #blobs: BlobAccess;
  readonly #scheduler: Scheduler;
  readonly #meter: ProgressMeter;
  readonly #waiters: Waiters;
  readonly #listeners = new Set<(event: PullEvent) => void>();
  readonly #trees: TreeLearner;
  readonly #stopped = new AbortController();
  readonly #keeping: Keeping;
  /** Artifacts that somebody waits for by name. */
  readonly #urgent = new Set<LeafSpan>();
  #wantsAll = false;

  private constructor(
    manifest: PieceManifest,
    map: LeafMap,
    blobs: BlobAccess,
    held: Bitmap,
    deps: ShareDeps<PieceShare>,
  ) {
    this.manifest = manifest;
    this.#deps = deps;
    this.#map = map;
    this.#blobs = blobs;
    this.#meter = new ProgressMeter(map.bytesOf(held.toArray()));
    this.#waiters = new Waiters((span) => blobs.isWhole(span));
    this.#scheduler = new Scheduler(map, held, deps.random);
    this.#keeping = new Keeping(blobs, deps.clock, this.#stopped.signal, {
      onOffered: (leaves) => this.driver.handle({ type: 'stored', leaves }),
      onStored: (bytes) => this.#stored(bytes),
      onWhole: (spans) => this.#whole(spans),
      onDamaged: (leaves) => this.#damaged(leaves),
      onFailure: (failure) => this.#waiters.fail(failure),
      onRetry: () => this.#waiters.recover(),
    });
    this.#trees = new TreeLearner(
      () => this.sharers.linksByRank(),
      deps.askForTrees,
      (span, leaves) => blobs.knowTree(span, leaves),
      (span, urgent) => this.#learnt(span, urgent),
    );
    this.driver = this.#newDriver();
  }

  /** Reads what the store holds of the manifest. @throws XError METADATA_INVALID, LIMIT_EXCEEDED. */
  static async open(manifest: PieceManifest, deps: ShareDeps<PieceShare>): Promise<PieceShare> {
    const map = new LeafMap(manifest);
    const blobs = new BlobAccess(map, deps.store);
    return new PieceShare(manifest, map, blobs, await blobs.load(), deps);
  }

  // ---- what a user of the share sees

  /** Adds what a request asks for. */
  request(request: ShareRequest): void {
    if (request.onEvent !== undefined) this.#listen(request.onEvent);
    if (request.masters.length === 0 && request.paths === undefined) return;
    if (request.paths === undefined) {
      this.#wantsAll = true;
      this.#want(this.#map.spans, false);
      return;
    }
    const spans = [...request.paths].flatMap((path) => this.#map.spanOfPath(path) ?? []);
    this.#want(spans, false);
  }

  /** Peers may have come before: a greeting opens a share of what the catalog names. */
  #listen(onEvent: (event: PullEvent) => void): void {
    if (this.#listeners.has(onEvent)) return;
    this.#listeners.add(onEvent);
    for (const { link, isMaster } of this.sharers.all()) {
      onEvent({ event: 'connected', did: link.did, address: link.address, isMaster });
    }
  }

  get totalBytes(): number {
    return this.#map.totalBytes;
  }

  heldBytes(): number {
    return this.#meter.heldBytes;
  }

  arrival = (parts: number): number[] => this.#scheduler.held.percentages(parts);

  has(path: string): boolean {
    const span = this.#map.spanOfPath(path);
    return span !== undefined && this.#blobs.isWhole(span);
  }

  async want(path: string, signal?: AbortSignal): Promise<void> {
    const span = this.#map.spanOfPath(path);
    if (span === undefined) {
      throw new XError('PACKAGE_NOT_FOUND', `${this.manifest.bundle} has no ${path}`);
    }
    // The store may have dropped it since, when somebody read it and it was damaged.
    const gone = this.#blobs.lookAgain(span);
    if (gone.length > 0) this.#damaged(gone);
    if (!this.#blobs.isWhole(span)) this.#urgent.add(span);
    this.#want([span], true);
    await this.#waiters.wait([span], signal);
  }

  async complete(signal?: AbortSignal): Promise<void> {
    await this.#waiters.waitForAll(signal);
  }

  async unneeded(limitMs: number, signal?: AbortSignal): Promise<void> {
    const now = (): number => this.#deps.clock.monotonicMs();
    const untilMs = now() + limitMs;
    while (!this.#stopped.signal.aborted && now() < untilMs && this.#scheduler.isNeeded()) {
      await this.#deps.clock.sleep(BOUNDS.needCheckMs, signal);
    }
  }

  missing(): string[] {
    return [...this.#waiters.expected()].map(({ path }) => path);
  }

  unobtainable(): string[] | undefined {
    return this.sharers.heldByNobody(this.#waiters.expected(), this.#scheduler.held);
  }

  peers(): PeerStatus[] {
    return this.sharers.statuses();
  }

  async stop(): Promise<void> {
    if (this.#stopped.signal.aborted) return;
    this.#stopped.abort();
    this.#trees.stop();
    this.#waiters.fail(new XError('INCOMPLETE', `${this.manifest.bundle}: sharing was stopped`));
    // Nobody may close the store under what is being read or written.
    await Promise.allSettled([this.driver.stop(), this.#keeping.end()]);
    this.#deps.onStop(this);
  }

  // ---- what the swarm tells

  /** Whether nothing more is wanted, or nothing was: then this process is a server here. */
  get isServing(): boolean {
    return !this.sharers.haveMaster || this.#scheduler.missingBytes === 0;
  }

  names(sha256: Sha256): boolean {
    return this.#map.spanBySha256(sha256) !== undefined;
  }

  emit(event: PullEvent): void {
    for (const listener of this.#listeners) listener(event);
  }

  sayHello(link: PieceLink, reply: boolean): void {
    const lacking = this.#wantsAll ? undefined : this.#waiters.expected();
    const hello = encodeGreeting(this.#scheduler.held, lacking, this.#deps.addresses(), reply);
    link.send(this.manifest.digest, { hello });
    this.sharers.greet(link);
  }

  // ---- the inside

  #newDriver(): TransferDriver {
    const parts = {
      manifest: this.manifest.digest,
      map: this.#map,
      blobs: this.#blobs,
      peers: this.sharers,
      scheduler: this.#scheduler,
      clock: this.#deps.clock,
      stopped: this.#stopped.signal,
    };
    return new TransferDriver(parts, {
      onJoined: (link, isMaster, isNew) => this.#joined(link, isMaster, isNew),
      onLeft: ({ did }) => this.emit({ event: 'disconnected', did }),
      onBadPiece: (link, leaf) => this.#sawBadPiece(link, leaf),
      onLiar: (link) => this.#deps.onLiar(link),
      onVerified: (pieces, fromMaster) => this.#keep(pieces, fromMaster),
      onDamaged: (leaves) => this.#damaged(leaves),
      inMemory: (leaf) => this.#keeping.get(leaf),
    });
  }

  #joined(link: PieceLink, isMaster: boolean, isNew: boolean): void {
    if (isNew) {
      this.emit({ event: 'connected', did: link.did, address: link.address, isMaster });
      this.#trees.wake();
    }
    this.#deps.onJoined(this, link.peer);
  }

  #sawBadPiece({ did }: PieceLink, leaf: number): void {
    const span = this.#map.spanOf(leaf);
    this.emit({ event: 'bad-piece', did, path: span.path, index: leaf - span.firstLeaf });
  }

  #keep(pieces: readonly LeafBytes[], fromMaster: boolean): void {
    const isUrgent = pieces.some(({ leaf }) => this.#urgent.has(this.#map.spanOf(leaf)));
    this.#keeping.add(pieces, fromMaster, isUrgent || this.#scheduler.missingBytes === 0);
  }

  #learnt(span: LeafSpan, urgent: boolean): void {
    this.#want([span], urgent);
    this.driver.canCheck(span);
  }

  #stored({ fromMaster, fromSiblings }: { fromMaster: number; fromSiblings: number }): void {
    this.#meter.add(fromMaster, true);
    this.#meter.add(fromSiblings, false);
    this.emit({ event: 'held', ...this.#meter.snapshot() });
  }

  #whole(spans: readonly LeafSpan[]): void {
    this.#waiters.settle(spans);
    for (const span of spans) this.#urgent.delete(span);
    if (this.#scheduler.missingBytes === 0 && !this.#scheduler.isNeeded()) this.#blobs.rest();
  }

  /** Not held any more: other peers are told, and it is fetched again where we are a client. */
  #damaged(leaves: readonly number[]): void {
    const held = leaves.filter((leaf) => this.#scheduler.held.has(leaf));
    this.#meter.remove(this.#map.bytesOf(held));
    const spans = new Set(leaves.map((leaf) => this.#map.spanOf(leaf)));
    for (const span of spans) this.emit({ event: 'damaged', path: span.path });
    this.driver.handle({ type: 'damaged', leaves });
    this.#want([...spans], false);
  }

  #want(spans: readonly LeafSpan[], urgent: boolean): void {
    const missing = spans.filter((span) => !this.#blobs.isWhole(span));
    const isMore = this.#waiters.expect(missing);
    const leaves: number[] = [];
    for (const span of missing) {
      if (this.#blobs.hasTree(span)) {
        for (let i = 0; i < span.leafCount; i++) leaves.push(span.firstLeaf + i);
      } else this.#trees.want(span, urgent);
    }
    // Also those that have not answered yet: what they were told first was that nothing is wanted.
    if (isMore) for (const link of [...this.sharers.greeted()]) this.sayHello(link, false);
    if (leaves.length > 0) this.driver.handle({ type: 'want', leaves, urgent });
  }
}
