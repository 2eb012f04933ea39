import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { openGate } from '../../fixtures/open-gate.js';
import type { BundleEntry, Manifest } from '../../src/domain/bundle.js';
import { sha256 } from '../../src/domain/digest.js';
import type { Clock } from '../../src/ports/clock.js';
import type { Gate } from '../../src/ports/gate.js';
import type { Store } from '../../src/ports/store.js';
import type { PullEvent, Share, ShareRequest, Swarm } from '../../src/ports/swarm.js';
import { openStore, type OpenStore } from '../../src/store/open-store.js';
import { createSwarm, type SwarmOptions } from '../../src/swarm/swarm.js';
import { seededRandom } from '../simulation/lan.js';

export const systemClock: Clock = {
  now: () => new Date(),
  monotonicMs: () => performance.now(),
  sleep: async (ms, signal) => {
    await wait(ms, undefined, signal === undefined ? {} : { signal });
  },
};

export interface TestNode {
  swarm: Swarm;
  open: OpenStore;
  folder: string;
  did: string;
  /** The loopback multiaddr of this process. */
  address: string;
  port: number;
  stop(): Promise<void>;
}

/** A node on loopback with a real store in a temporary folder, or in the given one. */
export async function startNode(
  seed: number,
  {
    gate = openGate,
    ...options
  }: Partial<SwarmOptions> & {
    folder?: string;
    serve?: (store: Store) => Store;
    gate?: Gate;
  } = {},
): Promise<TestNode> {
  const folder = options.folder ?? (await mkdtemp(join(tmpdir(), 'x-swarm-')));
  const open = await openStore({ folder });
  const swarm = createSwarm({
    identity: { seed: new Uint8Array(32).fill(seed) },
    store: options.serve?.(open.store) ?? open.store,
    catalog: open.catalog,
    gate,
    clock: systemClock,
    random: seededRandom(seed),
    options: { listenPort: 0, listenHosts: ['127.0.0.1'], mdns: false, peers: [], ...options },
  });
  const { did, addresses } = await swarm.start();
  const address = addresses[0]!;
  return {
    swarm,
    open,
    folder,
    did,
    address,
    port: Number(/\/tcp\/(\d+)/.exec(address)?.[1]),
    stop: async () => {
      await swarm.stop();
      await open.close();
      if (options.folder === undefined) await rm(folder, { recursive: true, force: true });
    },
  };
}

/** Bytes that nothing compresses, the same for the same seed. */
export function noise(lengthBytes: number, seed: number): Uint8Array {
  const words = new Uint32Array(Math.ceil(lengthBytes / 4));
  let state = (seed * 2_654_435_761 + 1) >>> 0;
  for (let i = 0; i < words.length; i++) {
    state ^= state << 13;
    state >>>= 0;
    state ^= state >>> 17;
    state ^= state << 5;
    state >>>= 0;
    words[i] = state;
  }
  return new Uint8Array(words.buffer, 0, lengthBytes);
}

/** Stores artifacts of these lengths and describes them as a bundle. */
export async function storeBundle(
  store: Store,
  lengths: readonly number[],
  name = 'demo',
): Promise<Manifest> {
  const entries: BundleEntry[] = [];
  for (const [i, lengthBytes] of lengths.entries()) {
    const blob = await store.putBytes(noise(lengthBytes, i + 1));
    entries.push({
      path: `pypi/demo/${String(i).padStart(6, '0')}.whl`,
      lengthBytes,
      sha256: blob.sha256,
      sha512: blob.sha512,
      pieceRoot: blob.pieceRoot,
      kind: 'package',
      ecosystem: 'pypi',
      name: 'demo',
      version: '1.0',
      proof: 'index-hash',
      requires: [],
      targets: [],
      private: false,
    });
  }
  return {
    bundle: name,
    source: 'did:key:z6MkTest',
    version: 1,
    digest: sha256(`${name} ${lengths.join()}`),
    signedAt: '2026-01-01T00:00:00Z',
    expiresAt: '2036-01-01T00:00:00Z',
    graceDays: 270,
    entries,
  };
}

export interface Pull {
  share: Share;
  fromMaster: number;
  fromSiblings: number;
  events: PullEvent[];
}

/** Begins to pull and counts who the bytes come from. */
export async function pull(
  node: TestNode,
  manifest: Manifest,
  request: Omit<ShareRequest, 'onEvent'>,
): Promise<Pull> {
  const result: Pull = {
    share: undefined as unknown as Share,
    fromMaster: 0,
    fromSiblings: 0,
    events: [],
  };
  result.share = await node.swarm.share(manifest, {
    ...request,
    onEvent: (event) => {
      if (event.event === 'held') {
        result.fromMaster = event.fromMaster;
        result.fromSiblings = event.fromSiblings;
      } else result.events.push(event);
    },
  });
  return result;
}

export function siblingShare({ fromMaster, fromSiblings }: Pull): number {
  return fromSiblings / (fromMaster + fromSiblings);
}
