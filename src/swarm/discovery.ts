import { BOUNDS } from '../domain/bounds.js';
import type { Did } from '../domain/bundle.js';
import type { Clock } from '../ports/clock.js';
import type { Random } from '../ports/random.js';
import { encodeAnnouncement, encodeQuery, serviceTag } from './announcement.js';
import type { Neighbourhood, NetworkInterface } from './interfaces.js';
import { judgePacket, type Found, type Heard } from './judge-packet.js';
import { JudgedPackets } from './judged-packets.js';
import { familiesOf, type Channel, type Family, type OpenChannel } from './multicast.js';

/** How often it is looked whether interfaces came and went, and whether something is due. */
const TICK_MS = 1_000;
const RESCAN_TICKS = 5;
/** RFC 6762, section 6: a shared answer waits this long, and is not repeated within a second. */
const ANSWER_AFTER_MS = 20;
const ANSWER_SPREAD_MS = 100;
const REPEAT_MS = 1_000;
/** Twice as long from one query to the next: section 5.2. */
const LONGEST_QUERY_PAUSE_MS = 60_000;
const ANNOUNCE_EVERY_MS = 60_000;

export interface DiscoveryDeps {
  peer: string;
  clock: Clock;
  random: Random;
  openChannel: OpenChannel;
  /** As things are now. */
  neighbourhood: () => Neighbourhood;
  /** Where this process can be dialled on an interface. */
  listensOn: (network: NetworkInterface) => { ip: string; port: number }[];
  /** Whether more siblings would be of use: only then it is asked for them. */
  wantsMore: () => boolean;
  onFound: (found: Found) => void;
}

interface Ear {
  channel: Channel;
  heardInTick: number;
  /** By tag of ours, when another machine last asked for it, and when somebody last answered. */
  othersAskedMs: Map<string, number>;
  toldMs: Map<string, number>;
  /** By tag, when the last answer left, and whether another waits. */
  answeredMs: Map<string, number>;
  answering: Set<string>;
}

/**
 * Finds siblings on the links of this machine by mDNS, IPv4 and IPv6, one service tag a source. It
 * answers, announces itself, and asks less and less often, so that hundreds on a link stay quiet.
 */
export class Discovery {
  readonly #deps: DiscoveryDeps;
  readonly #tags = new Set<string>();
  readonly #judged = new JudgedPackets<Heard>();
  /** By interface, its addresses and family. */
  readonly #ears = new Map<string, Ear>();
  readonly #opening = new Set<string>();
  readonly #timers = new Set<NodeJS.Timeout>();
  #ticks = 0;
  #queryMs = -Infinity;
  #queryPauseMs = TICK_MS;
  #announceMs = -Infinity;
  #isStopped = false;
  #ticker: NodeJS.Timeout | undefined;

  constructor(deps: DiscoveryDeps) {
    this.#deps = deps;
  }

  /** Looks for those that share bundles of a source, too. Resolves once it was asked for them. */
  async look(source: Did): Promise<void> {
    const tag = serviceTag(source);
    if (this.#tags.has(tag) || this.#tags.size >= BOUNDS.discoveryTags || this.#isStopped) return;
    this.#tags.add(tag);
    this.#judged.clear();
    this.#queryPauseMs = TICK_MS;
    await this.#rescan();
    this.#query(this.#deps.clock.monotonicMs(), Infinity);
    for (const ear of this.#ears.values()) this.#announce(ear, tag);
    this.#ticker ??= setInterval(() => this.#tick(), TICK_MS).unref();
  }

  stop(): void {
    this.#isStopped = true;
    clearInterval(this.#ticker);
    for (const timer of this.#timers) clearTimeout(timer);
    for (const { channel } of this.#ears.values()) channel.close();
    this.#ears.clear();
  }

  #tick(): void {
    const now = this.#deps.clock.monotonicMs();
    for (const ear of this.#ears.values()) ear.heardInTick = 0;
    if (++this.#ticks % RESCAN_TICKS === 0) void this.#rescan();
    if (now >= this.#announceMs + ANNOUNCE_EVERY_MS) {
      this.#announceMs = now;
      for (const ear of this.#ears.values()) for (const tag of this.#tags) this.#answer(ear, tag);
    }
    if (!this.#deps.wantsMore()) this.#queryPauseMs = TICK_MS;
    else if (now >= this.#queryMs + this.#queryPauseMs) this.#query(now);
  }

  /**
   * Where another asked since the last time, all heard the answers: RFC 6762, section 7.3. Where nobody
   * answered, that question may not have got far.
   */
  #query(now: number, sinceMs = this.#queryMs): void {
    this.#queryMs = now;
    for (const { channel, othersAskedMs, toldMs } of this.#ears.values()) {
      const isKnown = (tag: string): boolean =>
        [othersAskedMs, toldMs].every((heardMs) => (heardMs.get(tag) ?? -Infinity) > sinceMs);
      const unknown = [...this.#tags].filter((tag) => !isKnown(tag));
      if (unknown.length > 0) channel.send(encodeQuery(unknown));
    }
    this.#queryPauseMs = Math.min(2 * this.#queryPauseMs, LONGEST_QUERY_PAUSE_MS);
  }

  /** Interfaces come and go, and so do their addresses. */
  async #rescan(): Promise<void> {
    const { used, loopback } = this.#deps.neighbourhood();
    const now = new Map<string, { network: NetworkInterface; family: Family }>();
    for (const network of [...used, ...loopback].slice(0, BOUNDS.interfaces)) {
      const ips = network.addresses.map(({ ip }) => ip).join();
      for (const family of familiesOf(network))
        now.set(`${network.name} ${family} ${ips}`, { network, family });
    }
    for (const [key, { channel }] of this.#ears) {
      if (now.has(key)) continue;
      channel.close();
      this.#ears.delete(key);
    }
    await Promise.all(
      [...now].map(([key, { network, family }]) => this.#open(key, network, family)),
    );
  }

  async #open(key: string, network: NetworkInterface, family: Family): Promise<void> {
    if (this.#ears.has(key) || this.#opening.has(key)) return;
    this.#opening.add(key);
    const channel = await this.#deps.openChannel(network, family, (_, bytes, from) => {
      const ear = this.#ears.get(key);
      if (ear !== undefined) this.#heard(ear, bytes, from);
    });
    this.#opening.delete(key);
    if (channel === undefined) return;
    if (this.#isStopped) {
      channel.close();
      return;
    }
    const ear: Ear = {
      channel,
      heardInTick: 0,
      othersAskedMs: new Map(),
      toldMs: new Map(),
      answeredMs: new Map(),
      answering: new Set(),
    };
    this.#ears.set(key, ear);
    // A link that came up later: whoever is there hears of this process, and is asked.
    if (this.#ticker === undefined) return;
    channel.send(encodeQuery([...this.#tags]));
    for (const tag of this.#tags) this.#announce(ear, tag);
  }

  /** Hundreds on a link say the same again and again: that is judged once, and still heard each time. */
  #heard(ear: Ear, bytes: Uint8Array, from: string): void {
    if (++ear.heardInTick > BOUNDS.multicastPackets) return;
    const { network } = ear.channel;
    const self = this.#deps.peer;
    const neighbourhood = this.#deps.neighbourhood();
    const {
      asked,
      found,
      tag: told,
      isOfAnother,
    } = this.#judged.of(`${network.name} ${from}`, bytes, neighbourhood, () =>
      judgePacket(bytes, { network, neighbourhood, from, tags: this.#tags, self }),
    );
    const now = this.#deps.clock.monotonicMs();
    if (told !== undefined) ear.toldMs.set(told, now);
    for (const tag of asked) {
      if (isOfAnother) ear.othersAskedMs.set(tag, now);
      this.#answer(ear, tag);
    }
    if (found !== undefined) this.#deps.onFound(found);
  }

  /** Soon, at a random moment, and not too often: many may have been asked. */
  #answer(ear: Ear, tag: string): void {
    if (ear.answering.has(tag)) return;
    ear.answering.add(tag);
    const now = this.#deps.clock.monotonicMs();
    const dueMs = Math.max(
      now + ANSWER_AFTER_MS + this.#deps.random.integer(ANSWER_SPREAD_MS),
      (ear.answeredMs.get(tag) ?? -Infinity) + REPEAT_MS,
    );
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      ear.answering.delete(tag);
      this.#announce(ear, tag);
    }, dueMs - now).unref();
    this.#timers.add(timer);
  }

  #announce(ear: Ear, tag: string): void {
    const addresses = this.#deps.listensOn(ear.channel.network);
    if (addresses.length === 0) return;
    ear.answeredMs.set(tag, this.#deps.clock.monotonicMs());
    ear.channel.send(encodeAnnouncement({ tag, peer: this.#deps.peer, addresses }));
  }
}
