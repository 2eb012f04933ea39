import type { Connection, Stream } from '@libp2p/interface';
import { BOUNDS } from '../domain/bounds.js';
import type { Clock } from '../ports/clock.js';
import { isLoopback, tcpOf } from './addresses.js';
import { PIECE_PROTOCOL, PieceLink, type LinkHandlers } from './piece-link.js';

/** Two streams that were opened at the same time; later ones replace a stream that may be dead. */
const SIMULTANEOUS_MS = 5_000;

interface Entry {
  link: PieceLink;
  connection: Connection;
  sinceMs: number;
  /** When it last said something that matters to a share; undefined where it never did. */
  busyMs: number | undefined;
}

export interface LinkEvents {
  /** A link is there; on our own the greeting is ours to begin. */
  onLink(link: PieceLink): void;
  onUnlink(link: PieceLink): void;
  onFrame: LinkHandlers['onFrame'];
  onBytes: LinkHandlers['onBytes'];
  /** How many links there may be to peers that the user did not name. */
  mostSiblings(): number;
  /** A peer that the user named is let in whatever the others do, and never sent away for them. */
  isNamed(peer: string): boolean;
}

/** At most one piece stream to each peer, whoever opened it. */
export class Links {
  readonly #self: string;
  readonly #clock: Clock;
  readonly #events: LinkEvents;
  readonly #links = new Map<string, Entry>();
  readonly #banned = new Set<string>();
  readonly #ends = new Map<string, Set<() => void>>();

  constructor(self: string, clock: Clock, events: LinkEvents) {
    this.#self = self;
    this.#clock = clock;
    this.#events = events;
  }

  all(): PieceLink[] {
    return [...this.#links.values()].map(({ link }) => link);
  }

  get(peer: string): PieceLink | undefined {
    return this.#links.get(peer)?.link;
  }

  isBanned(peer: string): boolean {
    return this.#banned.has(peer);
  }

  ban(peer: string): void {
    this.#banned.add(peer);
  }

  /** Opens the piece stream over a connection, unless there is one to that peer. */
  async open(connection: Connection, signal: AbortSignal): Promise<void> {
    const peer = connection.remotePeer.toString();
    if (this.#links.has(peer) || this.#banned.has(peer)) return;
    const stream = await connection.newStream(PIECE_PROTOCOL, { signal });
    this.accept(stream, connection, true);
  }

  /** Takes a stream that was opened here (`isOurs`) or by the peer. */
  accept(stream: Stream, connection: Connection, isOurs: boolean): void {
    const peer = connection.remotePeer.toString();
    const known = this.#links.get(peer);
    if (this.#banned.has(peer) || (known === undefined && !this.#hasRoom(peer, connection))) {
      stream.abort(new Error('not welcome'));
      return;
    }
    if (known !== undefined && !this.#isBetter(isOurs, known)) {
      stream.abort(new Error('there is a stream already'));
      return;
    }
    const link = new PieceLink(stream, connection, isOurs, {
      onFrame: this.#events.onFrame,
      onBytes: this.#events.onBytes,
      onEnd: (ended) => this.#ended(ended),
    });
    const sinceMs = this.#clock.monotonicMs();
    this.#links.set(peer, { link, connection, sinceMs, busyMs: undefined });
    if (known !== undefined) {
      this.#events.onUnlink(known.link);
      known.link.abort(new Error('replaced by a newer stream'));
    }
    this.#events.onLink(link);
  }

  /** A peer greeted, asked, answered or told of a change. */
  busy(link: PieceLink): void {
    const entry = this.#links.get(link.peer);
    if (entry?.link === link) entry.busyMs = this.#clock.monotonicMs();
  }

  /** Whether one more fits; where none does, the one that is missed least is closed for it. */
  #hasRoom(newcomer: string, connection: Connection): boolean {
    if (this.#events.isNamed(newcomer)) return true;
    const ip = tcpOf(connection.remoteAddr)?.ip ?? '';
    const ofOne = [...this.#links.values()].filter(
      (one) => tcpOf(one.connection.remoteAddr)?.ip === ip,
    );
    // Half of a client's places: the other half is for who comes from elsewhere.
    const mostOfOne = Math.min(BOUNDS.linksFromOne, this.#events.mostSiblings() >> 1);
    if (ofOne.length >= mostOfOne && !isLoopback(ip)) return false;
    const others = [...this.#links.values()].filter(({ link }) => !this.#events.isNamed(link.peer));
    if (others.length < this.#events.mostSiblings()) return true;
    const idlest = this.#idlest(others);
    if (idlest === undefined) return false;
    idlest.link.abort(new Error('another peer needs the place'));
    void idlest.connection.close().catch((error: Error) => idlest.connection.abort(error));
    return this.#links.get(idlest.link.peer) === undefined;
  }

  /** Who never greeted in time, or else who was idle for long. Undefined where there is none. */
  #idlest(entries: readonly Entry[]): Entry | undefined {
    const now = this.#clock.monotonicMs();
    let idlest: Entry | undefined;
    let idlestMs = 0;
    for (const entry of entries) {
      const boundMs = entry.busyMs === undefined ? BOUNDS.greetingMs : BOUNDS.idlePeerMs;
      const overMs = now - (entry.busyMs ?? entry.sinceMs) - boundMs;
      if (overMs < idlestMs) continue;
      idlest = entry;
      idlestMs = overMs;
    }
    return idlest;
  }

  /** Resolves when the link to a peer ends; at once where there is none. */
  ended(peer: string, signal: AbortSignal): Promise<void> {
    if (!this.#links.has(peer) || signal.aborted) return Promise.resolve();
    return new Promise((resolve) => {
      const waiting = this.#ends.get(peer) ?? new Set();
      this.#ends.set(peer, waiting);
      const done = (): void => {
        signal.removeEventListener('abort', done);
        waiting.delete(done);
        resolve();
      };
      signal.addEventListener('abort', done, { once: true });
      waiting.add(done);
    });
  }

  async closeAll(): Promise<void> {
    await Promise.all(this.all().map((link) => link.close()));
  }

  /** Of two streams that crossed, both sides keep the one that the lower peer id opened. */
  #isBetter(isOurs: boolean, known: Entry): boolean {
    if (!known.link.isOpen || known.link.isOurs === isOurs) return true;
    if (this.#clock.monotonicMs() - known.sinceMs > SIMULTANEOUS_MS) return true;
    return isOurs === this.#self < known.link.peer;
  }

  #ended(link: PieceLink): void {
    if (this.#links.get(link.peer)?.link !== link) return;
    this.#links.delete(link.peer);
    this.#events.onUnlink(link);
    for (const done of [...(this.#ends.get(link.peer) ?? [])]) done();
    this.#ends.delete(link.peer);
  }
}
