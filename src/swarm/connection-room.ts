import type { Connection, Libp2p } from '@libp2p/interface';
import { BOUNDS } from '../domain/bounds.js';
import type { Clock } from '../ports/clock.js';
import { isLoopback, tcpOf } from './addresses.js';

const LOOK_EVERY_MS = 1_000;
/** Above this part of the places, connections that carry nothing have less time. */
const CROWD = 3 / 4;
const OURS = /^\/x\//;

/**
 * Connections cost memory, whoever opens them: one that carries no stream of ours is closed after a
 * while, the second one of two that crossed too; and neither one address nor all that are far away
 * take all places.
 */
export class ConnectionRoom {
  readonly #clock: Clock;
  /** When a connection was last seen with a stream of ours, or first. */
  readonly #usedMs = new Map<Connection, number>();
  readonly #ofAddress = new Map<string, number>();
  readonly #isNearby: (ip: string) => boolean;
  /** Whose handshake has not ended, by what they came over. */
  readonly #waiting = new Map<object, string>();
  #count = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(clock: Clock, isNearby: (ip: string) => boolean) {
    this.#clock = clock;
    this.#isNearby = isNearby;
  }

  /** Whether one more connection from an address is let in. */
  admits(ip: string): boolean {
    if (this.#count >= BOUNDS.connections) this.#look();
    if (this.#count >= BOUNDS.connections) return false;
    if (isLoopback(ip)) return true;
    if ((this.#ofAddress.get(ip) ?? 0) >= BOUNDS.connectionsFromOne) return false;
    return this.#isNearby(ip) || this.#farCount() < BOUNDS.farConnections;
  }

  /**
   * Whether one more may begin its handshake: of those that may be under way one address has a part, so
   * that nobody keeps all others out who opens connections and says nothing.
   */
  begins(connection: object, ip: string): boolean {
    if (!this.admits(ip)) return false;
    if (isLoopback(ip)) return true;
    const waiting = [...this.#waiting.values()].filter((other) => other === ip).length;
    if (waiting >= BOUNDS.pendingConnectionsFromOne) return false;
    this.#waiting.set(connection, ip);
    return true;
  }

  /** Its handshake has ended, one way or another. */
  ended(connection: object): void {
    this.#waiting.delete(connection);
  }

  /** Addresses are cheap where they are long: all that are far away share what a part of them may take. */
  #farCount(): number {
    let count = 0;
    for (const [ip, ofIp] of this.#ofAddress) if (!this.#isNearby(ip)) count += ofIp;
    return count;
  }

  watch(libp2p: Libp2p): void {
    libp2p.addEventListener('connection:open', ({ detail: connection }) => {
      this.#usedMs.set(connection, this.#clock.monotonicMs());
      this.#add(connection, 1);
    });
    libp2p.addEventListener('connection:close', ({ detail: connection }) => {
      if (this.#usedMs.delete(connection)) this.#add(connection, -1);
    });
    this.#timer = setInterval(() => this.#look(), LOOK_EVERY_MS).unref();
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  #add(connection: Connection, count: number): void {
    this.#count += count;
    const ip = tcpOf(connection.remoteAddr)?.ip;
    if (ip === undefined) return;
    const left = (this.#ofAddress.get(ip) ?? 0) + count;
    if (left > 0) this.#ofAddress.set(ip, left);
    else this.#ofAddress.delete(ip);
  }

  #look(): void {
    const now = this.#clock.monotonicMs();
    const boundMs =
      this.#count > CROWD * BOUNDS.connections ? BOUNDS.unusedInCrowdMs : BOUNDS.unusedConnectionMs;
    const served = new Set<string>();
    for (const connection of this.#usedMs.keys()) {
      if (!connection.streams.some(({ protocol }) => OURS.test(protocol))) continue;
      this.#usedMs.set(connection, now);
      served.add(connection.remotePeer.toString());
    }
    for (const [connection, usedMs] of this.#usedMs) {
      const isSecond = usedMs < now && served.has(connection.remotePeer.toString());
      if (now - usedMs < (isSecond ? BOUNDS.unusedInCrowdMs : boundMs)) continue;
      void connection.close().catch((error: Error) => connection.abort(error));
    }
  }
}
