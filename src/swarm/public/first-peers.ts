import { peerIdFromString } from '@libp2p/peer-id';
import { multiaddr, type Multiaddr } from '@multiformats/multiaddr';
import { BOUNDS } from '../../domain/bounds.js';
import type { Did } from '../../domain/bundle.js';
import { messageOf } from '../../domain/errors.js';
import { groupOfMultiaddr } from '../../network/address-group.js';
import { NETWORK_POLICY as POLICY } from '../../network/policy.js';
import type { Clock } from '../../ports/clock.js';
import type { Random } from '../../ports/random.js';
import {
  formatAddress,
  parseAddress,
  resolveAddress,
  tcpMultiaddr,
  tcpOf,
  type LookUp,
  type PeerAddress,
} from '../addresses.js';
import { Discovery } from '../discovery.js';
import type { Neighbourhood } from '../interfaces.js';
import { listensOn } from '../listens-on.js';
import type { OpenChannel } from '../multicast.js';
import { didOfPeer } from '../did.js';
import { Candidates, type Way } from './candidates.js';
import type { PublicHost } from './public-host.js';
import { Rendezvous } from './rendezvous.js';

const FIRST_PAUSE_MS = 500;
const LONGEST_PAUSE_MS = 60_000;
const ENOUGH_PAUSE_MS = 1_000;

export interface FirstPeersDeps {
  host: PublicHost;
  network: string;
  listenHosts: readonly string[];
  /** Named by the user: HOST, HOST:PORT or multiaddrs. */
  peers: readonly string[];
  lookUp: LookUp;
  /** Undefined: nobody is looked for by multicast. */
  multicast: { openChannel: OpenChannel; surroundings: () => Neighbourhood } | undefined;
  /** Undefined: nobody is looked for in the BitTorrent DHT. */
  rendezvous: { bootstrap: readonly string[]; host?: string | undefined } | undefined;
  clock: Clock;
  random: Random;
  warn: (message: string) => void;
}

/** How somebody who knows nobody meets the first others, with no server of anybody's. */
export class FirstPeers {
  readonly #deps: FirstPeersDeps;
  readonly #candidates = new Candidates();
  readonly #named = new Map<string, Did | undefined>();
  readonly #stopped = new AbortController();
  #discovery: Discovery | undefined;
  #rendezvous: Rendezvous | undefined;
  #timer: NodeJS.Timeout | undefined;

  constructor(deps: FirstPeersDeps) {
    this.#deps = deps;
  }

  /** @throws XError USAGE where a named address is none. */
  start(): void {
    const { peers, host, multicast, rendezvous, network } = this.#deps;
    for (const address of peers.map(parseAddress)) void this.#pursue(address);
    if (multicast !== undefined) this.#startDiscovery(multicast);
    if (rendezvous === undefined) return;
    const announcedPort = host.listening().map(tcpOf)[0]?.port;
    this.#rendezvous = new Rendezvous({ network, announcedPort, ...rendezvous }, ({ ip, port }) =>
      this.#found(tcpMultiaddr(ip, port), 'anybody', ''),
    );
    this.#rendezvous.start();
  }

  /** Those that answered where the user named somebody: they are kept. */
  named(): Did[] {
    return [...this.#named.values()].filter((did) => did !== undefined);
  }

  async stop(): Promise<void> {
    this.#stopped.abort(new Error('the node stops'));
    clearTimeout(this.#timer);
    this.#discovery?.stop();
    await this.#rendezvous?.stop();
  }

  #startDiscovery({ openChannel, surroundings }: NonNullable<FirstPeersDeps['multicast']>): void {
    const { host, clock, random, network, listenHosts } = this.#deps;
    const discovery = new Discovery({
      peer: host.peer,
      clock,
      random,
      openChannel,
      neighbourhood: surroundings,
      listensOn: (one) => listensOn(one, host.listening(), listenHosts),
      wantsMore: () => this.#wantsMore(),
      onFound: ({ peer, addresses, from }) => {
        if (this.#isConnected(peer)) return;
        // What is heard on a link may be dialled on that link, whatever strangers' words may not.
        host.policy.allow(addresses);
        // Whoever is there is welcome: who it is said to be is one more thing to forge.
        for (const address of addresses)
          this.#found(address, isOf(address, from) ? 'itself' : 'another', from);
      },
    });
    this.#discovery = discovery;
    void discovery.look(`x public network ${network}`).catch((error: unknown) => {
      this.#deps.warn(`nobody is looked for by multicast: ${messageOf(error)}`);
    });
  }

  #isConnected(peer: string): boolean {
    const did = didOfPeer(peerIdFromString(peer));
    return did !== undefined && this.#deps.host.connectionOf(did) !== undefined;
  }

  #wantsMore(): boolean {
    const connected = new Set(this.#deps.host.connections().map(({ did }) => did));
    return connected.size < POLICY.neighbours;
  }

  #found(address: Multiaddr, way: Way, teller: string): void {
    const { host, clock } = this.#deps;
    const group = groupOfMultiaddr(address.toString());
    if (group === undefined || !host.policy.mayDial(address)) return;
    const candidate = { address: address.toString(), group, way, teller };
    if (this.#candidates.add(candidate, clock.monotonicMs())) this.#proceed();
  }

  /** Tries what may be tried now, and looks again when more may. */
  #proceed(): void {
    const { clock } = this.#deps;
    clearTimeout(this.#timer);
    if (this.#stopped.signal.aborted) return;
    const wantsMore = this.#wantsMore();
    for (;;) {
      const candidate = wantsMore ? this.#candidates.next(clock.monotonicMs()) : undefined;
      if (candidate === undefined) break;
      void this.#try(candidate);
    }
    const waitMs = this.#candidates.nextMs() - clock.monotonicMs();
    if (waitMs === Infinity) return;
    // With enough neighbours nothing is tried until some have gone.
    const pauseMs = wantsMore ? Math.max(1, waitMs) : ENOUGH_PAUSE_MS;
    this.#timer = setTimeout(() => this.#proceed(), pauseMs).unref();
  }

  async #try({
    address,
    way,
    limitMs,
  }: NonNullable<ReturnType<Candidates['next']>>): Promise<void> {
    try {
      await this.#deps.host.connectTo(multiaddr(address), AbortSignal.timeout(limitMs));
    } catch {
      // Nobody is there, or of another network: it was nothing but a hint.
    } finally {
      this.#candidates.ended(way);
      this.#proceed();
    }
  }

  /** Keeps a connection to an address that the user named up, for ever. Never rejects. */
  async #pursue(address: PeerAddress): Promise<void> {
    const { host, warn } = this.#deps;
    const name = formatAddress(address);
    for (let failures = 0; !this.#stopped.signal.aborted;) {
      const did = this.#named.get(name);
      if (did === undefined || host.connectionOf(did) === undefined) {
        try {
          this.#named.set(name, await this.#reach(address));
          failures = 0;
        } catch (error) {
          if (this.#stopped.signal.aborted) return;
          failures += 1;
          if (failures === 1) warn(`${name} does not answer yet: ${messageOf(error)}`);
        }
      }
      await this.#pause(failures);
    }
  }

  async #reach(address: PeerAddress): Promise<Did> {
    const { host, lookUp, multicast } = this.#deps;
    const addresses = await resolveAddress(address, lookUp, multicast?.surroundings().zones());
    host.policy.allow(addresses);
    let failure: unknown = new Error('the name has no address');
    for (const one of addresses) {
      const limit = AbortSignal.timeout(BOUNDS.swarmDialMs);
      try {
        return (await host.connectTo(one, AbortSignal.any([this.#stopped.signal, limit]))).did;
      } catch (error) {
        failure = limit.aborted ? new Error('no answer in time') : error;
      }
    }
    throw failure instanceof Error ? failure : new Error(messageOf(failure));
  }

  /** Twice as long each time, with half of it at random, so that many do not come at once. */
  async #pause(failures: number): Promise<void> {
    const { clock, random } = this.#deps;
    const ms = Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** Math.min(failures, 10));
    await clock.sleep(ms / 2 + random.integer(ms / 2), this.#stopped.signal).catch(() => undefined);
  }
}

/** Whether an address is where a packet came from; zones are names of this machine's own. */
function isOf(address: Multiaddr, from: string): boolean {
  return tcpOf(address)?.ip.split('%')[0] === from.split('%')[0];
}
