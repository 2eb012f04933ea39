import { setMaxListeners } from 'node:events';
import type { Connection } from '@libp2p/interface';
import { peerIdFromString } from '@libp2p/peer-id';
import { multiaddr, type Multiaddr } from '@multiformats/multiaddr';
import { BOUNDS } from '../domain/bounds.js';
import { XError, messageOf } from '../domain/errors.js';
import type { Clock } from '../ports/clock.js';
import type { Random } from '../ports/random.js';
import {
  formatAddress,
  resolveAddress,
  tcpOf,
  type LookUp,
  type PeerAddress,
} from './addresses.js';
import type { Host } from './host.js';
import type { Links } from './links.js';

const FIRST_PAUSE_MS = 250;
const LONGEST_PAUSE_MS = 15_000;
/** The higher peer id leaves the dialling of a pair to the lower this long. */
const OTHER_DIALS_MS = 2_000;
/** A sibling that cannot be reached this often is forgotten until it is heard of again. */
const SIBLING_ATTEMPTS = 6;

export interface MasterWatcher {
  onPeer(peer: string): void;
  onUnreachable(reason: string, attempt: number): void;
}

interface Master {
  watchers: Set<MasterWatcher>;
  peer: string | undefined;
  stop: AbortController;
}

/** Keeps the piece links to masters and siblings up: nothing in libp2p dials by itself. */
export class Dialer {
  readonly #host: Host;
  readonly #links: Links;
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #lookUp: LookUp;
  readonly #stopped = new AbortController();
  readonly #masters = new Map<string, Master>();
  /** Addresses of each known sibling; present while it is pursued. */
  readonly #siblings = new Map<string, Map<string, Multiaddr>>();
  readonly #peerOfAddress = new Map<string, string>();

  constructor(host: Host, links: Links, deps: { clock: Clock; random: Random; lookUp: LookUp }) {
    this.#host = host;
    this.#links = links;
    this.#clock = deps.clock;
    this.#random = deps.random;
    this.#lookUp = deps.lookUp;
    setMaxListeners(0, this.#stopped.signal);
  }

  stop(): void {
    this.#stopped.abort();
  }

  /**
   * A connection to an address that the user named, a standing one where there is one.
   * @throws XError MASTER_UNREACHABLE.
   */
  async connect(address: PeerAddress): Promise<Connection> {
    const name = formatAddress(address);
    const known = this.#peerOfAddress.get(name);
    if (known !== undefined) {
      const [standing] = this.#host.libp2p
        .getConnections(peerIdFromString(known))
        .filter((connection) => connection.status === 'open');
      if (standing !== undefined) return standing;
    }
    const signal = AbortSignal.any([
      this.#stopped.signal,
      AbortSignal.timeout(BOUNDS.masterTimeoutMs),
    ]);
    try {
      const addresses = await resolveAddress(address, this.#lookUp);
      this.#host.allow(addresses);
      const connection = await this.#dialOneOf(addresses, signal);
      this.#peerOfAddress.set(name, connection.remotePeer.toString());
      return connection;
    } catch (error) {
      const reason = signal.aborted ? 'no answer in time' : messageOf(error);
      throw new XError('MASTER_UNREACHABLE', `${name} does not answer: ${reason}`, {
        hint: 'Check that the source runs, that the address and port are right, and that no firewall is between.',
        cause: error,
      });
    }
  }

  /** One after another: they are without a peer id, so libp2p cannot know that they are one peer. */
  async #dialOneOf(addresses: readonly Multiaddr[], signal: AbortSignal): Promise<Connection> {
    let failure: unknown = new Error('the name has no address');
    for (const address of addresses) {
      try {
        return await this.#host.libp2p.dial(address, { signal });
      } catch (error) {
        failure = error;
        if (signal.aborted) break;
      }
    }
    throw failure instanceof Error ? failure : new Error(messageOf(failure));
  }

  /** Keeps a link to a master up until the last watcher goes. Returns how to go. */
  watchMaster(address: PeerAddress, watcher: MasterWatcher): () => void {
    const name = formatAddress(address);
    const known = this.#masters.get(name);
    const master = known ?? {
      watchers: new Set<MasterWatcher>(),
      peer: undefined,
      stop: new AbortController(),
    };
    master.watchers.add(watcher);
    if (known === undefined) {
      this.#masters.set(name, master);
      void this.#pursueMaster(address, master);
    } else if (known.peer !== undefined) watcher.onPeer(known.peer);
    return () => {
      master.watchers.delete(watcher);
      if (master.watchers.size > 0) return;
      master.stop.abort();
      this.#masters.delete(name);
    };
  }

  /** Never rejects: what goes wrong is told to the watchers, and tried again. */
  async #pursueMaster(address: PeerAddress, master: Master): Promise<void> {
    const signal = AbortSignal.any([this.#stopped.signal, master.stop.signal]);
    for (let attempt = 0; !signal.aborted;) {
      try {
        const connection = await this.connect(address);
        master.peer = connection.remotePeer.toString();
        for (const watcher of master.watchers) watcher.onPeer(master.peer);
        await this.#links.open(connection, AbortSignal.timeout(BOUNDS.handshakeTimeoutMs));
        if (this.#links.get(master.peer) !== undefined) attempt = 0;
        await this.#links.ended(master.peer, signal);
      } catch (error) {
        if (signal.aborted) return;
        for (const watcher of master.watchers) watcher.onUnreachable(messageOf(error), attempt + 1);
      }
      await this.#pause(attempt++, signal);
    }
  }

  /** A sibling that was heard of. Only nearby TCP addresses are taken, and only so many. */
  meet(peer: string, addresses: readonly Multiaddr[]): void {
    if (peer === this.#host.peer || this.#links.isBanned(peer)) return;
    const nearby = addresses.filter((address) => {
      const tcpAddress = tcpOf(address);
      return tcpAddress !== undefined && this.#host.isNearby(tcpAddress.ip);
    });
    const known = this.#siblings.get(peer);
    if (nearby.length === 0 || (known === undefined && this.#siblings.size >= BOUNDS.peers)) return;
    const all = known ?? new Map<string, Multiaddr>();
    for (const address of nearby) {
      const withPeer = multiaddr(`${plain(address)}/p2p/${peer}`);
      if (all.size < BOUNDS.siblingAddresses) all.set(withPeer.toString(), withPeer);
    }
    if (known !== undefined) return;
    this.#siblings.set(peer, all);
    void this.#pursueSibling(peer, all);
  }

  /** Never rejects: a sibling that cannot be reached is forgotten after some attempts. */
  async #pursueSibling(peer: string, addresses: ReadonlyMap<string, Multiaddr>): Promise<void> {
    const { signal } = this.#stopped;
    let attempt = 0;
    while (!signal.aborted && attempt < SIBLING_ATTEMPTS && !this.#links.isBanned(peer)) {
      if (this.#host.peer > peer) await this.#sleep(OTHER_DIALS_MS, signal);
      try {
        if (this.#links.get(peer) === undefined) {
          const limit = AbortSignal.timeout(BOUNDS.handshakeTimeoutMs);
          const connection = await this.#host.libp2p.dial([...addresses.values()], {
            signal: AbortSignal.any([signal, limit]),
          });
          await this.#links.open(connection, limit);
        }
        if (this.#links.get(peer) !== undefined) attempt = 0;
        await this.#links.ended(peer, signal);
      } catch {
        // Wrong address, gone, or a wall between: the pause below, another try, and then oblivion.
        attempt++;
      }
      await this.#pause(attempt, signal);
      if (attempt === 0) attempt = 1;
    }
    this.#siblings.delete(peer);
  }

  /** Twice as long each time, with half of it at random, so that many do not come at once. */
  async #pause(attempt: number, signal: AbortSignal): Promise<void> {
    const ms = Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** Math.min(attempt, 10));
    await this.#sleep(ms / 2 + this.#random.integer(ms / 2), signal);
  }

  async #sleep(ms: number, signal: AbortSignal): Promise<void> {
    try {
      await this.#clock.sleep(ms, signal);
    } catch (error) {
      if (!signal.aborted) throw error;
    }
  }
}

/** An address without the peer id that it may end in. */
function plain(address: Multiaddr): string {
  const text = address.toString();
  const at = text.indexOf('/p2p/');
  return at < 0 ? text : text.slice(0, at);
}
