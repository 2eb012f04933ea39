// A node in a process of its own, for network namespaces: it does what its argument says and tells
// its parent how it stands, until it is killed.
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openGate } from '../../fixtures/open-gate.js';
import { openStore } from '../../src/store/open-store.js';
import { createSwarm } from '../../src/swarm/swarm.js';
import { seededRandom } from '../simulation/lan.js';
import type { LanNodeOptions, LanNodeState } from './namespaces.js';
import { storeBundle, systemClock } from './nodes.js';

const dialled = new Set<string>();
traceDials();
const folder = await mkdtemp(join(tmpdir(), 'x-lan-'));
process.on('disconnect', () => process.exit(0));
process.on('exit', () => void rm(folder, { recursive: true, force: true }));
const options = JSON.parse(process.argv[2] ?? '{}') as LanNodeOptions;
try {
  await run(options);
} catch (error) {
  process.send?.({ failed: error instanceof Error ? error.stack : String(error) });
}

async function run({
  seed,
  manifest,
  holds,
  masters = [],
  ...more
}: LanNodeOptions): Promise<void> {
  const open = await openStore({ folder });
  const { peers = [], interfaces = [], mdns = true } = more;
  const swarm = createSwarm({
    identity: { seed: new Uint8Array(32).fill(seed) },
    store: open.store,
    catalog: open.catalog,
    gate: openGate,
    clock: systemClock,
    random: seededRandom(seed),
    options: { listenPort: 8471, mdns, peers, interfaces },
  });
  if (holds !== undefined) await storeBundle(open.store, holds);
  const { did, addresses } = await swarm.start();
  const paths = new Set(manifest.entries.map(({ path }) => path));
  const share = await swarm.share(manifest, {
    masters,
    paths: holds === undefined ? paths : undefined,
  });
  setInterval(() => {
    void state().then((now) => process.send?.(now));
  }, 100);

  async function state(): Promise<LanNodeState> {
    return {
      did,
      addresses,
      peers: swarm.peers(),
      heldBytes: share.heldBytes(),
      isComplete: share.missing().length === 0,
      dialled: [...dialled],
      connections: await established(),
    };
  }
}

/** Notes what the system is asked to connect to, whoever asks. */
function traceDials(): void {
  const connect = Reflect.get(Socket.prototype, 'connect') as (...args: unknown[]) => Socket;
  Reflect.set(Socket.prototype, 'connect', function (this: Socket, ...args: unknown[]): Socket {
    const [first] = args.flat() as ({ host?: string } | undefined)[];
    if (first?.host !== undefined) dialled.add(first.host);
    return connect.apply(this, args);
  });
}

/** Lines of /proc/net/tcp whose state is 01. */
async function established(): Promise<number> {
  let count = 0;
  for (const table of ['tcp', 'tcp6']) {
    const lines = (await readFile(`/proc/self/net/${table}`, 'utf8')).trim().split('\n').slice(1);
    count += lines.filter((line) => line.trim().split(/\s+/)[3] === '01').length;
  }
  return count;
}
