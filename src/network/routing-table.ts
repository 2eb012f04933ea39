import { BOUNDS } from '../domain/bounds.js';
import type { Did } from '../domain/bundle.js';
import type { NetworkNode } from '../domain/network-node.js';
import { NETWORK_POLICY as POLICY } from './policy.js';
import { compareDistance, sharedBits, type NodePositions, type Position } from './position.js';

/** What a node says of itself, signed by it. */
export type AnnouncedNode = Pick<
  NetworkNode,
  'did' | 'addresses' | 'group' | 'kind' | 'freeBytes' | 'load'
>;

interface Entry {
  node: NetworkNode;
  position: Position;
  /** In a row. */
  failures: number;
}

interface Bucket {
  nodes: Entry[];
  /** Who would take a place that becomes free; the one heard of last stands last. */
  reserve: Entry[];
  /** When something was looked up here last. */
  usedAtMs: number;
}

export type Heard = 'added' | 'known' | 'reserve' | 'refused';

/**
 * Nodes by how many leading bits their place shares with this machine's: many of those near it, few
 * of the others, so that a walk halves the distance with each answer. Who answered stays; a newcomer
 * takes free places only, or one of a node that failed, so that nobody is pushed out by new names.
 * One /24 or /48 has few places near each point and in all.
 * `now` is milliseconds since 1970 of a clock that never goes back in one process.
 */
export class RoutingTable {
  readonly self: Did;
  readonly #positions: NodePositions;
  readonly #own: Position;
  readonly #buckets = new Map<number, Bucket>();
  readonly #entries = new Map<Did, Entry>();
  readonly #groups = new Map<string, number>();

  constructor(self: Did, positions: NodePositions) {
    this.self = self;
    this.#positions = positions;
    this.#own = positions.of(self);
  }

  get size(): number {
    return this.#entries.size;
  }

  get(did: Did): NetworkNode | undefined {
    return this.#entries.get(did)?.node;
  }

  dids(): Iterable<Did> {
    return this.#entries.keys();
  }

  /** Heard last first. */
  nodes(): NetworkNode[] {
    const nodes = [...this.#entries.values()].map(({ node }) => ({ ...node }));
    return nodes.sort((a, b) => b.heardAtMs - a.heardAtMs || (a.did < b.did ? -1 : 1));
  }

  /** What was written down in an earlier life: as hearsay, for where they are has to be proved again. */
  restore(nodes: readonly NetworkNode[], now: number): void {
    const newestFirst = [...nodes].sort((a, b) => b.heardAtMs - a.heardAtMs);
    for (const node of newestFirst) {
      if (node.heardAtMs + BOUNDS.nodeTtlMs <= now) continue;
      this.#take({ ...node, answeredAtMs: 0, heardAtMs: Math.min(node.heardAtMs, now) });
    }
  }

  /** A signed announcement came by gossip: its own word, and no proof that it is where it says. */
  heard(announced: AnnouncedNode, now: number): Heard {
    const known = this.#entries.get(announced.did)?.node;
    if (known === undefined) return this.#take(newNode(announced, now));
    const hasMoved = known.group !== announced.group;
    if (hasMoved && !this.#hasRoomFor(announced.group)) return 'refused';
    this.#regroup(known, announced.group);
    Object.assign(known, announced, { heardAtMs: now });
    if (hasMoved) known.answeredAtMs = 0;
    return 'known';
  }

  /** A heartbeat of a node that is known. */
  beat(did: Did, { freeBytes, load }: Pick<NetworkNode, 'freeBytes' | 'load'>, now: number): void {
    const node = this.#entries.get(did)?.node;
    if (node !== undefined) Object.assign(node, { freeBytes, load, heardAtMs: now });
  }

  /** It answered at the first of these addresses: a handshake proved that it is there. */
  answered(
    contact: Pick<NetworkNode, 'did' | 'addresses' | 'group' | 'kind'>,
    roundTripMs: number,
    now: number,
  ): Heard {
    const entry = this.#entries.get(contact.did);
    if (entry === undefined) {
      const node = newNode({ ...contact, freeBytes: 0, load: 0 }, now);
      return this.#take({ ...node, answeredAtMs: now, roundTripMs });
    }
    const { node } = entry;
    if (node.group !== contact.group && !this.#hasRoomFor(contact.group)) return 'refused';
    this.#regroup(node, contact.group);
    entry.failures = 0;
    Object.assign(node, contact, { answeredAtMs: now, heardAtMs: now });
    node.roundTripMs =
      node.roundTripMs === 0
        ? roundTripMs
        : node.roundTripMs * (1 - POLICY.newest) + roundTripMs * POLICY.newest;
    return 'known';
  }

  /** It did not answer. After a few times in a row its place goes to the next in line. */
  failed(did: Did): void {
    const entry = this.#entries.get(did);
    if (entry === undefined) return;
    entry.failures += 1;
    if (entry.failures >= POLICY.failures || entry.node.answeredAtMs === 0) this.remove(did);
  }

  /** It said that it leaves, or it lied. */
  remove(did: Did): void {
    const entry = this.#entries.get(did);
    if (entry === undefined) return;
    const bucket = this.#bucketOf(entry.position);
    bucket.nodes = bucket.nodes.filter((other) => other !== entry);
    this.#drop(entry);
    this.#promote(bucket);
  }

  /** Forgets who was not heard of for a day. */
  sweep(now: number): Did[] {
    const isOver = ({ node }: Entry): boolean => node.heardAtMs + BOUNDS.nodeTtlMs <= now;
    for (const bucket of this.#buckets.values())
      bucket.reserve = bucket.reserve.filter((entry) => !isOver(entry));
    const gone = [...this.#entries.values()].filter(isOver).map(({ node }) => node.did);
    for (const did of gone) this.remove(did);
    return gone;
  }

  /**
   * The nearest to a place, nearest first.
   * @param options.provenSinceMs only those that answered since then.
   * @param options.heardSinceMs only those that were heard of since then, by a heartbeat or an answer.
   * @param options.perGroup so many of one network at most.
   */
  closest(
    key: Position,
    count: number,
    options: { provenSinceMs?: number; heardSinceMs?: number; perGroup?: number } = {},
  ): NetworkNode[] {
    const { provenSinceMs = -Infinity, heardSinceMs = -Infinity, perGroup = Infinity } = options;
    const chosen: NetworkNode[] = [];
    const groups = new Map<string, number>();
    for (const entries of this.#byDistance(key)) {
      const fitting = entries.filter(
        ({ node }) => node.answeredAtMs >= provenSinceMs && node.heardAtMs >= heardSinceMs,
      );
      if (fitting.length > 1) fitting.sort((a, b) => compareDistance(key, a.position, b.position));
      for (const { node } of fitting) {
        const ofGroup = groups.get(node.group) ?? 0;
        if (ofGroup >= perGroup) continue;
        groups.set(node.group, ofGroup + 1);
        chosen.push(node);
        if (chosen.length >= count) return chosen;
      }
    }
    return chosen;
  }

  /** A lookup for this place was made. */
  used(key: Position, now: number): void {
    this.#bucketOf(key).usedAtMs = now;
  }

  /**
   * What keeps the table true: nodes to ask whether they are there, the one unheard of longest first,
   * and how many bits of this machine's place to share with a random key that is looked up.
   */
  due(now: number): { probe: NetworkNode[]; refresh: number[] } {
    const probe = [...this.#entries.values()]
      .filter(({ node }) => Math.max(node.answeredAtMs, 0) + POLICY.probeAfterMs <= now)
      .sort((a, b) => a.node.answeredAtMs - b.node.answeredAtMs || compare(a.node, b.node))
      .slice(0, POLICY.probesAtOnce)
      .map(({ node }) => node);
    const refresh = [...this.#buckets]
      .filter(([, bucket]) => bucket.usedAtMs + POLICY.refreshAfterMs <= now)
      .map(([bits]) => bits);
    return { probe, refresh };
  }

  #take(node: NetworkNode): Heard {
    if (node.did === this.self || this.#entries.has(node.did)) return 'refused';
    const entry: Entry = { node, position: this.#positions.of(node.did), failures: 0 };
    const bucket = this.#bucketOf(entry.position);
    bucket.reserve = bucket.reserve.filter((other) => other.node.did !== node.did);
    if (!this.#hasRoomFor(node.group, bucket)) return this.#reserve(bucket, entry);
    if (bucket.nodes.length >= BOUNDS.bucketNodes) {
      const weakest = weakestBeside(bucket.nodes, entry);
      if (weakest === undefined) return this.#reserve(bucket, entry);
      bucket.nodes = bucket.nodes.filter((other) => other !== weakest);
      this.#drop(weakest);
    }
    this.#add(bucket, entry);
    return 'added';
  }

  #add(bucket: Bucket, entry: Entry): void {
    bucket.nodes.push(entry);
    this.#entries.set(entry.node.did, entry);
    this.#groups.set(entry.node.group, (this.#groups.get(entry.node.group) ?? 0) + 1);
  }

  #drop({ node }: Entry): void {
    this.#entries.delete(node.did);
    const left = (this.#groups.get(node.group) ?? 1) - 1;
    if (left > 0) this.#groups.set(node.group, left);
    else this.#groups.delete(node.group);
  }

  #reserve(bucket: Bucket, entry: Entry): Heard {
    const { group } = entry.node;
    const ofGroup = bucket.reserve.filter((other) => other.node.group === group);
    if (ofGroup.length >= BOUNDS.nodesOfGroupInBucket) return 'refused';
    bucket.reserve.push(entry);
    if (bucket.reserve.length > BOUNDS.bucketReserve) bucket.reserve.shift();
    return 'reserve';
  }

  #promote(bucket: Bucket): void {
    for (let at = bucket.reserve.length - 1; at >= 0; at--) {
      const entry = bucket.reserve[at];
      if (entry === undefined || !this.#hasRoomFor(entry.node.group, bucket)) continue;
      bucket.reserve.splice(at, 1);
      this.#add(bucket, entry);
      return;
    }
  }

  #hasRoomFor(group: string, bucket?: Bucket): boolean {
    if ((this.#groups.get(group) ?? 0) >= BOUNDS.nodesOfGroup) return false;
    if (bucket === undefined) return true;
    const near = bucket.nodes.filter(({ node }) => node.group === group);
    return near.length < BOUNDS.nodesOfGroupInBucket;
  }

  #regroup(node: NetworkNode, group: string): void {
    if (node.group === group) return;
    const left = (this.#groups.get(node.group) ?? 1) - 1;
    if (left > 0) this.#groups.set(node.group, left);
    else this.#groups.delete(node.group);
    this.#groups.set(group, (this.#groups.get(group) ?? 0) + 1);
    node.group = group;
  }

  #bucketOf(position: Position): Bucket {
    const bits = sharedBits(this.#own, position);
    let bucket = this.#buckets.get(bits);
    if (bucket === undefined) {
      bucket = { nodes: [], reserve: [], usedAtMs: 0 };
      this.#buckets.set(bits, bucket);
    }
    return bucket;
  }

  /** Nodes in portions, each wholly nearer to the key than the next. */
  *#byDistance(key: Position): Generator<readonly Entry[]> {
    const bits = sharedBits(this.#own, key);
    yield this.#buckets.get(bits)?.nodes ?? [];
    const nearer: Entry[] = [];
    for (const [at, { nodes }] of this.#buckets) if (at > bits) nearer.push(...nodes);
    yield nearer;
    for (let at = bits - 1; at >= 0; at--) yield this.#buckets.get(at)?.nodes ?? [];
  }
}

function newNode(announced: AnnouncedNode, now: number): NetworkNode {
  return { ...announced, firstHeardAtMs: now, heardAtMs: now, answeredAtMs: 0, roundTripMs: 0 };
}

/**
 * Whom a newcomer may replace in a full bucket: nobody where it has not answered itself. Else one that
 * failed or never answered; else, in the younger half, the slowest, where the newcomer is much nearer,
 * or a light node where it is heavy. The older half stays: who was here long will be here longer, and
 * no crowd of new names displaces it.
 */
function weakestBeside(nodes: readonly Entry[], { node }: Entry): Entry | undefined {
  if (node.answeredAtMs === 0) return undefined;
  const unproven = nodes.find((other) => other.node.answeredAtMs === 0 || other.failures > 0);
  if (unproven !== undefined) return unproven;
  const younger = [...nodes]
    .sort((a, b) => b.node.firstHeardAtMs - a.node.firstHeardAtMs || compare(a.node, b.node))
    .slice(0, Math.floor(nodes.length / 2));
  const light = younger.filter((other) => other.node.kind === 'light');
  if (node.kind === 'heavy' && light.length > 0) return slowestOf(light);
  const slowest = slowestOf(younger.filter((other) => other.node.kind === node.kind));
  const isNearer =
    slowest !== undefined && node.roundTripMs * POLICY.nearerFactor < slowest.node.roundTripMs;
  return isNearer ? slowest : undefined;
}

function slowestOf(entries: readonly Entry[]): Entry | undefined {
  let slowest = entries[0];
  for (const entry of entries)
    if (entry.node.roundTripMs > (slowest?.node.roundTripMs ?? 0)) slowest = entry;
  return slowest;
}

function compare(a: NetworkNode, b: NetworkNode): number {
  return a.did < b.did ? -1 : a.did > b.did ? 1 : 0;
}
