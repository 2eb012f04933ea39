import { groupOfMultiaddr } from '../../network/address-group.js';
import type { Owner } from '../../network/events.js';
import { OwnerCache } from '../../network/owner-cache.js';
import { ProviderRecords } from '../../network/records.js';
import { Demand } from '../../network/retention.js';
import type { RoutingTable } from '../../network/routing-table.js';
import type { NodePositions, Position } from '../../network/position.js';
import type { NodeKind } from '../../domain/network-node.js';
import type { PublicArtifacts } from '../../ports/public-artifacts.js';
import type { Random } from '../../ports/random.js';
import type { ToldBook } from '../../ports/told-book.js';
import { LookupClient } from './lookup-client.js';
import { LookupServer } from './lookup-server.js';
import type { NodeHost } from './node-host.js';
import type { ProviderDirectory } from './provider-directory.js';
import { SwarmFinder } from './swarm-finder.js';
import { SwarmPublisher } from './swarm-publisher.js';
import { ToldMemory } from './told-memory.js';
import { Walks } from './walks.js';

const SWEEP_EVERY_MS = 10 * 60_000;

/** As others are told of it: who asks is connected with it, and needs no address where it states none. */
function ownerAt(host: NodeHost): Owner {
  const addresses = host.addresses();
  return { did: host.did, addresses, group: groupOfMultiaddr(addresses[0] ?? '') ?? '' };
}

export interface FindingDeps {
  network: string;
  kind: NodeKind;
  host: NodeHost;
  table: RoutingTable;
  positions: NodePositions;
  directory?: ProviderDirectory | undefined;
  artifacts: Pick<PublicArtifacts, 'find' | 'all' | 'watch'>;
  /** Undefined: all is told anew in the next life. */
  toldBook?: ToldBook | undefined;
  warn?: ((message: string) => void) | undefined;
  random: Random;
  /** Milliseconds since 1970 of a clock that never goes back. */
  now: () => number;
  /** Whether this machine fetches: what comes is told of when it is done, or a minute later. */
  isBusy?: (() => boolean) | undefined;
  /** Between the turns of publishing; for tests. */
  turnMs?: number | undefined;
  /** Until its addresses are taken to be settled; for tests. */
  settleMs?: number | undefined;
}

/** Who has what: this node asks others, answers them, and tells of what it holds. */
export class Finding {
  readonly records = new ProviderRecords();
  readonly cache = new OwnerCache();
  readonly demand = new Demand();
  readonly client: LookupClient;
  readonly walks: Walks;
  readonly finder: SwarmFinder;
  readonly publisher: SwarmPublisher;
  readonly server: LookupServer;
  readonly #stopped = new AbortController();
  readonly #timer: NodeJS.Timeout;

  private constructor(deps: FindingDeps) {
    const { network, kind, host, table, positions, directory, artifacts, random, now } = deps;
    const { records, cache, demand } = this;
    const word = () => ({ addresses: host.addresses(), kind });
    this.client = new LookupClient(network, word, (did) => table.get(did)?.addresses ?? []);
    const walks = new Walks({ host, client: this.client, table, positions, now });
    this.walks = walks;
    const common = { network, walks, directory, now };
    this.finder = new SwarmFinder({
      ...common,
      did: host.did,
      positions,
      records,
      cache,
      random,
    });
    this.publisher = new SwarmPublisher({
      ...common,
      host,
      table,
      finder: this.finder,
      artifacts,
      memory: new ToldMemory({
        book: deps.toldBook,
        own: { network, did: host.did, kind },
        addresses: () => host.addresses(),
        now,
        warn: deps.warn ?? (() => undefined),
        settleMs: deps.settleMs,
      }),
      turnMs: deps.turnMs,
      isBusy: deps.isBusy,
    });
    const ownOf = (key: Position): Owner | undefined =>
      this.publisher.isHeld(key) ? ownerAt(host) : undefined;
    this.server = new LookupServer({ network, kind, table, records, cache, demand, ownOf, now });
    this.#timer = setInterval(() => records.sweep(now()), SWEEP_EVERY_MS).unref();
  }

  /** Answers from now on; `publisher.start()` begins to tell of what is held. */
  static async start(deps: FindingDeps): Promise<Finding> {
    const finding = new Finding(deps);
    await finding.server.start(deps.host);
    return finding;
  }

  /** Fills the table (@see PublicSwarm.refreshWith). */
  async refresh(bits: number): Promise<void> {
    await this.finder.refresh(bits, this.#stopped.signal);
  }

  async stop(): Promise<void> {
    clearInterval(this.#timer);
    this.#stopped.abort(new Error('the node stops'));
    await this.publisher.stop();
  }
}
