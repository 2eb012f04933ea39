import { isIPv6 } from 'node:net';
import { generateKeyPairFromSeed } from '@libp2p/crypto/keys';
import { identify } from '@libp2p/identify';
import type { Connection, Libp2p, MultiaddrConnection } from '@libp2p/interface';
import { ping } from '@libp2p/ping';
import type { Multiaddr } from '@multiformats/multiaddr';
import { createLibp2p } from 'libp2p';
import { BOUNDS } from '../domain/bounds.js';
import { XError, messageOf, systemCodeOf } from '../domain/errors.js';
import type { Clock } from '../ports/clock.js';
import { isLinkLocal, isLoopback, tcpMultiaddr, tcpOf } from './addresses.js';
import { ConnectionRoom } from './connection-room.js';
import type { Neighbourhood, NetworkInterface } from './interfaces.js';
import { tcpWithZones } from './link-local.js';
import { libp2pLogger } from './libp2p-logger.js';
import { listensOn } from './listens-on.js';
import { noiseLine } from './noise-line.js';
import { stopLibp2p, type LibP2pParts } from './stop-libp2p.js';
import { tlsLine } from './tls-line.js';
import { yamuxWithWideWindows } from './wide-windows.js';
import { tuneCollector } from './young-garbage.js';

export interface HostOptions {
  /** The machine's Ed25519 key: 32 bytes. */
  seed: Uint8Array;
  /** 0 takes a free port. */
  listenPort: number;
  /** IP addresses; none means that nobody can dial this host. */
  listenHosts: readonly string[];
  /** Whether somebody from far away may have reason to call: a member. */
  hasMembers: () => boolean;
}

/**
 * A libp2p host that speaks to nearby addresses, and to those that the user asked for. Others are let
 * in where there are members, who may be anywhere: each protocol asks them first who they are.
 */
export class Host {
  readonly libp2p: Libp2p<LibP2pParts>;
  readonly #surroundings: () => Neighbourhood;
  readonly #asked: Set<string>;
  readonly #room: ConnectionRoom;
  readonly #listenHosts: readonly string[];
  /** What libp2p says that it listens on, and of which interfaces: it asks the system each time. */
  #listening: { of: Neighbourhood; on: readonly Multiaddr[] } | undefined;

  private constructor(
    libp2p: Libp2p<LibP2pParts>,
    surroundings: () => Neighbourhood,
    asked: Set<string>,
    room: ConnectionRoom,
    listenHosts: readonly string[],
  ) {
    this.libp2p = libp2p;
    this.#surroundings = surroundings;
    this.#asked = asked;
    this.#room = room;
    this.#listenHosts = listenHosts;
    room.watch(libp2p);
  }

  /** The interfaces of this machine, as they are now. */
  get neighbourhood(): Neighbourhood {
    return this.#surroundings();
  }

  /** Whether who is at the other end is nearby, or is where the user sent us. */
  isNear({ direction, remoteAddr }: Pick<Connection, 'direction' | 'remoteAddr'>): boolean {
    if (direction === 'outbound') return true;
    const remote = tcpOf(remoteAddr);
    return remote !== undefined && this.neighbourhood.isNearby(remote.ip);
  }

  /** @throws XError PORT_TAKEN, IO_FAILED. */
  static async start(
    options: HostOptions,
    surroundings: () => Neighbourhood,
    clock: Clock,
  ): Promise<Host> {
    tuneCollector();
    const asked = new Set<string>();
    const isNearby = (ip: string): boolean => surroundings().isNearby(ip);
    const room = new ConnectionRoom(clock, isNearby);
    const mayDial = (address: Multiaddr): boolean => {
      const tcpAddress = tcpOf(address);
      return tcpAddress !== undefined && (isNearby(tcpAddress.ip) || asked.has(key(tcpAddress)));
    };
    try {
      const libp2p = await createLibp2p<LibP2pParts>({
        privateKey: await generateKeyPairFromSeed('Ed25519', options.seed),
        ...libp2pLogger(),
        addresses: {
          listen: options.listenHosts.map((ip) => tcpMultiaddr(ip, options.listenPort).toString()),
        },
        transports: [
          tcpWithZones({
            // The connection monitor's pings tell a dead peer from a quiet one.
            inboundSocketInactivityTimeout: 4 * BOUNDS.idlePeerMs,
            outboundSocketInactivityTimeout: 4 * BOUNDS.idlePeerMs,
            maxConnections: BOUNDS.connections + BOUNDS.pendingConnections,
          }),
        ],
        // In the order in which a caller would have them; whoever has not the first speaks Noise.
        connectionEncrypters: [tlsLine(), noiseLine()],
        streamMuxers: [
          yamuxWithWideWindows({
            streamOptions: {
              maxStreamWindowSize: BOUNDS.streamWindowBytes,
              maxReadBufferLength: BOUNDS.readBufferBytes,
              maxWriteBufferLength: BOUNDS.streamWriteBufferBytes,
            },
          }),
        ],
        connectionManager: {
          // Above what is let in: who goes is decided here, not by libp2p.
          maxConnections: 2 * BOUNDS.connections,
          maxParallelDials: BOUNDS.parallelDownloads,
          maxDialQueueLength: 2 * BOUNDS.peers,
          dialTimeout: BOUNDS.masterTimeoutMs,
          addressDialTimeout: BOUNDS.connectTimeoutMs,
          inboundConnectionThreshold: BOUNDS.inboundConnectionsPerSecond,
          maxIncomingPendingConnections: BOUNDS.pendingConnections,
          inboundUpgradeTimeout: BOUNDS.handshakeTimeoutMs,
        },
        // A full line delays a ping by seconds: that is no reason to hang up.
        connectionMonitor: {
          pingInterval: BOUNDS.requestDeadlineMs,
          pingTimeout: { minTimeout: BOUNDS.requestDeadlineMs },
        },
        connectionGater: {
          denyDialMultiaddr: (address) => !mayDial(address),
          denyInboundConnection: (connection: MultiaddrConnection) => {
            const remote = tcpOf(connection.remoteAddr);
            if (remote === undefined || (!isNearby(remote.ip) && !options.hasMembers()))
              return true;
            if (!room.begins(connection, remote.ip)) return true;
            connection.addEventListener('close', () => room.ended(connection), { once: true });
            return false;
          },
          // It is asked last of all, and refuses nobody.
          denyInboundUpgradedConnection: (_, connection) => {
            room.ended(connection);
            return false;
          },
          filterMultiaddrForPeer: (_, address) => mayDial(address),
        },
        services: {
          // Others may ask; here nobody does: what it tells is in greetings, or of no use on a link.
          identify: identify({ runOnConnectionOpen: false }),
          ping: ping({ maxInboundStreams: 8, maxOutboundStreams: 8 }),
          parts: ({ addressManager }: { addressManager: object }) => ({ addressManager }),
        },
      });
      return new Host(libp2p, surroundings, asked, room, options.listenHosts);
    } catch (error) {
      throw listenError(error, options);
    }
  }

  get peer(): string {
    return this.libp2p.peerId.toString();
  }

  async stop(): Promise<void> {
    this.#room.stop();
    await stopLibp2p(this.libp2p);
  }

  /** Lets the host dial an address that the user named, nearby or not. */
  allow(addresses: readonly Multiaddr[]): void {
    for (const address of addresses) {
      const tcpAddress = tcpOf(address);
      if (tcpAddress !== undefined) this.#asked.add(key(tcpAddress));
    }
  }

  /** Where others can dial this process on one interface. */
  listensOn(network: NetworkInterface): { ip: string; port: number }[] {
    const of = this.neighbourhood;
    if (this.#listening?.of !== of) this.#listening = { of, on: this.libp2p.getMultiaddrs() };
    return listensOn(network, this.#listening.on, this.#listenHosts);
  }

  /** Where this host listens: of the interfaces in use IPv4 first, then IPv6; loopback last. */
  addresses(): string[] {
    const { used, others, loopback } = this.neighbourhood;
    const inUse = used.flatMap((network) => this.listensOn(network));
    // A machine that has nothing but a tunnel is reached through that.
    const outward = inUse.length > 0 ? inUse : others.flatMap((network) => this.listensOn(network));
    const all = [...outward, ...loopback.flatMap((network) => this.listensOn(network))];
    const rank = ({ ip }: { ip: string }): number =>
      4 * Number(isLoopback(ip)) + 2 * Number(isLinkLocal(ip)) + Number(isIPv6(ip));
    return all
      .sort((a, b) => rank(a) - rank(b))
      .map(({ ip, port }) => tcpMultiaddr(ip, port).toString());
  }
}

function key({ ip, port }: { ip: string; port: number }): string {
  return `${ip} ${port}`;
}

/** What could not be listened on, and what to do. */
export function listenError(
  error: unknown,
  options: Pick<HostOptions, 'listenPort' | 'listenHosts'>,
): XError {
  const where = `port ${options.listenPort} on ${options.listenHosts.join(', ')}`;
  if (isAddressInUse(error)) {
    return new XError('PORT_TAKEN', `${where} is taken`, {
      hint: 'Another process listens there; choose another port with --listen.',
      cause: error,
    });
  }
  return new XError('IO_FAILED', `cannot listen on ${where}: ${messageOf(error)}`, {
    cause: error,
  });
}

/** libp2p wraps what each listener failed with. */
function isAddressInUse(error: unknown): boolean {
  if (systemCodeOf(error) === 'EADDRINUSE' || messageOf(error).includes('EADDRINUSE')) return true;
  if (error instanceof AggregateError) return error.errors.some(isAddressInUse);
  return error instanceof Error && error.cause !== undefined && isAddressInUse(error.cause);
}
