import type { NodeKind } from '../../../src/domain/network-node.js';
import type { Contact } from '../../../src/network/events.js';
import { OwnerCache } from '../../../src/network/owner-cache.js';
import { ProviderRecords } from '../../../src/network/records.js';
import { Demand } from '../../../src/network/retention.js';
import { RoutingTable } from '../../../src/network/routing-table.js';
import { Scores } from '../../../src/network/scores.js';
import { Selector } from '../../../src/network/selector.js';
import { UploadSlots } from '../../../src/network/upload-slots.js';
import type { Random } from '../../../src/ports/random.js';
import { didOf, groupOf, positions } from '../../network/kit.js';
import { unit } from './catalogue.js';

export type Manner =
  | 'honest'
  /** Says that it has everything, and sends other bytes under its own tree. */
  | 'poisoner'
  /** Says that it has everything, and has nothing. */
  | 'liar'
  /** As the liar, and names only its like when it is asked for others. */
  | 'sybil';

/** What is held, and since when a record of it is out. */
export interface Holding {
  lengthBytes: number;
  recordAtMs: number;
  /** Owners that were found when it was fetched, this one counted. */
  copies: number;
}

/** One machine: its state over all its sessions, and what it does. */
export class SimulatedNode {
  readonly did: string;
  readonly contact: Contact;
  table: RoutingTable;
  readonly records = new ProviderRecords();
  readonly cache = new OwnerCache();
  readonly scores = new Scores();
  readonly demand = new Demand();
  readonly slots: UploadSlots;
  readonly selector: Selector;
  readonly held = new Map<number, Holding>();
  heldBytes = 0;
  isOnline = false;
  /** Of the present session; events of earlier ones are nobody's. */
  session = 0;
  onlineMs = 0;
  sinceMs = 0;
  beatsAtMs = 0;
  upBusyMs = 0;
  officialBusyMs = 0;
  /** Until when a connection to a node stays open. */
  readonly links = new Map<string, number>();
  servedBytes = 0;
  answers = 0;
  readonly x: number;
  readonly y: number;
  readonly accessMs: number;
  readonly upBytesPerMs: number;
  readonly downBytesPerMs: number;

  constructor(
    readonly number: number,
    readonly kind: NodeKind,
    readonly manner: Manner,
    readonly quotaBytes: number,
    random: Random,
    group = groupOf(number),
  ) {
    this.did = didOf(number);
    this.contact = {
      did: this.did,
      addresses: [`/ip4/0.0.0.0/tcp/${number % 65_535}`],
      group,
      kind,
    };
    this.table = new RoutingTable(this.did, positions);
    this.slots = new UploadSlots(this.scores, 8);
    this.selector = new Selector({
      random,
      scores: this.scores,
      nodeOf: (did) => this.table.get(did),
    });
    this.x = unit(random);
    this.y = unit(random);
    this.accessMs = 4 + 16 * unit(random);
    const isHeavy = kind === 'heavy';
    this.upBytesPerMs = isHeavy ? 62_500 : 1_250 + 5_000 * unit(random);
    this.downBytesPerMs = isHeavy ? 62_500 : 6_250 + 30_000 * unit(random);
  }

  /** Milliseconds there and back. */
  roundTripMs(other: SimulatedNode): number {
    const distance = Math.hypot(this.x - other.x, this.y - other.y);
    return 2 + this.accessMs + other.accessMs + 150 * distance;
  }

  /** Round trips until an answer: three more where no connection stands. */
  tripsTo(other: SimulatedNode, now: number): number {
    const isLinked = (this.links.get(other.did) ?? 0) > now;
    this.links.delete(other.did);
    this.links.set(other.did, now + 600_000);
    if (this.links.size > 200) this.links.delete(this.links.keys().next().value ?? '');
    return isLinked ? 1 : 4;
  }

  restart(now: number): void {
    const known = this.table.nodes();
    this.table = new RoutingTable(this.did, positions);
    this.table.restore(known, now);
    this.links.clear();
  }
}
