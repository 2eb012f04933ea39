import { BOUNDS } from '../domain/bounds.js';
import type { Sha256 } from '../domain/digest.js';
import { messageOf } from '../domain/errors.js';
import { lengthOf, type PieceBytes } from '../domain/piece.js';
import type { Clock } from '../ports/clock.js';
import type {
  LeafMap,
  LeafSpan,
  Scheduler,
  TransferAction,
  TransferEvent,
} from '../transfer/index.js';
import type { LeafBytes } from './answers.js';
import type { BlobAccess } from './blob-access.js';
import { EarlyPieces } from './early-pieces.js';
import { decodeGreeting, type Greeting } from './greeting.js';
import type { Ask, Change, Hello } from './messages.pb.js';
import type { PieceLink } from './piece-link.js';
import { decodeRuns, encodeRuns } from './runs.js';
import type { SharePeer, SharePeers } from './share-peers.js';
import { WakeTimer } from './wake-timer.js';

/** No request has this number. */
const UNASKED = 0;

/** What a driver works with. */
export interface DriverParts {
  manifest: Sha256;
  map: LeafMap;
  blobs: BlobAccess;
  peers: SharePeers;
  scheduler: Scheduler;
  clock: Clock;
  stopped: AbortSignal;
}

/** What the share is told by its driver, and asked. */
export interface DriverEvents {
  /** @param isNew Whether it did not share before, by another link. */
  onJoined(link: PieceLink, isMaster: boolean, isNew: boolean): void;
  onLeft(link: PieceLink): void;
  /** It sent something else than this leaf. */
  onBadPiece(link: PieceLink, leaf: number): void;
  /** Never to be spoken to again. */
  onLiar(link: PieceLink): void;
  /** Verified and new; their memory is to be released by who is told. */
  onVerified(pieces: LeafBytes[], fromMaster: boolean): void;
  /** Cannot be read any more. */
  onDamaged(leaves: number[]): void;
  /** What is on its way to the disk. */
  inMemory(leaf: number): PieceBytes | undefined;
}

/**
 * Turns what peers of one share send into the scheduler's events, and executes what it decides.
 * Nobody sees a piece before it is verified here.
 */
export class TransferDriver {
  readonly #manifest: Sha256;
  readonly #map: LeafMap;
  readonly #blobs: BlobAccess;
  readonly #peers: SharePeers;
  readonly #scheduler: Scheduler;
  readonly #clock: Clock;
  readonly #stopped: AbortSignal;
  readonly #events: DriverEvents;
  readonly #early = new EarlyPieces(BOUNDS.earlyPieceBytes);
  readonly #timer: WakeTimer;
  /** Answers that are being read and sent. */
  readonly #giving = new Set<Promise<void>>();

  constructor(parts: DriverParts, events: DriverEvents) {
    this.#manifest = parts.manifest;
    this.#map = parts.map;
    this.#blobs = parts.blobs;
    this.#peers = parts.peers;
    this.#scheduler = parts.scheduler;
    this.#clock = parts.clock;
    this.#stopped = parts.stopped;
    this.#events = events;
    this.#timer = new WakeTimer(parts.clock, () => this.handle({ type: 'tick' }));
  }

  handle(event: TransferEvent): void {
    if (this.#stopped.aborted) return;
    this.#do(this.#scheduler.handle(event, this.#clock.monotonicMs()));
  }

  /** Takes leave of every peer. Resolves when nothing is read for one any more. */
  async stop(): Promise<void> {
    this.#timer.stop();
    for (const { link } of this.#peers.all()) link.send(this.#manifest, { bye: true });
    this.#peers.clear();
    await Promise.allSettled(this.#giving);
  }

  // ---- what the swarm tells

  /** The peer at a master's address, known once it answered. */
  addMaster(id: string): void {
    const peer = this.#peers.nameMaster(id);
    if (peer === undefined) return;
    this.#watch();
    this.#join(peer);
  }

  expect(peer: string): void {
    if (this.#peers.get(peer) === undefined) this.handle({ type: 'expected', peer });
  }

  joined(link: PieceLink, hello: Hello): void {
    const greeting = decodeGreeting(hello, this.#map.leafCount);
    const before = this.#peers.get(link.peer);
    if (before?.link === link) {
      this.#update(before, greeting);
      return;
    }
    const peer = this.#peers.add(link, greeting);
    this.#watch();
    this.#join(peer);
    this.#events.onJoined(link, peer.isMaster, before === undefined);
  }

  /** A second greeting on the same link: what the peer holds or wants has changed at large. */
  #update(peer: SharePeer, { held, wanted }: Greeting): void {
    const id = peer.link.peer;
    const gained = held.toArray().filter((leaf) => !peer.held.has(leaf));
    const lost = peer.held.toArray().filter((leaf) => !held.has(leaf));
    peer.wanted = wanted;
    this.handle({ type: 'gained', peer: id, leaves: gained });
    this.handle({ type: 'lost', peer: id, leaves: lost });
    this.handle({ type: 'wants', peer: id, wanted });
  }

  left(link: PieceLink): void {
    if (!this.#peers.remove(link)) return;
    this.#watch();
    this.handle({ type: 'left', peer: link.peer });
    this.#events.onLeft(link);
  }

  heard(link: PieceLink): void {
    if (this.#isSharing(link)) this.handle({ type: 'heard', peer: link.peer });
  }

  changed(link: PieceLink, change: Change): void {
    if (!this.#isSharing(link)) return;
    const gained = decodeRuns(change.gained, this.#map.leafCount, this.#map.leafCount);
    const lost = decodeRuns(change.lost, this.#map.leafCount, this.#map.leafCount);
    if (gained === undefined || lost === undefined) throw new Error('a malformed change');
    if (gained.length > 0) this.handle({ type: 'gained', peer: link.peer, leaves: gained });
    if (lost.length > 0) this.handle({ type: 'lost', peer: link.peer, leaves: lost });
  }

  asked(link: PieceLink, ask: Ask): void {
    if (!this.#isSharing(link)) return;
    const leaves = decodeRuns(ask.runs, this.#map.leafCount, BOUNDS.leavesPerRequest);
    if (leaves === undefined || this.#map.bytesOf(leaves) > BOUNDS.runBytes) {
      throw new Error('a malformed request');
    }
    this.handle({
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
    this.handle({ type: 'withdrawn', peer: link.peer, id });
  }

  answered(link: PieceLink, answer: { id: number; pieces: LeafBytes[] }): void {
    const peer = this.#peers.get(link.peer);
    if (peer === undefined || this.#stopped.aborted) return;
    for (const { leaf, bytes } of answer.pieces) {
      if (leaf >= this.#map.leafCount) throw new Error(`no leaf ${leaf}`);
      peer.bytesIn += lengthOf(bytes);
    }
    this.#judge(peer, answer.id, answer.pieces);
  }

  /** Pieces of it can be checked from now on, those first that came too early. */
  canCheck(span: LeafSpan): void {
    for (const { peer, leaf, bytes } of this.#early.take(span.firstLeaf, span.leafCount)) {
      const sender = this.#peers.get(peer);
      if (sender === undefined) continue;
      if (bytes !== undefined) this.#judge(sender, UNASKED, [{ leaf, bytes }]);
      // It believes that we have it; told otherwise, it sends it again.
      else sender.link.tell(this.#manifest, [], [leaf]);
    }
  }

  // ---- the inside

  #isSharing(link: PieceLink): boolean {
    return this.#peers.get(link.peer) !== undefined;
  }

  #watch(): void {
    this.#blobs.watch(this.#peers.haveOthers());
  }

  #join({ link, held, wanted, isMaster }: SharePeer): void {
    this.handle({ type: 'joined', peer: link.peer, isSource: isMaster, held, wanted });
  }

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
    for (const leaf of bad.slice(0, 1)) this.#events.onBadPiece(link, leaf);
    const event = { peer: link.peer, id, good: [...fresh.keys()], bad };
    const { fresh: leaves, actions } = this.#scheduler.answered(event, this.#clock.monotonicMs());
    const good = leaves.flatMap((leaf) => {
      const bytes = fresh.get(leaf);
      fresh.delete(leaf);
      return bytes === undefined ? [] : { leaf, bytes };
    });
    for (const bytes of fresh.values()) this.#blobs.memory.release(bytes);
    this.#do(actions);
    if (leaves.length > 0) this.#events.onVerified(good, peer.isMaster);
  }

  #do(actions: readonly TransferAction[]): void {
    const manifest = this.#manifest;
    for (const action of actions) {
      if (action.type === 'wake') this.#timer.set(action.atMs);
      else if (action.type === 'tell') {
        for (const link of this.#peers.greeted()) link.tell(manifest, action.gained, action.lost);
      } else {
        const peer = this.#peers.get(action.peer);
        if (peer === undefined) continue;
        if (action.type === 'ask') {
          const { id, leaves, maxBytes, siblings, inOrder } = action;
          peer.link.send(manifest, {
            ask: { id, runs: encodeRuns(leaves ?? []), maxBytes, siblings, inOrder },
          });
        } else if (action.type === 'cancel') peer.link.send(manifest, { cancel: action.id });
        else if (action.type === 'drop') this.#drop(peer, action.reason);
        else {
          const giving = this.#give(peer, action.id, action.leaves);
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
    this.#giving.add(work);
    void work.finally(() => this.#giving.delete(work));
  }

  #drop({ link }: SharePeer, reason: 'liar' | 'silent' | 'abusive'): void {
    this.#peers.remove(link);
    this.#events.onLeft(link);
    if (reason !== 'silent') this.#events.onLiar(link);
    link.abort(new Error(`the peer is ${reason}`));
  }

  async #give(peer: SharePeer, ask: number, leaves: readonly number[]): Promise<void> {
    const { link } = peer;
    const inMemory = (leaf: number): PieceBytes | undefined => this.#events.inMemory(leaf);
    const { pieces, damaged } = await this.#blobs.read(leaves, inMemory);
    if (damaged.length > 0) this.#events.onDamaged(damaged);
    const { sent, left } = await link.answer(this.#manifest, ask, pieces);
    // What the transport may still look at is left to the garbage collector.
    if (left) for (const { bytes } of pieces) this.#blobs.memory.release(bytes);
    if (sent) for (const { bytes } of pieces) peer.bytesOut += lengthOf(bytes);
    this.handle({ type: 'sent', peer: link.peer, id: ask });
  }
}
