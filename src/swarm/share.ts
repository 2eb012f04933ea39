import { BOUNDS } from '../domain/bounds.js';
import type { PieceManifest } from '../domain/bundle.js';
import type { Sha256 } from '../domain/digest.js';
import { XError, messageOf } from '../domain/errors.js';
import { lengthOf, type PieceBytes } from '../domain/piece.js';
import type { PeerStatus, PullEvent, Share, ShareRequest } from '../ports/swarm.js';
import {
  type Bitmap,
  LeafMap,
  Scheduler,
  type LeafSpan,
  type TransferAction,
  type TransferEvent,
} from '../transfer/index.js';
import type { LeafBytes } from './answers.js';
import { BlobAccess } from './blob-access.js';
import { EarlyPieces } from './early-pieces.js';
import { decodeGreeting, encodeGreeting, type Greeting } from './greeting.js';
import { Keeping } from './keeping.js';
import type { Ask, Change, Hello } from './messages.pb.js';
import type { PieceLink } from './piece-link.js';
import { ProgressMeter } from './progress-meter.js';
import { decodeRuns, encodeRuns } from './runs.js';
import type { ShareDeps } from './share-deps.js';
import { heldByNobody, linksByRank, statusOf, type SharePeer } from './share-peer.js';
import { TreeLearner } from './tree-fetch.js';
import { Waiters } from './waiters.js';
import { WakeTimer } from './wake-timer.js';

/** No request has this number. */
const UNASKED = 0;

/** One manifest being pulled and served: executes what the scheduler decides. */
export class PieceShare implements Share {
  readonly manifest: PieceManifest;
  readonly #deps: ShareDeps<PieceShare>;
  readonly #map: LeafMap;
  readonly #blobs: BlobAccess;
  readonly #scheduler: Scheduler;
  readonly #meter: ProgressMeter;
  readonly #waiters: Waiters;
  readonly #peers = new Map<string, SharePeer>();
  /** Those that know our have-map, and are told of every change: some have not answered yet. */
  readonly #greeted = new Set<PieceLink>();
  readonly #masters = new Set<string>();
  readonly #listeners = new Set<(event: PullEvent) => void>();
  readonly #trees: TreeLearner;
  readonly #early = new EarlyPieces(BOUNDS.earlyPieceBytes);
  readonly #stopped = new AbortController();
  readonly #keeping: Keeping;
  /** Artifacts that somebody waits for by name. */
  readonly #urgent = new Set<LeafSpan>();
  #wantsAll = false;
  readonly #timer: WakeTimer;
  /** Reads and writes of the store. */
  readonly #underWay = new Set<Promise<void>>();

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
    this.#timer = new WakeTimer(deps.clock, () => this.#handle({ type: 'tick' }));
    this.#meter = new ProgressMeter(map.bytesOf(held.toArray()));
    this.#waiters = new Waiters((span) => blobs.isWhole(span));
    this.#scheduler = new Scheduler(map, held, deps.random);
    this.#keeping = new Keeping(blobs, deps.clock, this.#stopped.signal, {
      onOffered: (leaves) => this.#handle({ type: 'stored', leaves }),
      onStored: (bytes) => this.#stored(bytes),
      onWhole: (spans) => this.#whole(spans),
      onDamaged: (leaves) => this.#damaged(leaves),
      onFailure: (failure) => this.#waiters.fail(failure),
      onRetry: () => this.#waiters.recover(),
    });
    this.#trees = new TreeLearner(
      () => linksByRank(this.#peers.values()),
      deps.askForTrees,
      (span, leaves) => blobs.knowTree(span, leaves),
      (span, urgent) => this.#learnt(span, urgent),
    );
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
    for (const { link, isMaster } of this.#peers.values()) {
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
    const untilMs = this.#now() + limitMs;
    while (!this.#stopped.signal.aborted && this.#now() < untilMs && this.#scheduler.isNeeded()) {
      await this.#deps.clock.sleep(BOUNDS.needCheckMs, signal);
    }
  }

  missing(): string[] {
    return [...this.#waiters.expected()].map(({ path }) => path);
  }

  unobtainable(): string[] | undefined {
    return heldByNobody(this.#waiters.expected(), this.#scheduler.held, this.#peers.values());
  }

  peers(): PeerStatus[] {
    return [...this.#peers.values()].map(statusOf);
  }

  async stop(): Promise<void> {
    if (this.#stopped.signal.aborted) return;
    this.#stopped.abort();
    this.#timer.stop();
    this.#trees.stop();
    this.#waiters.fail(new XError('INCOMPLETE', `${this.manifest.bundle}: sharing was stopped`));
    for (const { link } of this.#peers.values()) link.send(this.manifest.digest, { bye: true });
    this.#peers.clear();
    this.#greeted.clear();
    // Nobody may close the store under what is being read or written.
    await Promise.allSettled([...this.#underWay, this.#keeping.end()]);
    this.#deps.onStop(this);
  }

  // ---- what the swarm tells

  /** Whether nothing more is wanted, or nothing was: then this process is a server here. */
  get isServing(): boolean {
    return this.#masters.size === 0 || this.#scheduler.missingBytes === 0;
  }

  names(sha256: Sha256): boolean {
    return this.#map.spanBySha256(sha256) !== undefined;
  }

  emit(event: PullEvent): void {
    for (const listener of this.#listeners) listener(event);
  }

  /** The peer at a master's address, known once it answered. */
  addMaster(peer: string): void {
    this.#masters.add(peer);
    const known = this.#peers.get(peer);
    if (known === undefined || known.isMaster) return;
    known.isMaster = true;
    this.#watch();
    this.#join(peer, known);
  }

  expect(peer: string): void {
    if (!this.#peers.has(peer)) this.#handle({ type: 'expected', peer });
  }

  sayHello(link: PieceLink, reply: boolean): void {
    const lacking = this.#wantsAll ? undefined : this.#waiters.expected();
    const hello = encodeGreeting(this.#scheduler.held, lacking, this.#deps.addresses(), reply);
    link.send(this.manifest.digest, { hello });
    this.#greeted.add(link);
  }

  /** Whether a peer was told what is held here. */
  hasGreeted = (link: PieceLink): boolean => this.#greeted.has(link);

  /** Whether it was, or told what it holds. */
  knows = (link: PieceLink): boolean =>
    this.hasGreeted(link) || this.#peers.get(link.peer)?.link === link;

  joined(link: PieceLink, hello: Hello): void {
    const greeting = decodeGreeting(hello, this.#map.leafCount);
    const before = this.#peers.get(link.peer);
    const isMaster = this.#masters.has(link.peer);
    const peer: SharePeer = {
      ...greeting,
      link,
      isMaster,
      bytesIn: before?.bytesIn ?? 0,
      bytesOut: before?.bytesOut ?? 0,
    };
    if (before?.link === link) {
      this.#update(before, greeting);
      return;
    }
    this.#peers.set(link.peer, peer);
    this.#watch();
    this.#join(link.peer, peer);
    if (before === undefined) {
      this.emit({ event: 'connected', did: link.did, address: link.address, isMaster });
      this.#trees.wake();
    }
    this.#deps.onJoined(this, link.peer);
  }

  /** A second greeting on the same link: what the peer holds or wants has changed at large. */
  #update(peer: SharePeer, { held, wanted }: Greeting): void {
    const id = peer.link.peer;
    const gained = held.toArray().filter((leaf) => !peer.held.has(leaf));
    const lost = peer.held.toArray().filter((leaf) => !held.has(leaf));
    peer.wanted = wanted;
    this.#handle({ type: 'gained', peer: id, leaves: gained });
    this.#handle({ type: 'lost', peer: id, leaves: lost });
    this.#handle({ type: 'wants', peer: id, wanted });
  }

  left(link: PieceLink): void {
    this.#greeted.delete(link);
    if (this.#peers.get(link.peer)?.link !== link) return;
    this.#peers.delete(link.peer);
    this.#watch();
    this.#handle({ type: 'left', peer: link.peer });
    this.emit({ event: 'disconnected', did: link.did });
  }

  heard(link: PieceLink): void {
    if (this.#peers.has(link.peer)) this.#handle({ type: 'heard', peer: link.peer });
  }

  /** The links and stated addresses of those that share this too. */
  others(than: string): { link: PieceLink; addresses: string[]; isMaster: boolean }[] {
    return [...this.#peers.entries()].filter(([id]) => id !== than).map(([, peer]) => peer);
  }

  /** Whether a peer is to us what we are to it: a client of the same bundle. */
  isSibling(peer: string): boolean {
    return this.#masters.size > 0 && !this.#masters.has(peer);
  }

  addressesOf = (peer: string): string[] => this.#peers.get(peer)?.addresses ?? [];

  changed(link: PieceLink, change: Change): void {
    if (!this.#peers.has(link.peer)) return;
    const gained = decodeRuns(change.gained, this.#map.leafCount, this.#map.leafCount);
    const lost = decodeRuns(change.lost, this.#map.leafCount, this.#map.leafCount);
    if (gained === undefined || lost === undefined) throw new Error('a malformed change');
    if (gained.length > 0) this.#handle({ type: 'gained', peer: link.peer, leaves: gained });
    if (lost.length > 0) this.#handle({ type: 'lost', peer: link.peer, leaves: lost });
  }

  asked(link: PieceLink, ask: Ask): void {
    if (!this.#peers.has(link.peer)) return;
    const leaves = decodeRuns(ask.runs, this.#map.leafCount, BOUNDS.leavesPerRequest);
    if (leaves === undefined || this.#map.bytesOf(leaves) > BOUNDS.runBytes) {
      throw new Error('a malformed request');
    }
    this.#handle({
      type: 'asked',
      peer: link.peer,
      id: ask.id,
      leaves: leaves.length === 0 ? undefined : leaves,
      maxBytes: Math.min(ask.maxBytes, BOUNDS.runBytes),
      siblings: ask.siblings,
      inOrder: ask.inOrder,
    });
  }

  withdrawn(link: PieceLink, id: number): void {
    this.#handle({ type: 'withdrawn', peer: link.peer, id });
  }

  answered(link: PieceLink, answer: { id: number; pieces: LeafBytes[] }): void {
    const peer = this.#peers.get(link.peer);
    if (peer === undefined || this.#stopped.signal.aborted) return;
    for (const { leaf, bytes } of answer.pieces) {
      if (leaf >= this.#map.leafCount) throw new Error(`no leaf ${leaf}`);
      peer.bytesIn += lengthOf(bytes);
    }
    this.#judge(peer, answer.id, answer.pieces);
  }

  // ---- the inside

  /** Checks pieces before anything else looks at their bytes; what is held already is not even hashed. */
  #judge(peer: SharePeer, id: number, pieces: readonly LeafBytes[]): void {
    const { link } = peer;
    const fresh = new Map<number, PieceBytes>();
    const bad: number[] = [];
    for (const { leaf, bytes } of pieces) {
      if (this.#scheduler.held.has(leaf) || fresh.has(leaf)) continue;
      const copy = this.#blobs.verified(leaf, bytes);
      if (copy === undefined) this.#early.add(link.peer, leaf, bytes);
      else if (copy === false) bad.push(leaf);
      else fresh.set(leaf, copy);
    }
    for (const leaf of bad.slice(0, 1)) {
      const span = this.#map.spanOf(leaf);
      const index = leaf - span.firstLeaf;
      this.emit({ event: 'bad-piece', did: link.did, path: span.path, index });
    }
    const event = { peer: link.peer, id, good: [...fresh.keys()], bad };
    const { fresh: leaves, actions } = this.#scheduler.answered(event, this.#now());
    const good = leaves.flatMap((leaf) => {
      const bytes = fresh.get(leaf);
      fresh.delete(leaf);
      return bytes === undefined ? [] : { leaf, bytes };
    });
    for (const bytes of fresh.values()) this.#blobs.memory.release(bytes);
    this.#do(actions);
    if (leaves.length === 0) return;
    const isUrgent = leaves.some((leaf) => this.#urgent.has(this.#map.spanOf(leaf)));
    this.#keeping.add(good, peer.isMaster, isUrgent || this.#scheduler.missingBytes === 0);
  }

  /** Pieces of it can be checked from now on, those first that came too early. */
  #learnt(span: LeafSpan, urgent: boolean): void {
    this.#want([span], urgent);
    for (const { peer, leaf, bytes } of this.#early.take(span.firstLeaf, span.leafCount)) {
      const sender = this.#peers.get(peer);
      if (sender === undefined) continue;
      if (bytes !== undefined) this.#judge(sender, UNASKED, [{ leaf, bytes }]);
      // It believes that we have it; told otherwise, it sends it again.
      else sender.link.tell(this.manifest.digest, [], [leaf]);
    }
  }

  #now(): number {
    return this.#deps.clock.monotonicMs();
  }

  #handle(event: TransferEvent): void {
    if (this.#stopped.signal.aborted) return;
    this.#do(this.#scheduler.handle(event, this.#now()));
  }

  #watch(): void {
    this.#blobs.watch([...this.#peers.values()].some(({ isMaster }) => !isMaster));
  }

  #join(id: string, { held, wanted, isMaster }: SharePeer): void {
    this.#handle({ type: 'joined', peer: id, isSource: isMaster, held, wanted });
  }

  #do(actions: readonly TransferAction[]): void {
    const manifest = this.manifest.digest;
    for (const action of actions) {
      if (action.type === 'wake') this.#timer.set(action.atMs);
      else if (action.type === 'tell') {
        for (const link of this.#greeted) link.tell(manifest, action.gained, action.lost);
      } else {
        const peer = this.#peers.get(action.peer);
        if (peer === undefined) continue;
        if (action.type === 'ask') {
          const { id, leaves, maxBytes, siblings, inOrder } = action;
          peer.link.send(manifest, {
            ask: { id, runs: encodeRuns(leaves ?? []), maxBytes, siblings, inOrder },
          });
        } else if (action.type === 'cancel') peer.link.send(manifest, { cancel: action.id });
        else if (action.type === 'drop') this.#drop(action.peer, peer, action.reason);
        else {
          const giving = this.#give(action.peer, peer, action.id, action.leaves);
          this.#track(
            giving.catch((error: unknown) => {
              peer.link.abort(error instanceof Error ? error : new Error(messageOf(error)));
            }),
          );
        }
      }
    }
  }

  #track(work: Promise<void>): void {
    this.#underWay.add(work);
    void work.finally(() => this.#underWay.delete(work));
  }

  #drop(id: string, peer: SharePeer, reason: 'liar' | 'silent' | 'abusive'): void {
    this.#peers.delete(id);
    this.#greeted.delete(peer.link);
    this.emit({ event: 'disconnected', did: peer.link.did });
    if (reason !== 'silent') this.#deps.onLiar(peer.link);
    peer.link.abort(new Error(`the peer is ${reason}`));
  }

  async #give(id: string, peer: SharePeer, ask: number, leaves: readonly number[]): Promise<void> {
    const { pieces, damaged } = await this.#blobs.read(leaves, (leaf) => this.#keeping.get(leaf));
    if (damaged.length > 0) this.#damaged(damaged);
    const { sent, left } = await peer.link.answer(this.manifest.digest, ask, pieces);
    // What the transport may still look at is left to the garbage collector.
    if (left) for (const { bytes } of pieces) this.#blobs.memory.release(bytes);
    if (sent) for (const { bytes } of pieces) peer.bytesOut += lengthOf(bytes);
    this.#handle({ type: 'sent', peer: id, id: ask });
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
    this.#handle({ type: 'damaged', leaves });
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
    if (isMore) for (const link of [...this.#greeted]) this.sayHello(link, false);
    if (leaves.length > 0) this.#handle({ type: 'want', leaves, urgent });
  }
}
