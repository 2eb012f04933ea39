import { BOUNDS } from '../../../src/domain/bounds.js';
import type { Contact, Owner, Provider } from '../../../src/network/events.js';
import { answerLookup } from '../../../src/network/lookup-answer.js';
import { NETWORK_POLICY as POLICY } from '../../../src/network/policy.js';
import { compareDistance, positionOfBytes, type Position } from '../../../src/network/position.js';
import {
  chooseEvictions,
  chooseReplicas,
  type ScarceArtifact,
} from '../../../src/network/retention.js';
import { publicationAs } from '../../../src/network/told-earlier.js';
import type { UploadAction } from '../../../src/network/upload-slots.js';
import type { Random } from '../../../src/ports/random.js';
import { positions } from '../../network/kit.js';
import { seededRandom, VirtualTime } from '../virtual-time.js';
import { Catalogue, exponential, normal, type Artifact } from './catalogue.js';
import { FetchDriver, type Answer, type Surroundings } from './fetch-driver.js';
import { Measures } from './measures.js';
import { SimulatedPublishing } from './publishing.js';
import { SimulatedNode, type Manner } from './simulated-node.js';
import { SimulatedWalks, type Question, type Told } from './walks.js';

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;

export interface WorldOptions {
  seed: number;
  nodes: number;
  /** Share of heavy ones. */
  heavyShare: number;
  artifacts: number;
  zipf: number;
  durationMs: number;
  /** Medians, of light nodes; a heavy one stays 24 times longer. */
  sessionMs: number;
  absenceMs: number;
  /** Installs that an online light node makes in an hour, of `perInstall` artifacts in the mean. */
  installsPerHour: number;
  perInstall: number;
  lightQuotaBytes: number;
  heavyQuotaBytes: number;
  /** How often a node looks after its table and records. */
  maintainMs: number;
  /** How long one slot of the measures is. */
  slotMs: number;
  /** Nodes that are not honest, beside the others, online all the time. */
  attackers?: { count: number; manner: Exclude<Manner, 'honest'>; group?: string };
  /** Whether heavy nodes fetch what is rare; they do unless told. */
  replicates?: boolean;
}

/** The public swarm in virtual time: the real selector, scores, slots, lookups, tables, records. */
export class World {
  readonly time = new VirtualTime();
  readonly measures = new Measures();
  readonly nodes: SimulatedNode[] = [];
  readonly catalogue: Catalogue;
  /** Numbers of nodes that have it, online or not, by artifact. */
  readonly holders: Set<number>[];
  /** How often each was asked for, by those who did not have it. */
  readonly demanded = new Map<number, number>();
  readonly #options: WorldOptions;
  readonly #random: Random;
  readonly #byDid = new Map<string, SimulatedNode>();
  readonly #drivers = new Map<number, FetchDriver>();
  /** Answers that wait for their turn. */
  readonly #uploads = new Map<string, () => void>();
  readonly #attackers: SimulatedNode[] = [];
  readonly #nearAttackers = new Map<Position, Contact[]>();
  readonly #nearHonest = new Map<Position, SimulatedNode[]>();
  readonly #online: SimulatedNode[] = [];
  #nextUpload = 1;
  readonly #askedOf = new Map<string, { other: SimulatedNode; id: number }>();
  /** What a fetch is of. */
  readonly #pending = new Map<string, Artifact>();
  readonly #walks: SimulatedWalks;
  readonly #publishing: SimulatedPublishing;

  constructor(options: WorldOptions) {
    this.#options = options;
    const { time, measures } = this;
    const nodeOf = (did: string): SimulatedNode | undefined => this.#byDid.get(did);
    this.#walks = new SimulatedWalks({
      time,
      measures,
      nodeOf,
      beats: (node) => this.#beats(node),
      answer: (other, question, asker) => this.#answer(other, question, asker),
    });
    this.#publishing = new SimulatedPublishing({
      time,
      measures,
      nodeOf,
      walks: this.#walks,
      isBusy: ({ number }) => (this.#drivers.get(number)?.size ?? 0) > 0,
    });
    this.#random = seededRandom(options.seed);
    this.catalogue = new Catalogue(options.artifacts, options.zipf, this.#random);
    this.holders = this.catalogue.artifacts.map(() => new Set());
    const heavy = Math.round(options.nodes * options.heavyShare);
    for (let i = 0; i < options.nodes; i++) {
      const kind = i < heavy ? 'heavy' : 'light';
      const quota = i < heavy ? options.heavyQuotaBytes : options.lightQuotaBytes;
      this.#addNode(new SimulatedNode(i, kind, 'honest', quota, this.#random));
    }
    const { count = 0, manner = 'liar', group } = options.attackers ?? {};
    for (let i = 0; i < count; i++) {
      const node = new SimulatedNode(1_000_000 + i, 'heavy', manner, 0, this.#random, group);
      this.#addNode(node);
      this.#attackers.push(node);
    }
  }

  run(): void {
    const { durationMs, slotMs, sessionMs, absenceMs } = this.#options;
    for (const node of this.nodes) {
      // In the steady state so many are online at any time.
      const isFirst = node.manner !== 'honest' || this.#chance(sessionMs / (sessionMs + absenceMs));
      const afterMs = isFirst
        ? this.#random.integer(5 * MINUTE_MS)
        : exponential(this.#random, 1.5 * absenceMs);
      this.time.after(afterMs, () => this.#join(node));
    }
    for (let atMs = slotMs / 2; atMs < durationMs; atMs += slotMs)
      this.time.at(atMs, () => {
        this.measures.slot(Math.floor(this.time.now / slotMs)).online = this.#online.length;
      });
    this.time.run(durationMs, () => false);
    for (const node of this.#online) node.onlineMs += durationMs - node.sinceMs;
  }

  #addNode(node: SimulatedNode): void {
    this.nodes.push(node);
    this.#byDid.set(node.did, node);
  }

  #chance(share: number): boolean {
    return this.#random.integer(1_000_000) < share * 1_000_000;
  }

  // ---- sessions

  #join(node: SimulatedNode): void {
    const { time } = this;
    node.isOnline = true;
    node.session += 1;
    node.sinceMs = time.now;
    node.restart(time.now);
    this.#meetSome(node);
    this.#online.push(node);
    const { session } = node;
    if (node.manner !== 'honest') {
      this.#lie(node);
      return;
    }
    const isHeavy = node.kind === 'heavy';
    const medianMs = this.#options.sessionMs * (isHeavy ? 24 : 1);
    time.after(medianMs * Math.exp(normal(this.#random)), () => this.#leave(node, session));
    this.#walks.walk(node, positions.of(node.did), false, {
      found: () => undefined,
      ended: () => undefined,
    });
    this.#scheduleInstall(node, session);
    this.#publishing.plan(node, POLICY.firstTurnMs);
    time.after(this.#options.maintainMs * (0.5 + this.#random.integer(1_000) / 2_000), () =>
      this.#maintain(node, session),
    );
  }

  /** A rendezvous names three; gossip tells some of those online of it, and it of some of them. */
  #meetSome(node: SimulatedNode): void {
    const { now } = this.time;
    const announced = { ...node.contact, freeBytes: 1, load: 0 };
    for (let i = 0; i < 40 && this.#online.length > 0; i++) {
      const other = this.#online[this.#random.integer(this.#online.length)]!;
      if (i < 3) {
        node.table.heard({ ...other.contact, freeBytes: 1, load: 0 }, now);
        node.reachMs(other, now);
      }
      other.table.heard(announced, now);
    }
  }

  #leave(node: SimulatedNode, session: number): void {
    if (node.session !== session || !node.isOnline) return;
    node.isOnline = false;
    node.onlineMs += this.time.now - node.sinceMs;
    const at = this.#online.indexOf(node);
    const last = this.#online.pop();
    if (last !== undefined && last !== node) this.#online[at] = last;
    const meanMs = this.#options.absenceMs * (node.kind === 'heavy' ? 1 : 1.44);
    this.time.after(exponential(this.#random, meanMs), () => this.#join(node));
  }

  /** Who is gone is forgotten, some are asked whether they are there, a bucket is refreshed. */
  #maintain(node: SimulatedNode, session: number): void {
    if (node.session !== session || !node.isOnline) return;
    const { now } = this.time;
    this.#beats(node);
    node.table.sweep(now);
    node.records.sweep(now);
    const { probe, refresh } = node.table.due(now);
    for (const { did } of probe) {
      const other = this.#byDid.get(did)!;
      this.measures.messages += 1;
      if (other.isOnline) node.table.answered(other.contact, node.roundTripMs(other), now);
      else node.table.failed(did);
    }
    if (refresh.length > 0) {
      const key = positionOfBytes(this.#random.bytes(32))!;
      this.#walks.walk(node, key, false, { found: () => undefined, ended: () => undefined });
    }
    if (node.kind === 'heavy' && this.#options.replicates !== false) this.#replicate(node);
    this.time.after(this.#options.maintainMs, () => this.#maintain(node, session));
  }

  /** Every five minutes each node tells that it is there; who needs to know looks it up here. */
  #beats(node: SimulatedNode): void {
    const { now } = this.time;
    if (now < node.beatsAtMs + 5 * MINUTE_MS) return;
    node.beatsAtMs = now;
    for (const did of node.table.dids())
      if (this.#byDid.get(did)!.isOnline) node.table.beat(did, { freeBytes: 1, load: 0 }, now);
  }

  // ---- lookups

  #answer(
    other: SimulatedNode,
    { key, isSearch }: Question,
    asker: SimulatedNode,
  ): { owners: Owner[]; closer: Contact[] } {
    const { now } = this.time;
    if (other.manner === 'sybil') return this.#answerOfSybil(key);
    const artifact = this.catalogue.byPosition.get(key);
    if (other.manner === 'honest') {
      if (isSearch && artifact !== undefined) other.demand.asked(artifact.keyText, now);
      // Who asks is there; where it can be dialled is its word until it was.
      const known = other.table.get(asker.did);
      if (known !== undefined) other.table.beat(asker.did, known, now);
      else other.table.heard({ ...asker.contact, freeBytes: 0, load: 0 }, now);
    }
    const isHeld = artifact !== undefined && other.held.has(artifact.index);
    const ownOf = (): Owner | undefined => (isHeld ? other.contact : undefined);
    const { records, cache, table } = other;
    return answerLookup({ records, cache, table, ownOf }, { key, asker: asker.did }, now);
  }

  #answerOfSybil(key: Position): { owners: Owner[]; closer: Contact[] } {
    let near = this.#nearAttackers.get(key);
    if (near === undefined) {
      near = nearestTo(key, this.#attackers)
        .slice(0, 16)
        .map(({ contact }) => contact);
      this.#nearAttackers.set(key, near);
    }
    return { owners: near, closer: near };
  }

  // ---- fetching

  #scheduleInstall(node: SimulatedNode, session: number): void {
    const { installsPerHour, perInstall } = this.#options;
    if (node.kind === 'heavy') return;
    this.time.after(exponential(this.#random, HOUR_MS / installsPerHour), () => {
      if (node.session !== session || !node.isOnline) return;
      const count = 1 + Math.floor(exponential(this.#random, perInstall - 0.5));
      const wanted = new Set<Artifact>();
      for (let i = 0; i < count; i++) wanted.add(this.catalogue.draw(this.#random));
      // All of it is looked for at once, as `x source` does with a plan: each walk is its fetch's own.
      this.#driverOf(node).tell({ type: 'planned' });
      for (const artifact of wanted)
        if (!node.held.has(artifact.index)) this.#fetch(node, artifact, true);
      this.#scheduleInstall(node, session);
    });
  }

  #driverOf(node: SimulatedNode): FetchDriver {
    let driver = this.#drivers.get(node.number);
    if (driver === undefined) {
      driver = new FetchDriver(node.selector, this.#surroundingsOf(node));
      this.#drivers.set(node.number, driver);
    }
    return driver;
  }

  #fetch(node: SimulatedNode, artifact: Artifact, isDemand: boolean): void {
    const { measures, time } = this;
    const slot = measures.slot(Math.floor(time.now / this.#options.slotMs));
    const others = [...this.holders[artifact.index]!];
    const isPossible = others.some((number) => this.nodes[number]!.isOnline);
    const known = new Map<string, Owner>();
    const here = node.records.owners(artifact.key, BOUNDS.lookupAnswerOwners, time.now);
    for (const owner of [...here, ...node.cache.owners(artifact.key, time.now)])
      if (owner.did !== node.did && !known.has(owner.did)) known.set(owner.did, owner);
    const official: Provider = { id: 'upstream', origin: 'upstream' };
    const providers = [official, ...[...known.values()].map(providerOf)];
    const { lengthBytes } = artifact;
    if (isDemand) this.demanded.set(artifact.index, (this.demanded.get(artifact.index) ?? 0) + 1);
    const driver = this.#driverOf(node);
    const name = `${node.number} ${driver.next}`;
    this.#pending.set(name, artifact);
    driver.fetch({ lengthBytes, isLengthKnown: true, providers }, (outcome) => {
      this.#pending.delete(name);
      const swarm = outcome.bytes.get('swarm') ?? 0;
      const official = outcome.bytes.get('upstream') ?? 0;
      if (isDemand) {
        measures.fetches += 1;
        slot.fetches += 1;
        if (isPossible) measures.possible += 1;
        if (isPossible) slot.possible += 1;
        if (outcome.isFinished && official === 0) measures.fromSwarm += 1;
        if (outcome.isFinished && official === 0) slot.fromSwarm += 1;
        if (!outcome.isFinished) measures.failed += 1;
        const why = outcome.fellBack;
        if (why !== undefined) measures.fellBack.set(why, (measures.fellBack.get(why) ?? 0) + 1);
        measures.swarmBytes += swarm;
        measures.officialBytes += official;
        measures.fetchMs.push(outcome.tookMs);
      }
      if (!outcome.isFinished) return;
      this.#hold(node, artifact);
    });
  }

  #hold(node: SimulatedNode, { index, key, keyText, lengthBytes }: Artifact): void {
    if (node.held.has(index)) return;
    const held = [...node.held.values()].map((holding) => ({
      sha256: String(holding.index),
      lengthBytes: holding.lengthBytes,
      demand: node.demand.of(this.catalogue.artifacts[holding.index]!.keyText, this.time.now),
      copies: holding.copies,
      isPinned: false,
    }));
    const { quotaBytes } = node;
    if (node.heldBytes + lengthBytes > quotaBytes)
      for (const gone of chooseEvictions(held, { quotaBytes, neededBytes: lengthBytes }))
        this.#drop(node, Number(gone));
    if (node.heldBytes + lengthBytes > quotaBytes) return;
    node.held.set(index, { index, key, keyText, lengthBytes, ...publicationAs(undefined) });
    node.heldBytes += lengthBytes;
    this.holders[index]!.add(node.number);
    this.#publishing.plan(node, POLICY.firstTurnMs);
  }

  #drop(node: SimulatedNode, index: number): void {
    const { keyText } = this.catalogue.artifacts[index]!;
    void node.book.save({ word: node.word, told: [], forgotten: [keyText] });
    node.heldBytes -= node.held.get(index)?.lengthBytes ?? 0;
    node.held.delete(index);
    this.holders[index]!.delete(node.number);
  }

  #replicate(node: SimulatedNode): void {
    const scarce: ScarceArtifact[] = [];
    const { now } = this.time;
    const looks = Math.min(4_000, this.catalogue.artifacts.length);
    for (let i = 0; i < looks; i++) {
      const artifact =
        this.catalogue.artifacts[this.#random.integer(this.catalogue.artifacts.length)]!;
      const copies = node.records.copies(artifact.key, now);
      if (copies === 0 || copies >= POLICY.copiesWanted || node.held.has(artifact.index)) continue;
      const { sha256, lengthBytes, dependents, keyText } = artifact;
      scarce.push({
        sha256,
        lengthBytes,
        dependents,
        copies,
        demand: node.demand.of(keyText, now),
      });
    }
    const freeBytes = Math.max(0, node.quotaBytes - node.heldBytes);
    const chosen = chooseReplicas(
      scarce,
      // Heavy nodes near the key are given its records: so many see the same lack.
      { freeBytes, keepers: 1 + POLICY.heavyReplicas, limit: 20 },
      this.#random,
    );
    for (const sha256 of chosen) {
      const artifact = this.catalogue.bySha256.get(sha256)!;
      this.#fetch(node, artifact, false);
    }
  }

  // ---- what a driver acts in

  #surroundingsOf(node: SimulatedNode): Surroundings {
    const { time } = this;
    return {
      time,
      blamed: () => {
        this.measures.blamed += 1;
      },
      cancelled: (ask) => {
        const name = `${node.number} ${ask}`;
        const { other, id } = this.#askedOf.get(name) ?? {};
        this.#askedOf.delete(name);
        if (other === undefined || id === undefined) return;
        // What has not begun need not be sent.
        if (this.#uploads.delete(`${other.number}<${id}`))
          this.#uploadActions(other, { type: 'withdrawn', peer: node.did, id });
      },
      lookUp: (fetch, found, searched) => {
        const { key } = this.#pendingOf(node, fetch);
        const groups = new Set<string>();
        this.#walks.walk(node, key, true, {
          found: (owners) => {
            for (const { group } of owners) groups.add(group);
            node.cache.add(key, owners, time.now);
            found(owners.map(providerOf));
          },
          ended: (closest) => {
            node.remember(key, { closest, copies: groups.size, atMs: time.now });
            searched();
          },
        } satisfies Told);
      },
      ask: (request, heard, answer) => {
        const artifact = this.#pendingOf(node, request.fetch);
        if (request.provider.id === 'upstream')
          this.#askOfficial(node, request.bytes, heard, answer);
        else this.#askProvider(node, request, artifact, heard, answer);
      },
    };
  }

  #pendingOf(node: SimulatedNode, fetch: number): Artifact {
    return this.#pending.get(`${node.number} ${fetch}`)!;
  }

  /** 40 to 80 ms away, 50 Mbit/s at most, one answer after another. */
  #askOfficial(
    node: SimulatedNode,
    bytes: number,
    heard: (bytes: number) => void,
    answer: (answer: Answer) => void,
  ): void {
    const { time } = this;
    const startMs = Math.max(time.now + 30 + 4 * node.accessMs, node.officialBusyMs);
    const endMs = startMs + bytes / Math.min(6_250, node.downBytesPerMs);
    node.officialBusyMs = endMs;
    this.#deliver(bytes, startMs, endMs, heard, () => answer({ type: 'bytes', content: 'true' }));
  }

  #deliver(
    bytes: number,
    startMs: number,
    endMs: number,
    heard: (bytes: number) => void,
    done: () => void,
  ): void {
    const steps = Math.max(1, Math.ceil((endMs - startMs) / 1_000));
    for (let i = 0; i < steps - 1; i++)
      this.time.at(startMs + 1_000 * i, () => heard(bytes / steps));
    this.time.at(endMs, done);
  }

  #askProvider(
    node: SimulatedNode,
    request: Parameters<Surroundings['ask']>[0],
    artifact: Artifact,
    heard: (bytes: number) => void,
    answer: (answer: Answer) => void,
  ): void {
    const { time } = this;
    const { provider, portion, bytes, root, ask } = request;
    const other = this.#byDid.get(provider.id);
    if (other === undefined) return;
    const tripMs = node.roundTripMs(other);
    if (!other.isOnline) {
      if (other.number % 2 === 0)
        time.after(tripMs, () => answer({ type: 'failed', reason: 'broken' }));
      return;
    }
    const content = other.manner === 'poisoner' ? 'false' : 'true';
    const has = other.manner === 'poisoner' || other.held.has(artifact.index);
    time.after(node.reachMs(other, time.now) + tripMs / 2, () => {
      if (!other.isOnline) return;
      const reply = (what: Answer): void => time.after(tripMs / 2, () => answer(what));
      if (!has) {
        node.cache.drop(artifact.key, other.did);
        node.records.withdraw(artifact.key, other.did);
        return reply({ type: 'failed', reason: 'absent' });
      }
      if (portion.kind === 'tree')
        return reply({ type: 'tree', content, lengthBytes: artifact.lengthBytes });
      if (portion.kind === 'pieces' && root !== content)
        return reply({ type: 'failed', reason: 'other-tree' });
      const id = this.#nextUpload++;
      const begin = (): void => {
        const startMs = Math.max(time.now, other.upBusyMs);
        const rate = Math.min(other.upBytesPerMs, node.downBytesPerMs);
        other.upBusyMs = startMs + bytes / other.upBytesPerMs;
        const endMs = startMs + bytes / rate;
        time.at(other.upBusyMs, () =>
          this.#uploadActions(other, { type: 'sent', peer: node.did, id }),
        );
        this.#deliver(bytes, startMs + tripMs / 2, endMs + tripMs / 2, heard, () => {
          this.#askedOf.delete(name);
          if (!other.isOnline) return;
          other.servedBytes += bytes;
          other.scores.received(node.did, bytes, time.now);
          answer({ type: 'bytes', content });
        });
      };
      this.#uploads.set(`${other.number}<${id}`, begin);
      const name = `${node.number} ${ask}`;
      this.#askedOf.set(name, { other, id });
      const { group } = node.contact;
      this.#uploadActions(other, { type: 'asked', peer: node.did, group, id, bytes });
    });
  }

  #uploadActions(
    other: SimulatedNode,
    event: Parameters<SimulatedNode['slots']['handle']>[0],
  ): void {
    const actions: UploadAction[] = other.slots.handle(event, this.time.now);
    for (const { type, id } of actions) {
      const upload = this.#uploads.get(`${other.number}<${id}`);
      this.#uploads.delete(`${other.number}<${id}`);
      if (type === 'send') upload?.();
    }
  }

  // ---- attacks

  /** Attackers leave records for the most popular artifacts with the nodes nearest to each. */
  #lie(attacker: SimulatedNode): void {
    for (let i = 0; i < 200; i++) {
      const artifact = this.catalogue.artifacts[i]!;
      this.time.after(10 * MINUTE_MS + i * 100, () => {
        let nearest = this.#nearHonest.get(artifact.key);
        if (nearest === undefined) {
          const honest = this.#online.filter(({ manner }) => manner === 'honest');
          nearest = nearestTo(artifact.key, honest).slice(0, POLICY.replicas);
          this.#nearHonest.set(artifact.key, nearest);
        }
        for (const node of nearest) node.records.add(artifact.key, attacker.contact, this.time.now);
      });
    }
  }
}

function nearestTo(key: Position, nodes: readonly SimulatedNode[]): SimulatedNode[] {
  return [...nodes].sort((a, b) => compareDistance(key, positions.of(a.did), positions.of(b.did)));
}

function providerOf({ did, group }: Owner): Provider {
  return { id: did, origin: 'swarm', group };
}
