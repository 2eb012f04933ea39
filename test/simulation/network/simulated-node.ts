import type { NodeKind } from '../../../src/domain/network-node.js';
import { BOUNDS } from '../../../src/domain/bounds.js';
import type { Contact } from '../../../src/network/events.js';
import { OwnerCache } from '../../../src/network/owner-cache.js';
import { NETWORK_POLICY as POLICY } from '../../../src/network/policy.js';
import type { Position } from '../../../src/network/position.js';
import type { Publication } from '../../../src/network/publishing.js';
import { ProviderRecords } from '../../../src/network/records.js';
import { Demand } from '../../../src/network/retention.js';
import { RoutingTable } from '../../../src/network/routing-table.js';
import { Scores } from '../../../src/network/scores.js';
import { Selector } from '../../../src/network/selector.js';
import { publicationAs, stillTold } from '../../../src/network/told-earlier.js';
import { TokenBucket } from '../../../src/network/token-bucket.js';
import { UploadSlots } from '../../../src/network/upload-slots.js';
import type { TellersWord } from '../../../src/domain/told-place.js';
import type { Random } from '../../../src/ports/random.js';
import { didOf, groupOf, NETWORK, positions } from '../../network/kit.js';
import { MemoryToldBook } from '../../network/memory-told-book.js';
import { unit } from './catalogue.js';
import type { Lane } from './walks.js';

export type Manner =
  | 'honest'
  /** Says that it has everything, and sends other bytes under its own tree. */
  | 'poisoner'
  /** Says that it has everything, and has nothing. */
  | 'liar'
  /** As the liar, and names only its like when it is asked for others. */
  | 'sybil';

/** What is held, and what others were told of it. */
export interface Holding extends Publication {
  index: number;
  keyText: string;
  lengthBytes: number;
}

/** Where a walk ended, and how many had it by then. */
export interface LastWalk {
  closest: readonly Contact[];
  copies: number;
  atMs: number;
}

/** One machine: its state over all its sessions, and what it does. */
export class SimulatedNode {
  readonly did: string;
  readonly contact: Contact;
  table: RoutingTable;
  records = new ProviderRecords();
  cache = new OwnerCache();
  readonly scores = new Scores();
  demand = new Demand();
  readonly slots: UploadSlots;
  readonly selector: Selector;
  readonly held = new Map<number, Holding>();
  /** What it told, over its sessions; and as whom. */
  readonly book = new MemoryToldBook();
  readonly word: TellersWord;
  heldBytes = 0;
  isOnline = false;
  /** Of the present session; events of earlier ones are nobody's. */
  session = 0;
  onlineMs = 0;
  sinceMs = 0;
  beatsAtMs = 0;
  upBusyMs = 0;
  officialBusyMs = 0;
  /** Connections that it opened, in the order of their use: since when and until when they stand. */
  readonly links = new Map<string, { openMs: number; untilMs: number; session: number }>();
  readonly lanes = new Map<string, Lane>();
  /** When a node's silence was counted. */
  readonly failedMs = new Map<string, number>();
  /** The one that ended last stands last. */
  readonly lastWalks = new Map<Position, LastWalk>();
  walkBudget = newWalkBudget(0);
  turnAtMs = Infinity;
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
    const { did, addresses } = this.contact;
    this.word = { network: NETWORK, did, kind, addresses };
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

  /** Until a connection stands: three round trips where there is none yet. */
  reachMs(other: SimulatedNode, now: number): number {
    const link = this.links.get(other.did);
    const isOpen = link?.session === other.session && link.untilMs > now;
    const openMs = isOpen ? link.openMs : now + 3 * this.roundTripMs(other);
    this.links.delete(other.did);
    const { session } = other;
    this.links.set(other.did, { openMs, untilMs: now + BOUNDS.swarmUnusedMs, session });
    if (this.links.size > 200) this.links.delete(this.links.keys().next().value ?? '');
    return Math.max(0, openMs - now);
  }

  remember(key: Position, walk: LastWalk): void {
    this.lastWalks.delete(key);
    this.lastWalks.set(key, walk);
    if (this.lastWalks.size <= BOUNDS.rememberedWalks) return;
    const [oldest] = this.lastWalks.keys();
    if (oldest !== undefined) this.lastWalks.delete(oldest);
  }

  /**
   * A new process: what it told holds while records live, and what it knows of others is hearsay. What
   * others left with it is gone, as is who asked for what.
   */
  restart(now: number): void {
    const known = this.table.nodes();
    this.table = new RoutingTable(this.did, positions);
    this.table.restore(known, now);
    for (const kept of [this.links, this.lanes, this.failedMs, this.lastWalks]) kept.clear();
    this.records = new ProviderRecords();
    this.cache = new OwnerCache();
    this.demand = new Demand();
    this.walkBudget = newWalkBudget(now);
    this.turnAtMs = Infinity;
    void this.book.tidy({ sinceMs: now - BOUNDS.recordTtlMs, nowMs: now }, BOUNDS.publications);
    const told = stillTold(this.book.told(NETWORK), this.word, now);
    for (const holding of this.held.values())
      Object.assign(holding, publicationAs(told.get(holding.keyText)));
  }
}

function newWalkBudget(now: number): TokenBucket {
  const atOnce = BOUNDS.publicationsAtOnce;
  return new TokenBucket(atOnce, (1_000 * atOnce) / POLICY.publishPauseMs, now);
}
