import { RELAY_V2_HOP_CODEC } from '@libp2p/circuit-relay-v2';
import type { Connection, Libp2p } from '@libp2p/interface';
import { multiaddr } from '@multiformats/multiaddr';
import { BOUNDS } from '../../domain/bounds.js';
import { isGlobalUnicast, tcpOf } from '../addresses.js';
import { isRelayed } from './dial-policy.js';
import type { PublicServices } from './public-libp2p.js';

/** After a relay said no, others are asked first. */
const PAUSE_MS = 60_000;

/**
 * A node that cannot be reached from the internet is reached through others that can, and passes on for
 * others where it can be reached itself.
 */
export class Relays {
  readonly #libp2p: Libp2p<PublicServices>;
  readonly #askedMs = new Map<string, number>();
  #isBusy = false;

  constructor(libp2p: Libp2p<PublicServices>) {
    this.#libp2p = libp2p;
  }

  /**
   * Does what is due; never rejects.
   * @param addresses What this node states now.
   */
  async look(addresses: readonly string[], now: number): Promise<void> {
    if (this.#isBusy) return;
    this.#isBusy = true;
    try {
      const all = addresses.map((address) => multiaddr(address));
      const isReachable = all.some(
        (address) => !isRelayed(address) && isGlobalUnicast(tcpOf(address)?.ip ?? ''),
      );
      await this.#libp2p.services.relay.serve(isReachable);
      const relayed = all.filter(isRelayed);
      if (!isReachable && relayed.length < BOUNDS.ownRelays) await this.#ask(now);
    } catch {
      // It is looked at again in a second, and another relay is asked.
    } finally {
      this.#isBusy = false;
    }
  }

  async #ask(now: number): Promise<void> {
    for (const connection of this.#libp2p.getConnections()) {
      const peer = connection.remotePeer.toString();
      if (now - (this.#askedMs.get(peer) ?? -Infinity) < PAUSE_MS) continue;
      if (!isOnInternet(connection) || !(await this.#relays(connection))) continue;
      this.#askedMs.set(peer, now);
      if (this.#askedMs.size > BOUNDS.swarmConnections) this.#askedMs.clear();
      const at = connection.remoteAddr.toString().replace(/\/p2p\/.*$/, '');
      const { transportManager } = this.#libp2p.services.parts;
      await transportManager.listen([multiaddr(`${at}/p2p/${peer}/p2p-circuit`)]);
      return;
    }
  }

  async #relays({ remotePeer }: Connection): Promise<boolean> {
    if (!(await this.#libp2p.peerStore.has(remotePeer))) return false;
    const { protocols } = await this.#libp2p.peerStore.get(remotePeer);
    return protocols.includes(RELAY_V2_HOP_CODEC);
  }
}

/** It was dialled there, so others can be told to dial it there. */
function isOnInternet({ direction, remoteAddr, limits }: Connection): boolean {
  if (direction !== 'outbound' || limits !== undefined || isRelayed(remoteAddr)) return false;
  return isGlobalUnicast(tcpOf(remoteAddr)?.ip ?? '');
}
