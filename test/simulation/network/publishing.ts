import { BOUNDS } from '../../../src/domain/bounds.js';
import type { Contact } from '../../../src/network/events.js';
import { NETWORK_POLICY as POLICY } from '../../../src/network/policy.js';
import { duePublications, recordTargets } from '../../../src/network/publishing.js';
import { toRemember } from '../../../src/network/told-earlier.js';
import type { VirtualTime } from '../virtual-time.js';
import type { Measures } from './measures.js';
import type { Holding, SimulatedNode } from './simulated-node.js';
import type { SimulatedWalks } from './walks.js';

export interface PublishingWorld {
  time: VirtualTime;
  measures: Measures;
  walks: SimulatedWalks;
  nodeOf: (did: string) => SimulatedNode | undefined;
  /** Whether it fetches: a turn waits for that, a minute at most. */
  isBusy: (node: SimulatedNode) => boolean;
}

const IDLE_LOOK_MS = 1_000;

/** Turns as `swarm/public/swarm-publisher.ts` has them: walks to what is due, then one message a node. */
export class SimulatedPublishing {
  readonly #world: PublishingWorld;

  constructor(world: PublishingWorld) {
    this.#world = world;
  }

  /** The earliest plan holds. */
  plan(node: SimulatedNode, afterMs: number): void {
    const { time } = this.#world;
    const atMs = time.now + afterMs;
    if (node.turnAtMs <= atMs) return;
    node.turnAtMs = atMs;
    const { session } = node;
    time.at(atMs, () => {
      if (node.session !== session || !node.isOnline || node.turnAtMs !== atMs) return;
      this.#turnWhenIdle(node, time.now + POLICY.publishPauseMs);
    });
  }

  #turnWhenIdle(node: SimulatedNode, endMs: number): void {
    const { time, isBusy } = this.#world;
    const { session } = node;
    if (!isBusy(node) || time.now >= endMs) return this.#turn(node);
    time.after(IDLE_LOOK_MS, () => {
      if (node.session === session && node.isOnline) this.#turnWhenIdle(node, endMs);
    });
  }

  #turn(node: SimulatedNode): void {
    const { time } = this.#world;
    const { session } = node;
    const due = duePublications(node.held.values(), time.now, BOUNDS.recordsPerMessage);
    const parcels = new Map<string, { contact: Contact; holdings: Holding[] }>();
    const tried: Holding[] = [];
    let [next, open] = [0, 0];
    const address = (holding: Holding, closest: readonly Contact[]): void => {
      tried.push(holding);
      for (const contact of recordTargets(node.table, { key: holding.key, closest }, time.now)) {
        const parcel = parcels.get(contact.did) ?? { contact, holdings: [] };
        parcel.holdings.push(holding);
        parcels.set(contact.did, parcel);
      }
    };
    const proceed = (): void => {
      while (next < due.length && open < BOUNDS.parallelWalks) {
        const holding = due[next++]!;
        const ended = endedLately(node, holding, time.now);
        if (ended !== undefined) address(holding, ended);
        else if (node.walkBudget.take(time.now)) {
          open += 1;
          this.#walkTo(node, holding, (closest) => {
            open -= 1;
            address(holding, closest);
            proceed();
          });
        }
      }
      if (open > 0 || node.session !== session) return;
      this.#leave(node, [...parcels.values()], tried);
      // As if it looked each minute: nothing would be due before.
      node.turnAtMs = Infinity;
      const dueMs = nextDueMs(node, due.length > tried.length) - time.now;
      if (dueMs < Infinity) this.plan(node, Math.max(POLICY.publishPauseMs, dueMs));
    };
    proceed();
  }

  #walkTo(
    node: SimulatedNode,
    holding: Holding,
    ended: (closest: readonly Contact[]) => void,
  ): void {
    const groups = new Set<string>();
    this.#world.walks.walk(node, holding.key, false, {
      found: (owners) => owners.forEach(({ group }) => groups.add(group)),
      ended: (closest) => {
        node.remember(holding.key, { closest, copies: groups.size, atMs: this.#world.time.now });
        holding.copies = groups.size + 1;
        ended(closest);
      },
    });
  }

  #leave(
    node: SimulatedNode,
    parcels: readonly { contact: Contact; holdings: Holding[] }[],
    tried: readonly Holding[],
  ): void {
    const { time, measures, nodeOf } = this.#world;
    const taken = new Map<Holding, number>();
    for (const { contact, holdings } of parcels) {
      measures.messages += 1;
      const other = nodeOf(contact.did);
      if (other?.isOnline !== true || other.manner !== 'honest') continue;
      for (const holding of holdings)
        if (other.records.add(holding.key, node.contact, time.now) !== 'refused')
          taken.set(holding, (taken.get(holding) ?? 0) + 1);
    }
    for (const holding of tried) {
      holding.triedAtMs = time.now;
      const takers = taken.get(holding) ?? 0;
      if (takers > 0) Object.assign(holding, { publishedAtMs: time.now, takers, failures: 0 });
      else holding.failures += 1;
    }
    const told = [...taken.keys()].flatMap(
      (holding) => toRemember({ ...holding, providedAtMs: 0 }) ?? [],
    );
    void node.book.save({ word: node.word, told, forgotten: [] });
  }
}

function endedLately(
  node: SimulatedNode,
  holding: Holding,
  now: number,
): readonly Contact[] | undefined {
  const last = node.lastWalks.get(holding.key);
  if (last === undefined || last.atMs + BOUNDS.rememberedWalkMs <= now) return undefined;
  if (last.closest.length === 0 || holding.failures > 0) return undefined;
  holding.copies = last.copies + 1;
  return last.closest;
}

function nextDueMs(node: SimulatedNode, isMoreDue: boolean): number {
  if (isMoreDue) return -Infinity;
  let dueMs = Infinity;
  for (const { publishedAtMs, failures, triedAtMs } of node.held.values()) {
    const pauseMs = POLICY.publishPauseMs * 2 ** Math.min(failures, 20);
    if (failures > 0) dueMs = Math.min(dueMs, triedAtMs + Math.min(POLICY.republishMs, pauseMs));
    else if (publishedAtMs === 0) return -Infinity;
    else dueMs = Math.min(dueMs, publishedAtMs + POLICY.republishMs);
  }
  return dueMs;
}
