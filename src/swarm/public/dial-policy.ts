import { multiaddr, type Multiaddr } from '@multiformats/multiaddr';
import { BOUNDS } from '../../domain/bounds.js';
import { isGlobalUnicast, tcpOf, zoneOf } from '../addresses.js';
import type { Neighbourhood } from '../interfaces.js';

/** Services of a network's own, routers' pages among them, are below: no stranger's word leads there. */
const LOWEST_PORT_ON_LINK = 1_024;

/**
 * Who may be dialled. Addresses are strangers' words: followed wherever they lead, anybody could make
 * this machine knock at doors inside its own network. So global unicast addresses, those on a link of
 * this machine, and what the user named; never loopback or a private network behind a router.
 */
export class DialPolicy {
  readonly #neighbourhood: () => Neighbourhood;
  readonly #named = new Set<string>();

  constructor(neighbourhood: () => Neighbourhood) {
    this.#neighbourhood = neighbourhood;
  }

  /** The user named these, or multicast told of them on this link: wherever they are, they are dialled. */
  allow(addresses: readonly Multiaddr[]): void {
    for (const address of addresses) {
      const at = tcpOf(address);
      if (at === undefined) continue;
      this.#named.add(keyOf(at));
      if (this.#named.size <= BOUNDS.swarmStoredPeers) continue;
      const [oldest] = this.#named;
      if (oldest !== undefined) this.#named.delete(oldest);
    }
  }

  /** Of a relayed address the relay's is looked at: the rest is not dialled by this machine. */
  mayDial(address: Multiaddr): boolean {
    const at = tcpOf(firstHop(address));
    if (at === undefined) return false;
    if (this.#named.has(keyOf(at))) return true;
    const neighbourhood = this.#neighbourhood();
    if (neighbourhood.isOnLink(at.ip)) return at.port >= LOWEST_PORT_ON_LINK;
    return isGlobalUnicast(at.ip);
  }

  /** What is worth stating to others: not loopback, nor what only means something on another link. */
  mayState(address: Multiaddr): boolean {
    const at = tcpOf(firstHop(address));
    if (at === undefined || zoneOf(address) !== undefined) return false;
    return isGlobalUnicast(at.ip) || this.#neighbourhood().isOnLink(at.ip);
  }

  /** Those of a node's stated addresses that may be dialled: direct ones first, a few at most. */
  dialable(addresses: readonly string[]): Multiaddr[] {
    const fitting = addresses
      .slice(0, 2 * BOUNDS.announcedAddresses)
      .flatMap(parsed)
      .filter((address) => this.mayDial(address));
    return fitting
      .sort((a, b) => Number(isRelayed(a)) - Number(isRelayed(b)))
      .slice(0, BOUNDS.swarmDialAddresses);
  }
}

export function isRelayed(address: Multiaddr): boolean {
  return address.getComponents().some(({ name }) => name === 'p2p-circuit');
}

/** The address that this machine would open a connection to. */
export function firstHop(address: Multiaddr): Multiaddr {
  return isRelayed(address) ? address.decapsulate('/p2p-circuit') : address;
}

/** A stranger's address: one, or none where it is malformed. */
function parsed(text: string): Multiaddr[] {
  try {
    return text.length > BOUNDS.announcedAddressChars ? [] : [multiaddr(text)];
  } catch {
    return [];
  }
}

function keyOf({ ip, port }: { ip: string; port: number }): string {
  return `${ip} ${port}`;
}
