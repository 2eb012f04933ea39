import { noise } from '@chainsafe/libp2p-noise';
import { yamux } from '@chainsafe/libp2p-yamux';
import { generateKeyPairFromSeed } from '@libp2p/crypto/keys';
import { identify } from '@libp2p/identify';
import type { Libp2p, MultiaddrConnection } from '@libp2p/interface';
import type { MulticastDNSComponents } from '@libp2p/mdns';
import { ping } from '@libp2p/ping';
import { tcp } from '@libp2p/tcp';
import type { Multiaddr } from '@multiformats/multiaddr';
import { createLibp2p } from 'libp2p';
import { BOUNDS } from '../domain/bounds.js';
import { XError, messageOf, systemCodeOf } from '../domain/errors.js';
import { isLoopback, tcpMultiaddr, tcpOf, type IsNearby } from './addresses.js';

export interface HostOptions {
  /** The machine's Ed25519 key: 32 bytes. */
  seed: Uint8Array;
  /** 0 takes a free port. */
  listenPort: number;
  /** IP addresses; none means that nobody can dial this host. */
  listenHosts: readonly string[];
}

/** What discovery needs of libp2p, which libp2p hands to services only. */
interface HostServices extends Record<string, unknown> {
  parts: { mdns: MulticastDNSComponents };
}

/** A libp2p host that speaks to nearby addresses only, and to those that the user asked for. */
export class Host {
  readonly libp2p: Libp2p<HostServices>;
  readonly isNearby: IsNearby;
  readonly #asked: Set<string>;

  private constructor(libp2p: Libp2p<HostServices>, isNearby: IsNearby, asked: Set<string>) {
    this.libp2p = libp2p;
    this.isNearby = isNearby;
    this.#asked = asked;
  }

  /** @throws XError PORT_TAKEN, IO_FAILED. */
  static async start(options: HostOptions, isNearby: IsNearby): Promise<Host> {
    const asked = new Set<string>();
    const mayDial = (address: Multiaddr): boolean => {
      const tcpAddress = tcpOf(address);
      return tcpAddress !== undefined && (isNearby(tcpAddress.ip) || asked.has(key(tcpAddress)));
    };
    try {
      const libp2p = await createLibp2p<HostServices>({
        privateKey: await generateKeyPairFromSeed('Ed25519', options.seed),
        addresses: {
          listen: options.listenHosts.map((ip) => tcpMultiaddr(ip, options.listenPort).toString()),
        },
        transports: [
          tcp({
            // The connection monitor's pings tell a dead peer from a quiet one.
            inboundSocketInactivityTimeout: 4 * BOUNDS.idlePeerMs,
            outboundSocketInactivityTimeout: 4 * BOUNDS.idlePeerMs,
            maxConnections: 2 * BOUNDS.peers,
          }),
        ],
        connectionEncrypters: [noise()],
        streamMuxers: [
          yamux({
            streamOptions: {
              maxStreamWindowSize: BOUNDS.streamWindowBytes,
              maxReadBufferLength: BOUNDS.readBufferBytes,
              maxWriteBufferLength: BOUNDS.streamWriteBufferBytes,
            },
          }),
        ],
        connectionManager: {
          maxConnections: 2 * BOUNDS.peers,
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
            return remote === undefined || !isNearby(remote.ip);
          },
          filterMultiaddrForPeer: (_, address) => mayDial(address),
        },
        services: {
          identify: identify(),
          ping: ping({ maxInboundStreams: 8, maxOutboundStreams: 8 }),
          parts: ({ addressManager, logger }: MulticastDNSComponents) => ({
            mdns: { addressManager, logger },
          }),
        },
      });
      return new Host(libp2p, isNearby, asked);
    } catch (error) {
      throw listenError(error, options);
    }
  }

  get peer(): string {
    return this.libp2p.peerId.toString();
  }

  async stop(): Promise<void> {
    await this.libp2p.stop();
    // A listener that closes makes libp2p 3 note its addresses anew a second later, which would keep
    // a process that is done alive for that second.
    const { addressManager } = this.libp2p.services.parts.mdns;
    const noting: unknown = Reflect.get(addressManager, '_updatePeerStoreAddresses');
    if (isStoppable(noting)) noting.stop();
  }

  /** Lets the host dial an address that the user named, nearby or not. */
  allow(addresses: readonly Multiaddr[]): void {
    for (const address of addresses) {
      const tcpAddress = tcpOf(address);
      if (tcpAddress !== undefined) this.#asked.add(key(tcpAddress));
    }
  }

  /** Where this host listens, loopback last. */
  addresses(): string[] {
    const rank = (address: Multiaddr): number => {
      const ip = tcpOf(address)?.ip;
      return ip !== undefined && isLoopback(ip) ? 1 : 0;
    };
    return this.libp2p
      .getMultiaddrs()
      .sort((a, b) => rank(a) - rank(b))
      .map((address) => address.toString());
  }
}

function isStoppable(value: unknown): value is { stop: () => void } {
  return typeof value === 'function' && 'stop' in value && typeof value.stop === 'function';
}

function key({ ip, port }: { ip: string; port: number }): string {
  return `${ip} ${port}`;
}

function listenError(error: unknown, options: HostOptions): XError {
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
