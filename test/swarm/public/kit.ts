import type { Digests } from '../../../src/domain/digest.js';
import { sha256, sha512 } from '../../../src/domain/digest.js';
import type { NodeKind } from '../../../src/domain/network-node.js';
import type { Owner } from '../../../src/network/events.js';
import { NodePositions } from '../../../src/network/position.js';
import { RoutingTable } from '../../../src/network/routing-table.js';
import type { PublicArtifact, PublicArtifacts } from '../../../src/ports/public-artifacts.js';
import type { ToldBook } from '../../../src/ports/told-book.js';
import { Finding } from '../../../src/swarm/public/finding.js';
import type { ProviderDirectory } from '../../../src/swarm/public/provider-directory.js';
import { seededRandom } from '../../simulation/virtual-time.js';
import { LoopbackHost } from './loopback-host.js';

export const NETWORK = 'test';

/** What a node holds, told by hand. */
export class HeldArtifacts implements PublicArtifacts {
  readonly #held = new Map<string, PublicArtifact>();
  readonly #listeners = new Set<Parameters<PublicArtifacts['watch']>[0]>();

  add(...all: Digests[]): void {
    for (const digests of all)
      this.#held.set(digests.sha256!, { digests } as unknown as PublicArtifact);
    for (const listener of this.#listeners) listener({ gained: all, lost: [] });
  }

  remove(...all: Digests[]): void {
    for (const { sha256: name } of all) this.#held.delete(name!);
    for (const listener of this.#listeners) listener({ gained: [], lost: all });
  }

  /** As add, and nobody is told. */
  withhold({ sha256: name }: Digests): void {
    this.#held.delete(name!);
  }

  find(digests: Digests): PublicArtifact | undefined {
    if (digests.sha256 !== undefined) return this.#held.get(digests.sha256);
    return [...this.#held.values()].find((one) => one.digests.sha512 === digests.sha512);
  }

  all(): Iterable<PublicArtifact> {
    return this.#held.values();
  }

  watch(listener: Parameters<PublicArtifacts['watch']>[0]): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }
}

export interface FindingNode extends Pick<
  Finding,
  'records' | 'cache' | 'demand' | 'client' | 'walks' | 'finder' | 'publisher' | 'server'
> {
  host: LoopbackHost;
  table: RoutingTable;
  artifacts: HeldArtifacts;
  stop(): Promise<void>;
}

export interface FindingOptions {
  network?: string;
  kind?: NodeKind;
  directory?: ProviderDirectory;
  turnMs?: number;
  now?: () => number;
  isBusy?: () => boolean;
  toldBook?: ToldBook;
  warn?: (message: string) => void;
  settleMs?: number;
  /** Of its address; by default another each time. */
  port?: number;
}

/** A node that finds and tells, over real connections on loopback. */
export async function startFinding(
  number: number,
  options: FindingOptions = {},
): Promise<FindingNode> {
  const { network = NETWORK, kind = 'light', directory, turnMs = 600_000 } = options;
  const now = options.now ?? ((): number => performance.timeOrigin + performance.now());
  const host = await LoopbackHost.start(number, number, options.port);
  const positions = new NodePositions(network);
  const table = new RoutingTable(host.did, positions);
  const artifacts = new HeldArtifacts();
  const random = seededRandom(number);
  const own = { network, kind, host, table, positions, directory, artifacts, random, now, turnMs };
  const { isBusy, toldBook, warn, settleMs } = options;
  const finding = await Finding.start({ ...own, isBusy, toldBook, warn, settleMs });
  const { records, cache, demand, client, walks, finder, publisher, server } = finding;
  return {
    ...{ host, table, artifacts, records, cache, demand },
    ...{ client, walks, finder, publisher, server },
    stop: async () => {
      await finding.stop();
      await host.stop();
    },
  };
}

/** One is told of the other, as gossip would. */
export function introduce(to: FindingNode, who: Pick<FindingNode, 'host'>): void {
  const { did } = who.host;
  const addresses = who.host.addresses();
  const group = /\/ip4\/([\d.]+)\//.exec(addresses[0] ?? '')?.[1] ?? '';
  to.table.heard({ did, addresses, group, kind: 'light', freeBytes: 0, load: 0 }, Date.now());
}

export function digestsOf(name: string): Digests {
  return { sha256: sha256(name), sha512: sha512(name) };
}

export async function findAll(node: FindingNode, digests: Digests): Promise<Owner[]> {
  const found: Owner[] = [];
  await node.finder.find(digests, (owners) => found.push(...owners), AbortSignal.timeout(30_000));
  return found;
}
