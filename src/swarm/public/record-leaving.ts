import { BOUNDS } from '../../domain/bounds.js';
import type { Did } from '../../domain/bundle.js';
import type { Contact } from '../../network/events.js';
import { NETWORK_POLICY as POLICY } from '../../network/policy.js';
import type { Position } from '../../network/position.js';
import { recordTargets, type Publication } from '../../network/publishing.js';
import type { RoutingTable } from '../../network/routing-table.js';
import { TokenBucket } from '../../network/token-bucket.js';
import { inParallel } from '../in-parallel.js';
import type { NodeHost } from './node-host.js';
import type { SwarmFinder } from './swarm-finder.js';
import type { Walks } from './walks.js';

export interface RecordLeavingDeps {
  host: NodeHost;
  table: RoutingTable;
  walks: Walks;
  finder: SwarmFinder;
  /** Milliseconds since 1970 of a clock that never goes back. */
  now: () => number;
  /** The node stops. */
  signal: AbortSignal;
}

/** A node, and what it is given records of. */
interface Parcel {
  contact: Contact;
  publications: Publication[];
}

/** What of a batch goes to which nodes; what is missing has to wait for the next turn. */
interface Batch {
  parcels: Map<Did, Parcel>;
  tried: Publication[];
}

/**
 * Leaves records with the nodes nearest to places, and takes them back: one message a node, whatever it
 * is near to. Walks to places are so many in a minute.
 */
export class RecordLeaving {
  readonly #deps: RecordLeavingDeps;
  readonly #walkBudget: TokenBucket;

  constructor(deps: RecordLeavingDeps) {
    this.#deps = deps;
    const atOnce = BOUNDS.publicationsAtOnce;
    this.#walkBudget = new TokenBucket(
      atOnce,
      (1_000 * atOnce) / POLICY.publishPauseMs,
      deps.now(),
    );
  }

  /** @returns what was tried, and how many nodes took it. */
  async leave(due: readonly Publication[]): Promise<Map<Publication, number>> {
    const { parcels, tried } = await this.#address(due);
    const taken = new Map(tried.map((one) => [one, 0]));
    await inParallel([...parcels.values()], BOUNDS.parallelLeaves, async (parcel) => {
      for (const one of await this.#hand(parcel)) taken.set(one, (taken.get(one) ?? 0) + 1);
    });
    return taken;
  }

  /** Only from those of the nearest that are connected: the others are told nothing, and forget in time. */
  async withdraw(withdrawn: readonly Publication[]): Promise<void> {
    const { host, walks, signal } = this.#deps;
    const parcels = new Map<Did, Parcel>();
    for (const one of withdrawn.slice(0, BOUNDS.recordsPerMessage)) {
      const connected = this.#closestKnown(one.key).filter(
        ({ did }) => host.connectionOf(did) !== undefined,
      );
      pack(parcels, one, connected);
    }
    await inParallel([...parcels.values()], BOUNDS.parallelLeaves, async (parcel) => {
      const keys = parcel.publications.map(({ key }) => key);
      await walks.ask(parcel.contact, { type: 'withdraw', keys }, signal);
    });
  }

  async #address(due: readonly Publication[]): Promise<Batch> {
    const { table, finder, now, signal } = this.#deps;
    const batch: Batch = { parcels: new Map(), tried: [] };
    let isSmall = false;
    await inParallel(due, BOUNDS.parallelWalks, async (one) => {
      if (signal.aborted) return;
      let closest = isSmall ? this.#closestKnown(one.key) : this.#endedLately(one);
      if (closest === undefined) {
        if (!this.#walkBudget.take(now())) return;
        const walked = await finder.walkTo(one.key, signal);
        one.copies = walked.copies + 1;
        closest = walked.closest;
        // Where a walk asked everybody there is, others of this turn would ask the same again.
        const { size } = table;
        isSmall ||= walked.asked > 0 && walked.asked <= size && size <= BOUNDS.bucketNodes;
      }
      batch.tried.push(one);
      pack(batch.parcels, one, recordTargets(table, { key: one.key, closest }, now()));
    });
    return batch;
  }

  #endedLately(one: Publication): readonly Contact[] | undefined {
    const last = this.#deps.finder.lastWalk(one.key);
    if (last === undefined || last.closest.length === 0 || one.failures > 0) return undefined;
    one.copies = last.copies + 1;
    return last.closest;
  }

  #closestKnown(key: Position): Contact[] {
    const { table, now } = this.#deps;
    const nodes = table.closest(key, POLICY.replicas, {
      provenSinceMs: now() - POLICY.provenMs,
      heardSinceMs: now() - POLICY.aliveMs,
      perGroup: BOUNDS.lookupNodesOfGroup,
    });
    return nodes.map(({ did, addresses, group, kind }) => ({ did, addresses, group, kind }));
  }

  /** What of it was taken. */
  async #hand({ contact, publications }: Parcel): Promise<Publication[]> {
    const keys = publications.map(({ key }) => key);
    const { walks, signal } = this.#deps;
    const answer = await walks.ask(contact, { type: 'leave', keys }, signal);
    return answer === undefined ? [] : publications.filter((_, i) => !answer.refused.has(i));
  }
}

function pack(
  parcels: Map<Did, Parcel>,
  publication: Publication,
  targets: readonly Contact[],
): void {
  for (const contact of targets) {
    const parcel = parcels.get(contact.did) ?? { contact, publications: [] };
    parcel.publications.push(publication);
    parcels.set(contact.did, parcel);
  }
}
