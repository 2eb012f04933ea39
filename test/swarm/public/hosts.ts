import type { TestContext } from 'node:test';
import type { Did } from '../../../src/domain/bundle.js';
import type { NetworkNode, NodeKind, ScoreRow } from '../../../src/domain/network-node.js';
import type { Clock } from '../../../src/ports/clock.js';
import type { NodeBook } from '../../../src/ports/node-book.js';
import { Neighbourhood } from '../../../src/swarm/interfaces.js';
import { PublicHost } from '../../../src/swarm/public/public-host.js';
import { Finding } from '../../../src/swarm/public/finding.js';
import type { Hint } from '../../../src/network/seen-versions.js';
import { SwarmNode, type SwarmNodeOptions } from '../../../src/swarm/public/swarm-node.js';
import { identityFromSeed } from '../../../src/trust/identity.js';
import { seededRandom } from '../../simulation/lan.js';
import { systemClock } from '../nodes.js';
import { HeldArtifacts } from './kit.js';

/** Loopback as if it were a link with many machines: each host has an address of its own on it. */
export function loopbackLink(): Neighbourhood {
  return new Neighbourhood(
    [
      {
        name: 'link0',
        isLoopback: false,
        isVirtual: false,
        addresses: [{ ip: '127.0.0.1', cidr: '127.0.0.0/8' }],
      },
    ],
    [],
  );
}

export function seedOf(number: number): Uint8Array {
  const seed = new Uint8Array(32).fill(7);
  seed[0] = number & 255;
  seed[1] = number >> 8;
  return seed;
}

/** A host at 127.0.0.`number`, stopped when the test ends. */
export async function startHost(
  t: TestContext,
  number: number,
  {
    network = 'test',
    surroundings = loopbackLink,
  }: { network?: string; surroundings?: () => Neighbourhood } = {},
): Promise<PublicHost> {
  const host = await PublicHost.start(
    { seed: seedOf(number), listenPort: 0, listenHosts: [`127.0.0.${number}`], network },
    { surroundings, clock: systemClock },
  );
  t.after(() => host.stop());
  return host;
}

/** Looks again and again; how long that takes decides nothing. */
export async function until(what: string, isSo: () => boolean, limitMs = 240_000): Promise<void> {
  const endMs = Date.now() + limitMs;
  while (!isSo()) {
    if (Date.now() > endMs) throw new Error(`not in time: ${what}`);
    await systemClock.sleep(20);
  }
}

/** What is written down goes nowhere else. */
export class MemoryNodeBook implements NodeBook {
  readonly #nodes = new Map<string, NetworkNode>();
  readonly #scores = new Map<string, ScoreRow>();

  nodes(sinceMs: number): NetworkNode[] {
    return [...this.#nodes.values()].filter(({ heardAtMs }) => heardAtMs >= sinceMs);
  }

  scores(): ScoreRow[] {
    return [...this.#scores.values()];
  }

  save({ nodes, scores, forgottenScores }: Parameters<NodeBook['save']>[0]): Promise<void> {
    for (const node of nodes) this.#nodes.set(node.did, node);
    for (const row of scores) this.#scores.set(row.did, row);
    for (const did of forgottenScores) this.#scores.delete(did);
    return Promise.resolve();
  }
}

export interface NodeOptions extends Partial<SwarmNodeOptions> {
  kind?: NodeKind;
  book?: NodeBook;
  onHint?: (hint: Hint, author: Did) => void;
  clock?: Clock;
  surroundings?: () => Neighbourhood;
}

/** A whole node at 127.0.0.`number`, stopped when the test ends. */
export async function startNode(
  t: TestContext,
  number: number,
  {
    kind = 'light',
    book = new MemoryNodeBook(),
    onHint,
    clock = systemClock,
    surroundings = loopbackLink,
    ...options
  }: NodeOptions = {},
): Promise<SwarmNode> {
  const swarm = await SwarmNode.start({
    identity: identityFromSeed(seedOf(number)),
    book,
    clock,
    random: seededRandom(number),
    state: () => ({ kind, freeBytes: number * 1_000, load: 0 }),
    warn: () => undefined,
    onHint,
    surroundings,
    options: {
      network: 'test',
      listenPort: 0,
      listenHosts: [`127.0.0.${number}`],
      peers: [],
      mdns: false,
      rendezvous: undefined,
      ...options,
    },
  });
  const { dhts: directory } = swarm;
  const [artifacts, random] = [new HeldArtifacts(), seededRandom(number)];
  const finding = await Finding.start({ ...swarm.parts, directory, artifacts, random });
  swarm.refreshWith((bits) => finding.refresh(bits));
  t.after(async () => {
    await finding.stop();
    await swarm.stop();
  });
  return swarm;
}

/** Nodes, each of which was named the first one. */
export async function startNodes(
  t: TestContext,
  count: number,
  options: NodeOptions = {},
): Promise<SwarmNode[]> {
  const first = await startNode(t, 1, options);
  const others = Array.from({ length: count - 1 }, (_, i) =>
    startNode(t, i + 2, { ...options, peers: first.host.addresses() }),
  );
  return [first, ...(await Promise.all(others))];
}
