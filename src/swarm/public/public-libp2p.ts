import { autoNATv2 } from '@libp2p/autonat-v2';
import { circuitRelayTransport } from '@libp2p/circuit-relay-v2';
import { generateKeyPairFromSeed } from '@libp2p/crypto/keys';
import { dcutr } from '@libp2p/dcutr';
import { identify, identifyPush } from '@libp2p/identify';
import type { ConnectionGater, Libp2p } from '@libp2p/interface';
import type { AddressManager, TransportManager } from '@libp2p/interface-internal';
import type { GossipSub } from '@libp2p/gossipsub';
import type { KadDHT } from '@libp2p/kad-dht';
import { ping, type Ping } from '@libp2p/ping';
import { uPnPNAT } from '@libp2p/upnp-nat';
import { createLibp2p } from 'libp2p';
import { BOUNDS } from '../../domain/bounds.js';
import { tcpMultiaddr } from '../addresses.js';
import { tcpWithZones } from '../link-local.js';
import { noiseLine } from '../noise-line.js';
import { yamuxWithWideWindows } from '../wide-windows.js';
import { BoundedDatastore } from './bounded-datastore.js';
import type { DialPolicy } from './dial-policy.js';
import { gossipService, gossipTopic, type Flooders } from './gossip.js';
import { dhtService } from './provider-dhts.js';
import { relayService, type RelayServer } from './relay-server.js';

export interface PublicLibp2pOptions {
  /** The machine's Ed25519 key: 32 bytes. */
  seed: Uint8Array;
  /** 0 takes a free port. */
  listenPort: number;
  /** IP addresses; none means that nobody can dial this host. */
  listenHosts: readonly string[];
  network: string;
  /** Whether the router is asked to let others in. */
  upnp?: boolean;
}

export interface PublicServices extends Record<string, unknown> {
  ping: Ping;
  gossip: GossipSub;
  light: KadDHT;
  heavy: KadDHT;
  relay: RelayServer;
  /** What libp2p hands to services only. */
  parts: { addressManager: AddressManager; transportManager: TransportManager };
}

/**
 * libp2p for strangers. The network's name is the prologue of the Noise handshake: with who is of
 * another network, or of none, no connection comes to be, and it learns nothing of this one's name.
 */
export async function createPublicLibp2p(
  { seed, listenPort, listenHosts, network, upnp = false }: PublicLibp2pOptions,
  { gater, policy, flooders }: { gater: ConnectionGater; policy: DialPolicy; flooders: Flooders },
): Promise<Libp2p<PublicServices>> {
  return await createLibp2p<PublicServices>({
    privateKey: await generateKeyPairFromSeed('Ed25519', seed),
    datastore: new BoundedDatastore(),
    addresses: {
      listen: listenHosts.map((ip) => tcpMultiaddr(ip, listenPort).toString()),
      // What lies inside this network is nobody's business outside it.
      announceFilter: (addresses) => addresses.filter((address) => policy.mayState(address)),
    },
    transports: [
      tcpWithZones({
        inboundSocketInactivityTimeout: 4 * BOUNDS.idlePeerMs,
        outboundSocketInactivityTimeout: 4 * BOUNDS.idlePeerMs,
        maxConnections: BOUNDS.swarmConnections + BOUNDS.pendingConnections,
      }),
      circuitRelayTransport({ maxInboundStopStreams: 16, maxOutboundStopStreams: 32 }),
    ],
    connectionEncrypters: [noiseLine(new TextEncoder().encode(`x network 1\n${network}`))],
    streamMuxers: [
      yamuxWithWideWindows({
        maxInboundStreams: BOUNDS.swarmStreams,
        streamOptions: {
          maxStreamWindowSize: BOUNDS.swarmWindowBytes,
          maxReadBufferLength: BOUNDS.swarmReadBufferBytes,
          maxWriteBufferLength: BOUNDS.streamWriteBufferBytes,
        },
      }),
    ],
    connectionManager: {
      // Above what is let in: who goes is decided by NodeRoom.
      maxConnections: 2 * BOUNDS.swarmConnections,
      maxParallelDials: BOUNDS.swarmDials,
      maxDialQueueLength: BOUNDS.swarmWaitingDials,
      maxPeerAddrsToDial: BOUNDS.swarmDialAddresses,
      dialTimeout: 2 * BOUNDS.swarmDialMs,
      addressDialTimeout: BOUNDS.swarmDialMs,
      inboundConnectionThreshold: BOUNDS.swarmInboundPerSecond,
      maxIncomingPendingConnections: BOUNDS.pendingConnections,
      inboundUpgradeTimeout: BOUNDS.swarmHandshakeMs,
      reconnectRetries: 0,
    },
    // A full line delays a ping by seconds: that is no reason to hang up.
    connectionMonitor: {
      pingInterval: BOUNDS.requestDeadlineMs,
      pingTimeout: { minTimeout: BOUNDS.requestDeadlineMs },
    },
    connectionGater: gater,
    services: {
      identify: identify(),
      // What a node serves changes once it is known to be reachable: relaying, a DHT's records.
      identifyPush: identifyPush(),
      ping: ping({ maxInboundStreams: 8, maxOutboundStreams: 8 }),
      gossip: gossipService(gossipTopic(network), flooders),
      light: dhtService('light', policy),
      heavy: dhtService('heavy', policy),
      // Version 1 of the library answers with the connection that the question came over, and closes it.
      autonat: autoNATv2({ maxInboundStreams: 2, maxOutboundStreams: 4 }),
      dcutr: dcutr({ timeout: BOUNDS.swarmDialMs }),
      relay: relayService,
      ...(upnp ? { upnp: uPnPNAT({ portMappingDescription: 'x' }) } : {}),
      parts: ({ addressManager, transportManager }: PublicServices['parts']) => ({
        addressManager,
        transportManager,
      }),
    },
  });
}
