import type { Multiaddr } from '@multiformats/multiaddr';
import { BOUNDS } from '../domain/bounds.js';
import type { Clock } from '../ports/clock.js';
import type { Random } from '../ports/random.js';
import { Acquaintances, type Via } from './acquaintances.js';
import { inZones, tcpMultiaddr, tcpOf, zoneOf } from './addresses.js';
import type { Host } from './host.js';
import type { Neighbourhood } from './interfaces.js';
import type { Links } from './links.js';

const PARALLEL_DIALS = 8;

export interface SiblingDialerDeps {
  host: Host;
  links: Links;
  clock: Clock;
  random: Random;
  /** Peers that the user named: they are dialled elsewhere, and are no siblings to look for. */
  isNamed: (peer: string) => boolean;
}

/** Keeps a bounded number of links to siblings up, and replaces those that go. */
export class SiblingDialer {
  readonly #deps: SiblingDialerDeps;
  readonly #known: Acquaintances;
  readonly #stopped = new AbortController();
  /** By the list that somebody named. */
  readonly #nearbyOf = new WeakMap<
    readonly Multiaddr[],
    { neighbourhood: Neighbourhood; isHere: boolean; nearby: readonly Multiaddr[] }
  >();
  #dialling = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(deps: SiblingDialerDeps) {
    this.#deps = deps;
    this.#known = new Acquaintances(deps.host.peer, deps.random);
  }

  /** Whether more siblings would be of use. */
  get wantsMore(): boolean {
    return this.#linked() < BOUNDS.neighboursSought;
  }

  stop(): void {
    this.#stopped.abort();
    clearTimeout(this.#timer);
  }

  /**
   * A sibling that was heard of. Only nearby TCP addresses are taken, and only so many.
   * @param isHere Whether who says so is on this machine: then loopback means what it says.
   */
  meet(peer: string, addresses: readonly Multiaddr[], via: Via, isHere: boolean): void {
    const { host, links, clock } = this.#deps;
    if (links.isBanned(peer) || this.#stopped.signal.aborted) return;
    const nearby = this.#nearby(host.neighbourhood, addresses, isHere);
    if (!this.#known.meet(peer, nearby, via, clock.monotonicMs())) return;
    if (links.get(peer) !== undefined) this.#known.linked(peer, clock.monotonicMs());
    this.#tend();
  }

  /** Of one list the same again, while no interface changes: multicast says the same again and again. */
  #nearby(
    neighbourhood: Neighbourhood,
    addresses: readonly Multiaddr[],
    isHere: boolean,
  ): readonly Multiaddr[] {
    const known = this.#nearbyOf.get(addresses);
    if (known?.neighbourhood === neighbourhood && known.isHere === isHere) return known.nearby;
    const nearby = addresses.slice(0, BOUNDS.siblingAddresses).flatMap((address) => {
      const tcpAddress = tcpOf(address);
      if (tcpAddress === undefined || !neighbourhood.mayMeet(tcpAddress.ip, isHere)) return [];
      const { ip, port } = tcpAddress;
      const zone = zoneOf(address);
      if (zone !== undefined) return [tcpMultiaddr(`${ip}%${zone}`, port)];
      return inZones(tcpMultiaddr(ip, port), neighbourhood.zones());
    });
    this.#nearbyOf.set(addresses, { neighbourhood, isHere, nearby });
    return nearby;
  }

  linked(peer: string): void {
    this.#known.linked(peer, this.#deps.clock.monotonicMs());
  }

  unlinked(peer: string): void {
    this.#known.unlinked(peer, this.#deps.clock.monotonicMs());
    this.#tend();
  }

  #linked(): number {
    return this.#deps.links.all().filter(({ peer }) => !this.#deps.isNamed(peer)).length;
  }

  #tend(): void {
    const { clock } = this.#deps;
    clearTimeout(this.#timer);
    if (this.#stopped.signal.aborted) return;
    let room = Math.min(
      PARALLEL_DIALS - this.#dialling,
      BOUNDS.neighboursSought - this.#linked() - this.#dialling,
    );
    for (; room > 0; room -= 1) {
      const next = this.#known.next(clock.monotonicMs());
      if (next === undefined) break;
      void this.#dial(next.peer, next.addresses);
    }
    const waitMs = this.#known.nextMs() - clock.monotonicMs();
    if (room <= 0 || waitMs === Infinity) return;
    this.#timer = setTimeout(() => this.#tend(), Math.max(1, Math.ceil(waitMs))).unref();
  }

  /** Never rejects: who cannot be reached is tried again later, and then forgotten. */
  async #dial(peer: string, addresses: readonly Multiaddr[]): Promise<void> {
    const { host, links, clock } = this.#deps;
    this.#dialling += 1;
    try {
      if (links.isBanned(peer)) this.#known.forget(peer);
      else if (links.get(peer) !== undefined) this.#known.linked(peer, clock.monotonicMs());
      else {
        const limit = AbortSignal.timeout(BOUNDS.handshakeTimeoutMs);
        const signal = AbortSignal.any([this.#stopped.signal, limit]);
        const connection = await host.libp2p.dial(
          addresses.map((address) => address.encapsulate(`/p2p/${peer}`)),
          { signal },
        );
        await links.open(connection, signal);
        if (links.get(peer) === undefined) throw new Error('no link came of it');
        this.#known.linked(peer, clock.monotonicMs(), plain(connection.remoteAddr));
      }
    } catch {
      // A wrong address, gone, a full house, or a wall between.
      this.#known.failed(peer, clock.monotonicMs());
    }
    this.#dialling -= 1;
    this.#tend();
  }
}

/** An address without the peer id that it may end in; undefined where it is no TCP address. */
function plain(address: Multiaddr): Multiaddr | undefined {
  const tcpAddress = tcpOf(address);
  if (tcpAddress === undefined) return undefined;
  const zone = zoneOf(address);
  return tcpMultiaddr(
    zone === undefined ? tcpAddress.ip : `${tcpAddress.ip}%${zone}`,
    tcpAddress.port,
  );
}
