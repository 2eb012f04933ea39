import { noise } from '@chainsafe/libp2p-noise';
import { yamux } from '@chainsafe/libp2p-yamux';
import { generateKeyPairFromSeed } from '@libp2p/crypto/keys';
import type { Connection, Libp2p, Stream } from '@libp2p/interface';
import { tcp, type TCPSocketOptions } from '@libp2p/tcp';
import { multiaddr } from '@multiformats/multiaddr';
import { createLibp2p } from 'libp2p';
import { addressGroup } from '../../../src/network/address-group.js';
import { didOfPeer, peerOfDid } from '../../../src/swarm/did.js';
import type { NodeConnection, NodeHost } from '../../../src/swarm/public/node-host.js';

/** A host on an address of 127/8 of its own, from which it dials too: there each address is a network. */
export class LoopbackHost implements NodeHost {
  readonly did: string;
  readonly libp2p: Libp2p;
  readonly refused = new Map<string, number>();
  readonly #connections = new Map<string, { node: NodeConnection; raw: Connection }>();
  readonly #dials = new Map<string, Promise<NodeConnection>>();
  readonly #connected: ((connection: NodeConnection) => void)[] = [];
  readonly #gone: ((did: string) => void)[] = [];

  private constructor(libp2p: Libp2p) {
    this.libp2p = libp2p;
    this.did = didOfPeer(libp2p.peerId)!;
    libp2p.addEventListener('connection:open', ({ detail }) => {
      const node = this.#take(detail);
      if (node !== undefined) for (const listener of this.#connected) listener(node);
    });
    libp2p.addEventListener('connection:close', ({ detail }) => {
      const did = didOfPeer(detail.remotePeer);
      this.#connections.delete(detail.id);
      if (did !== undefined && this.connectionOf(did) === undefined)
        for (const listener of this.#gone) listener(did);
    });
  }

  /**
   * @param number 1 to 65,000: the key, and the address unless another host's is to be shared.
   * @param port 0: a free one.
   */
  static async start(number: number, place = number, port = 0): Promise<LoopbackHost> {
    const seed = new Uint8Array(32);
    new DataView(seed.buffer).setUint32(0, number);
    const ip = `127.9.${place >> 8}.${place & 255}`;
    // More than libp2p says goes to the socket.
    const dialOpts = { localAddress: ip } as TCPSocketOptions;
    const libp2p = await createLibp2p({
      privateKey: await generateKeyPairFromSeed('Ed25519', seed),
      addresses: { listen: [`/ip4/${ip}/tcp/${port}`] },
      transports: [tcp({ dialOpts })],
      connectionEncrypters: [noise()],
      streamMuxers: [yamux()],
      connectionManager: {
        inboundConnectionThreshold: 1_000,
        maxIncomingPendingConnections: 1_000,
      },
      connectionMonitor: { enabled: false },
    });
    return new LoopbackHost(libp2p);
  }

  addresses(): string[] {
    return this.libp2p.getMultiaddrs().map((address) => address.decapsulateCode(421).toString());
  }

  connections(): readonly NodeConnection[] {
    return [...this.#connections.values()].map(({ node }) => node);
  }

  connectionOf(did: string): NodeConnection | undefined {
    for (const { node, raw } of this.#connections.values())
      if (node.did === did && raw.status === 'open') return node;
    return undefined;
  }

  async connect(
    { did, addresses }: { did: string; addresses: readonly string[] },
    signal?: AbortSignal,
  ): Promise<NodeConnection> {
    const open = this.connectionOf(did);
    if (open !== undefined) return open;
    if ((this.refused.get(did) ?? 0) > Date.now()) throw new Error('refused');
    let dial = this.#dials.get(did);
    if (dial === undefined) {
      dial = this.#dial(did, addresses).finally(() => this.#dials.delete(did));
      this.#dials.set(did, dial);
    }
    dial.catch(() => undefined);
    if (signal === undefined) return dial;
    signal.throwIfAborted();
    return Promise.race([
      dial,
      new Promise<never>((_, reject) => {
        signal.addEventListener('abort', () => reject(signal.reason as Error), { once: true });
      }),
    ]);
  }

  async handle(
    protocol: string,
    accept: (stream: Stream, from: NodeConnection) => void,
    limits: { inbound: number; outbound: number },
  ): Promise<void> {
    await this.libp2p.handle(
      protocol,
      (stream, connection) => {
        const node = this.#take(connection);
        if (node === undefined) stream.abort(new Error('no name'));
        else accept(stream, node);
      },
      { maxInboundStreams: limits.inbound, maxOutboundStreams: limits.outbound },
    );
  }

  onConnected(listener: (connection: NodeConnection) => void): void {
    this.#connected.push(listener);
  }

  onGone(listener: (did: string) => void): void {
    this.#gone.push(listener);
  }

  refuse(did: string, untilMs: number): void {
    this.refused.set(did, untilMs);
    for (const { node } of [...this.#connections.values()])
      if (node.did === did) node.close('lied');
  }

  async stop(): Promise<void> {
    await this.libp2p.stop();
  }

  async #dial(did: string, addresses: readonly string[]): Promise<NodeConnection> {
    const peer = peerOfDid(did);
    if (peer === undefined || addresses.length === 0) throw new Error('nowhere to dial');
    const raw = await this.libp2p.dial(
      addresses.map((address) => multiaddr(`${address}/p2p/${peer.toString()}`)),
      { signal: AbortSignal.timeout(10_000) },
    );
    return this.#take(raw)!;
  }

  #take(raw: Connection): NodeConnection | undefined {
    const known = this.#connections.get(raw.id);
    if (known !== undefined) return known.node;
    const did = didOfPeer(raw.remotePeer);
    if (did === undefined) return undefined;
    const address = raw.remoteAddr.toString();
    const ip = /^\/ip4\/([\d.]+)\//.exec(address)?.[1] ?? '';
    const node: NodeConnection = {
      did,
      address,
      group: addressGroup(ip) ?? ip,
      isRelayed: false,
      wasDialled: raw.direction === 'outbound',
      get isOpen() {
        return raw.status === 'open';
      },
      roundTripMs: () => Promise.reject(new Error('not measured here')),
      open: (protocol, signal) => raw.newStream(protocol, signal && { signal }),
      close: () => void raw.close().catch(() => undefined),
    };
    if (raw.status === 'open') this.#connections.set(raw.id, { node, raw });
    return node;
  }
}
