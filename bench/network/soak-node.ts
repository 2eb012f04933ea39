// One node of the soak, in a process and a network namespace of its own: it serves, looks for and
// fetches artifacts, and tells its parent what it holds in memory and handles, until it is told to stop.
import { readFile, readdir } from 'node:fs/promises';
import { setTimeout as wait } from 'node:timers/promises';
import { openStore } from '../../src/store/open-store.js';
import { ArtifactFetching } from '../../src/swarm/public/artifact-fetching.js';
import { ArtifactServer } from '../../src/swarm/public/artifact-server.js';
import { Finding } from '../../src/swarm/public/finding.js';
import { SwarmNode } from '../../src/swarm/public/swarm-node.js';
import { systemClock } from '../../src/platform/clock.js';
import { identityFromSeed } from '../../src/trust/identity.js';
import { noise } from '../../test/swarm/nodes.js';
import { seededRandom } from '../../test/simulation/virtual-time.js';
import type { SoakArtifact, SoakNodeOptions, SoakReport } from './soak.js';

const options = JSON.parse(process.argv[2] ?? '{}') as SoakNodeOptions;
const stop = new AbortController();
process.on('disconnect', () => process.exit(0));
process.on('message', () => stop.abort());

const tally = { brought: 0, missed: 0 };
const catalogue = JSON.parse(await readFile(options.catalogue, 'utf8')) as SoakArtifact[];
const random = seededRandom(options.seed);
const data = await openStore({ folder: options.folder });
const { store, publicArtifacts: artifacts, nodeBook: book } = data;

for (const seed of options.holds) {
  const { sha256, lengthBytes } = catalogue[seed] ?? fail(`no artifact ${seed}`);
  if (store.stat(sha256) === undefined) await store.putBytes(noise(lengthBytes, seed + 1));
  await artifacts.note({ sha256 });
}

const node = await SwarmNode.start({
  identity: identityFromSeed(new Uint8Array(32).fill(options.number)),
  book,
  clock: systemClock,
  random,
  state: () => ({ kind: options.kind, freeBytes: 2 ** 30, load: 0 }),
  warn: () => undefined,
  options: {
    network: 'soak',
    listenPort: 8471,
    listenHosts: [options.ip],
    peers: options.peers,
    mdns: false,
    rendezvous: undefined,
  },
});
const common = { ...node.parts, artifacts, random };
const finding = await Finding.start({ ...common, directory: node.dhts, turnMs: 20_000 });
node.refreshWith((bits) => finding.refresh(bits));
await new ArtifactServer(common).start();
const fetching = new ArtifactFetching({
  host: node.host,
  network: node.network,
  finder: finding.finder,
  scores: node.scores,
  nodeOf: (did) => node.table.get(did),
  isAlone: () => node.table.size === 0,
  store,
  clock: systemClock,
  now: node.now,
  random,
  onStored: (blob) => void artifacts.note(blob),
});
finding.publisher.start();
setInterval(() => void report(), options.reportMs).unref();
await work();
fetching.stop();
await finding.stop();
await node.stop();
await data.close();
process.exit(0);

/** Fetches what it does not have, and lets go of what it got, so that there is always something to fetch. */
async function work(): Promise<void> {
  const kept: string[] = [];
  const own = new Set(options.holds.map((seed) => catalogue[seed]?.sha256));
  while (!stop.signal.aborted) {
    await wait(options.pauseMs / 2 + random.integer(options.pauseMs), undefined, {
      signal: stop.signal,
    }).catch(() => undefined);
    const artifact = catalogue[random.integer(catalogue.length)] ?? fail('no artifacts');
    if (own.has(artifact.sha256) || store.stat(artifact.sha256) !== undefined) continue;
    const { sha256, lengthBytes } = artifact;
    const wanted = { digests: { sha256 }, sizeBytes: lengthBytes };
    const limit = AbortSignal.any([stop.signal, AbortSignal.timeout(30_000)]);
    const isHere = await fetching.seek(wanted, limit).catch(() => false);
    if (isHere && store.stat(sha256)?.lengthBytes === lengthBytes) {
      tally.brought += 1;
      kept.push(sha256);
    } else tally.missed += 1;
    if (kept.length > options.keeps) await store.remove(kept.shift() ?? '');
  }
}

async function report(): Promise<void> {
  const { gc } = globalThis;
  gc?.();
  await wait(100);
  gc?.();
  const { rss, heapUsed, external } = process.memoryUsage();
  const told: SoakReport = {
    rss,
    heapUsed,
    external,
    handles: process.getActiveResourcesInfo().filter((name) => name !== 'Timeout').length,
    files: (await readdir('/proc/self/fd')).length,
    connections: node.host.connections().length,
    known: node.table.size,
    records: finding.records.size,
    published: finding.publisher.counts.published,
    ...tally,
  };
  process.send?.(told);
}

function fail(message: string): never {
  throw new Error(message);
}
