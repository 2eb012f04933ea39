import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Did } from '../../../src/domain/bundle.js';
import { sha512 as sha512Of, type Digests } from '../../../src/domain/digest.js';
import { Scores } from '../../../src/network/scores.js';
import { groupOfMultiaddr } from '../../../src/network/address-group.js';
import type { Owner } from '../../../src/network/events.js';
import type { PublicArtifact, PublicArtifacts } from '../../../src/ports/public-artifacts.js';
import type { RateLimit } from '../../../src/ports/rate-limit.js';
import { openStore, type OpenStore } from '../../../src/store/open-store.js';
import {
  ArtifactFetching,
  type ArtifactFetchingDeps,
} from '../../../src/swarm/public/artifact-fetching.js';
import { ArtifactServer } from '../../../src/swarm/public/artifact-server.js';
import type { Finder } from '../../../src/swarm/public/finder.js';
import { seededRandom } from '../../simulation/lan.js';
import { systemClock } from '../nodes.js';
import { LoopbackHost } from './loopback-host.js';

export const NETWORK = 'test';
const STARTED_MS = Date.now() - performance.now();
const now = (): number => STARTED_MS + performance.now();

/** As a record names it. */
export function ownerOf(host: LoopbackHost): Owner {
  const [address = ''] = host.addresses();
  return { did: host.did, addresses: host.addresses(), group: groupOfMultiaddr(address) ?? '' };
}

/** What is public is written down by hand. */
export class ListedArtifacts implements PublicArtifacts {
  readonly #open: Pick<OpenStore, 'store' | 'marked'>;
  readonly listed = new Set<string>();

  constructor(open: Pick<OpenStore, 'store' | 'marked'>) {
    this.#open = open;
  }

  find({ sha256, sha512 }: Digests): PublicArtifact | undefined {
    for (const blobs of [this.#open.store, this.#open.marked]) {
      const blob = sha256 === undefined ? blobs.findBySha512(sha512 ?? '') : blobs.stat(sha256);
      if (blob !== undefined && this.listed.has(blob.sha256)) return { digests: blob, blob, blobs };
    }
    return undefined;
  }

  *all(): Generator<PublicArtifact> {
    for (const sha256 of this.listed) {
      const found = this.find({ sha256 });
      if (found !== undefined) yield found;
    }
  }

  watch(): () => void {
    return () => undefined;
  }
}

/** Knows whom it is told of, at once or when somebody looks. */
export class ListFinder implements Finder {
  readonly forgotten: string[] = [];
  owners: Owner[] = [];
  found: Owner[] = [];
  finds = 0;
  /** Resolves when a search ends. */
  until: Promise<void> = Promise.resolve();

  known(): Owner[] {
    return this.owners;
  }

  async find(_: Digests, onFound: (owners: readonly Owner[]) => void): Promise<void> {
    this.finds += 1;
    if (this.found.length > 0) onFound(this.found);
    await this.until;
  }

  async expect(): Promise<void> {}

  forget(_: Digests, did: Did): void {
    this.forgotten.push(did);
  }
}

export interface Holder {
  host: LoopbackHost;
  open: OpenStore;
  folder: string;
  artifacts: ListedArtifacts;
  scores: Scores;
  server: ArtifactServer;
  /** Stores bytes and lists them as public. */
  hold(bytes: Uint8Array): Promise<Digests>;
  stop(): Promise<void>;
}

/** A node that serves what it lists. */
export async function startHolder(
  seed: number,
  options: { network?: string; slots?: number; upload?: RateLimit } = {},
): Promise<Holder> {
  const { host, open, folder, stop } = await startPlace(seed);
  const artifacts = new ListedArtifacts(open);
  const scores = new Scores();
  const { network = NETWORK, slots, upload } = options;
  const server = new ArtifactServer({
    host,
    network,
    artifacts,
    scores,
    now,
    upload,
    ...(slots === undefined ? {} : { slots }),
  });
  await server.start();
  const hold = async (bytes: Uint8Array): Promise<Digests> => {
    const { sha256, sha512 } = await open.store.putBytes(bytes, { sha512: sha512Of(bytes) });
    artifacts.listed.add(sha256);
    return { sha256, sha512 };
  };
  return { host, open, folder, artifacts, scores, server, hold, stop };
}

export interface Seeker {
  host: LoopbackHost;
  open: OpenStore;
  folder: string;
  finder: ListFinder;
  scores: Scores;
  fetching: ArtifactFetching;
  stop(): Promise<void>;
}

/** A node that fetches. */
export async function startSeeker(
  seed: number,
  options: Partial<ArtifactFetchingDeps> = {},
): Promise<Seeker> {
  const { host, open, folder, stop } = await startPlace(seed);
  const finder = new ListFinder();
  const scores = new Scores();
  const fetching = new ArtifactFetching({
    host,
    network: NETWORK,
    finder,
    scores,
    nodeOf: () => undefined,
    isAlone: () => false,
    store: open.store,
    clock: systemClock,
    now,
    random: seededRandom(seed),
    ...options,
  });
  return {
    host,
    open,
    folder,
    finder,
    scores,
    fetching,
    stop: async () => {
      fetching.stop();
      await stop();
    },
  };
}

async function startPlace(
  seed: number,
): Promise<{ host: LoopbackHost; open: OpenStore; folder: string; stop: () => Promise<void> }> {
  const folder = await mkdtemp(join(tmpdir(), 'x-artifacts-'));
  const open = await openStore({ folder });
  const host = await LoopbackHost.start(seed);
  return {
    host,
    open,
    folder,
    stop: async () => {
      await host.stop();
      await open.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
}
