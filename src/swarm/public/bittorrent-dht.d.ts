declare module 'bittorrent-dht' {
  import { EventEmitter } from 'node:events';

  /** As far as it is used here. */
  export default class DHT extends EventEmitter {
    constructor(options?: {
      /** HOST:PORT; false: none. */
      bootstrap?: string[] | false;
      maxTables?: number;
      maxValues?: number;
      maxPeers?: number;
      host?: string;
    });
    listen(port: number, host?: string): void;
    address(): { address: string; port: number };
    announce(infoHash: Uint8Array, port: number, done?: (error?: Error) => void): void;
    /** Returns the end of looking. */
    lookup(infoHash: Uint8Array, done?: (error?: Error) => void): () => void;
    addNode(node: { host: string; port: number }): void;
    destroy(done?: () => void): void;
  }
}
