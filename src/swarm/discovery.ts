import { mdns } from '@libp2p/mdns';
import type { PeerDiscovery, PeerInfo } from '@libp2p/interface';
import { BOUNDS } from '../domain/bounds.js';
import type { Did } from '../domain/bundle.js';
import { sha256 } from '../domain/digest.js';
import type { Host } from './host.js';

const INTERVAL_MS = 10_000;

/** The mDNS service of those that share bundles of one source. It does not tell which source that is. */
export function serviceTag(source: Did): string {
  return `_x-${sha256(`x mdns ${source}`).slice(0, 24)}._udp.local`;
}

/**
 * Finds siblings on the link by mDNS, one service tag a source. What is found is a hint: addresses
 * are filtered by who dials, and the handshake proves the peer.
 */
export class Discovery {
  readonly #host: Host;
  readonly #onPeer: (info: PeerInfo) => void;
  readonly #services = new Map<Did, PeerDiscovery & { start?(): unknown; stop?(): unknown }>();

  constructor(host: Host, onPeer: (info: PeerInfo) => void) {
    this.#host = host;
    this.#onPeer = onPeer;
  }

  async look(source: Did): Promise<void> {
    if (this.#services.has(source) || this.#services.size >= BOUNDS.discoveryTags) return;
    const service: PeerDiscovery & { start?(): unknown; stop?(): unknown } = mdns({
      serviceTag: serviceTag(source),
      interval: INTERVAL_MS,
    })(this.#host.libp2p.services.parts.mdns);
    this.#services.set(source, service);
    service.addEventListener('peer', (event) => this.#onPeer(event.detail));
    await service.start?.();
  }

  async stop(): Promise<void> {
    const services = [...this.#services.values()];
    this.#services.clear();
    for (const service of services) await service.stop?.();
  }
}
