import type { JsonValue } from '../domain/plan.js';
import type { PeerStatus } from '../ports/swarm.js';
import { bar, formatBytes, formatPeerAddress, table } from './printer.js';

/** A bundle that a source serves, and who is there. */
export interface ServedBundle {
  name: string;
  bytes: number;
  pieces: number;
  peers: readonly PeerStatus[];
}

interface ClientRow {
  bundle: string;
  did: string;
  address: string;
  /** From 0 to 1. */
  part: number;
}

/** More clients are counted, not listed. */
const ROWS = 12;
/** Of a client the last characters of its DID tell it from others behind the same address. */
const DID_END = 6;

/** Who has how much of what a source serves, and how many copies of it left the source. */
export class ClientsView {
  /** Bytes sent to those that are gone. */
  #sentBefore = 0;
  /** By bundle and client, what was sent to those that are here. */
  #sent = new Map<string, number>();
  #rows: ClientRow[] = [];
  #bundleBytes = 0;

  /** Takes in how things stand. Returns whether that is different from before. */
  see(bundles: readonly ServedBundle[]): boolean {
    const before = JSON.stringify(this.event());
    const sent = new Map<string, number>();
    this.#rows = bundles.flatMap(({ name, pieces, peers }) =>
      peers.map(({ did, address, piecesHeld, bytesOut }) => {
        sent.set(`${name} ${did}`, bytesOut);
        return { bundle: name, did, address, part: pieces === 0 ? 1 : piecesHeld / pieces };
      }),
    );
    for (const [key, bytes] of this.#sent)
      if ((sent.get(key) ?? -1) < bytes) this.#sentBefore += bytes;
    this.#sent = sent;
    this.#bundleBytes = bundles.reduce((sum, { bytes }) => sum + bytes, 0);
    return JSON.stringify(this.event()) !== before;
  }

  get bytesSent(): number {
    return [...this.#sent.values()].reduce((sum, bytes) => sum + bytes, this.#sentBefore);
  }

  /** Of everything that is served, to two places. */
  get copies(): number {
    return this.#bundleBytes === 0
      ? 0
      : Math.round((this.bytesSent * 100) / this.#bundleBytes) / 100;
  }

  event(): { event: string; bytesSent: number; copies: number; clients: JsonValue } {
    const clients = this.#rows.map(({ part, ...row }) => ({ ...row, part: percent(part) / 100 }));
    return { event: 'clients', bytesSent: this.bytesSent, copies: this.copies, clients };
  }

  summary(): string {
    const clients = new Map<string, boolean>();
    for (const { did, part } of this.#rows)
      clients.set(did, (clients.get(did) ?? true) && part >= 1);
    const complete = [...clients.values()].filter(Boolean).length;
    const count = clients.size === 1 ? '1 client' : `${clients.size} clients`;
    return `${count} here, ${complete} complete; ${this.copies.toFixed(2)} copies left this source (${formatBytes(this.bytesSent)})`;
  }

  /** The summary, and a line for each client, those that lack most first. */
  lines(): string[] {
    const sorted = [...this.#rows].sort((a, b) => a.part - b.part);
    const several = new Set(sorted.map(({ bundle }) => bundle)).size > 1;
    const rows = sorted.slice(0, ROWS).map(({ bundle, did, address, part }) => {
      const who = `  ${formatPeerAddress(address)} …${did.slice(-DID_END)}`;
      return [who, bar(part, 20), `${percent(part)}%`, several ? bundle : ''];
    });
    const more = sorted.length - rows.length;
    return [this.summary(), ...table(rows, 0), ...(more > 0 ? [`  and ${more} more`] : [])];
  }
}

/** Only what is whole is a hundred. */
function percent(part: number): number {
  return part >= 1 ? 100 : Math.min(99, Math.floor(part * 100));
}
