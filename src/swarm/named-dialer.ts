import { setMaxListeners } from 'node:events';
import type { Connection } from '@libp2p/interface';
import { peerIdFromString } from '@libp2p/peer-id';
import type { Multiaddr } from '@multiformats/multiaddr';
import { BOUNDS } from '../domain/bounds.js';
import { XError, messageOf, systemCodeOf } from '../domain/errors.js';
import type { Clock } from '../ports/clock.js';
import type { Random } from '../ports/random.js';
import { formatAddress, resolveAddress, type LookUp, type PeerAddress } from './addresses.js';
import type { Host } from './host.js';
import type { Links } from './links.js';

const FIRST_PAUSE_MS = 250;
const LONGEST_PAUSE_MS = 15_000;

export interface MasterWatcher {
  onPeer(peer: string): void;
  onUnreachable(reason: string, attempt: number): void;
}

interface Named {
  watchers: Set<MasterWatcher>;
  peer: string | undefined;
  stop: AbortController;
}

/** Keeps the piece links to the peers that the user named up: nothing in libp2p dials by itself. */
export class NamedDialer {
  readonly #host: Host;
  readonly #links: Links;
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #lookUp: LookUp;
  readonly #stopped = new AbortController();
  readonly #named = new Map<string, Named>();
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

  /** Whether a peer answered at an address that the user named. */
  isNamed(peer: string): boolean {
    return [...this.#named.values()].some((master) => master.peer === peer);
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
      const connection = await this.#call(address, signal);
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

  /** Where many call at once from behind one address, some are hung up on: for them there is room soon. */
  async #call(address: PeerAddress, signal: AbortSignal): Promise<Connection> {
    for (let attempt = 0; ; attempt += 1) {
      try {
        const zones = this.#host.neighbourhood.zones();
        const addresses = await resolveAddress(address, this.#lookUp, zones);
        this.#host.allow(addresses);
        return await this.#dialOneOf(addresses, signal);
      } catch (error) {
        const isLast = attempt + 1 >= BOUNDS.callAttempts;
        if (isLast || signal.aborted || !isHungUp(error)) throw error;
      }
      await this.#pause(attempt, signal);
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
  watch(address: PeerAddress, watcher: MasterWatcher): () => void {
    const name = formatAddress(address);
    const known = this.#named.get(name);
    const master = known ?? {
      watchers: new Set<MasterWatcher>(),
      peer: undefined,
      stop: new AbortController(),
    };
    master.watchers.add(watcher);
    if (known === undefined) {
      this.#named.set(name, master);
      void this.#pursue(address, master);
    } else if (known.peer !== undefined) watcher.onPeer(known.peer);
    return () => {
      master.watchers.delete(watcher);
      if (master.watchers.size > 0) return;
      master.stop.abort();
      this.#named.delete(name);
    };
  }

  /** Never rejects: what goes wrong is told to the watchers, and tried again. */
  async #pursue(address: PeerAddress, master: Named): Promise<void> {
    const signal = AbortSignal.any([this.#stopped.signal, master.stop.signal]);
    let failures = 0;
    for (let attempt = 0; !signal.aborted;) {
      try {
        const connection = await this.connect(address);
        master.peer = connection.remotePeer.toString();
        for (const watcher of master.watchers) watcher.onPeer(master.peer);
        await this.#links.open(connection, AbortSignal.timeout(BOUNDS.handshakeTimeoutMs));
        if (this.#links.get(master.peer) !== undefined) attempt = failures = 0;
        await this.#links.ended(master.peer, signal);
      } catch (error) {
        if (signal.aborted) return;
        failures += 1;
        for (const watcher of master.watchers) watcher.onUnreachable(messageOf(error), failures);
      }
      await this.#pause(attempt++, signal);
    }
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

/** Somebody answered, and ended the connection before keys were agreed on. */
function isHungUp(error: unknown): boolean {
  if (systemCodeOf(error) === 'ECONNRESET') return true;
  return error instanceof Error && error.name === 'EncryptionFailedError';
}
