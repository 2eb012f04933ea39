import { createHash } from 'node:crypto';
import DHT from 'bittorrent-dht';
import { BOUNDS } from '../../domain/bounds.js';

export interface RendezvousOptions {
  network: string;
  /** HOST:PORT of nodes to begin at; empty means the library's. */
  bootstrap: readonly string[];
  /** Where this process can be dialled; undefined: it only looks. */
  announcedPort: number | undefined;
  /** IP address to send from; all by default. */
  host?: string | undefined;
}

export interface FoundAddress {
  ip: string;
  port: number;
}

/** What nodes of a network meet under; it does not tell the network's name. */
export function rendezvousKey(network: string): Buffer {
  return createHash('sha1').update(`x rendezvous 1\n${network}`).digest();
}

/** A node of the BitTorrent DHT that says where this process is, and hears where others are. */
export function makeRendezvousNode(
  options: RendezvousOptions,
  onFound: (found: FoundAddress) => void,
): { stop(): Promise<void> } {
  const { network, bootstrap, announcedPort, host } = options;
  const key = rendezvousKey(network);
  const dht = new DHT({
    ...(bootstrap.length === 0 ? {} : { bootstrap: [...bootstrap] }),
    maxTables: 64,
    maxValues: 64,
    maxPeers: 1_000,
  });
  guardQueries(dht);
  // A network that does not answer, or a message that makes no sense: the next one may.
  dht.on('warning', () => undefined);
  dht.on('error', () => undefined);
  dht.on('peer', (peer: { host: string; port: number }) =>
    onFound({ ip: peer.host, port: peer.port }),
  );
  // Looked up anew each time: by itself the library announces to those that it found before, and hears of nobody.
  const look = (): void => {
    dht.lookup(key, () => {
      if (announcedPort !== undefined) dht.announce(key, announcedPort, () => undefined);
    });
  };
  let timer: NodeJS.Timeout | undefined;
  let pauseMs: number = BOUNDS.rendezvousFirstMs;
  const again = (): void => {
    look();
    timer = setTimeout(again, pauseMs);
    pauseMs = Math.min(2 * pauseMs, BOUNDS.rendezvousEveryMs);
  };
  dht.on('ready', again);
  dht.listen(0, host);
  return {
    stop: async () => {
      clearTimeout(timer);
      await new Promise<void>((resolve) => dht.destroy(() => resolve()));
    },
  };
}

/** What a stranger asks with words of another kind than it should is not answered. */
function guardQueries(dht: DHT): void {
  const answer: unknown = Reflect.get(dht, '_onquery');
  if (typeof answer !== 'function') return;
  Reflect.set(dht, '_onquery', (...args: unknown[]) => {
    try {
      Reflect.apply(answer, dht, args);
    } catch {
      // Malformed.
    }
  });
}
