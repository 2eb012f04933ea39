import type { Settings } from '../config/settings.js';
import { XError } from '../domain/errors.js';
import type { NodeKind } from '../domain/network-node.js';
import { isNetworkName } from '../network/announcements.js';
import { NETWORK_POLICY } from '../network/policy.js';
import { systemClock } from '../platform/clock.js';
import { systemRandom } from '../platform/random.js';
import type { SeenIndexes, TrustedIndexes } from '../ports/seen-indexes.js';
import { ArtifactFetching } from '../swarm/public/artifact-fetching.js';
import { ArtifactServer } from '../swarm/public/artifact-server.js';
import { Finding } from '../swarm/public/finding.js';
import { IndexClient } from '../swarm/public/index-client.js';
import { IndexServer } from '../swarm/public/index-server.js';
import { SwarmNode, type SwarmNodeDeps } from '../swarm/public/swarm-node.js';
import type { Identity } from '../trust/identity.js';
import type { NetworkWish } from './network-flags.js';
import type { DataFolder } from './open-data.js';
import { trustedForIndexes } from './trusted-for-indexes.js';
import type { Limits } from './rates.js';

export interface JoinNetworkInput {
  settings: Settings;
  wish: NetworkWish;
  data: DataFolder;
  identity: Identity;
  kind: NodeKind;
  /** @see SwarmNodeOptions.isGuest */
  isGuest?: boolean;
  /** Of the quota, as it is now. */
  freeBytes: () => number;
  limits: Limits;
  warn: (message: string) => void;
  onHint?: SwarmNodeDeps['onHint'];
  indexes?: IndexSharing | undefined;
}

export interface IndexSharing {
  /** What this process reads is noted there. */
  seen: SeenIndexes;
  /** Whether it is shown to others; undefined: once this node has been there for long. */
  serve: boolean | undefined;
}

/** This process as a member of the public swarm: it finds, tells, serves and fetches. */
export interface JoinedNetwork {
  node: SwarmNode;
  finding: Finding;
  fetching: ArtifactFetching;
  /** What those have seen who are trusted for indexes. */
  trusted: TrustedIndexes;
  /** Says that it leaves, and ends within seconds. */
  leave(): Promise<void>;
}

/**
 * Joins the public swarm. A port that is taken is replaced by a free one, with a warning.
 * @throws XError USAGE where the network's name or a peer's address is none; IO_FAILED.
 */
export async function joinNetwork(input: JoinNetworkInput): Promise<JoinedNetwork> {
  const { data, warn } = input;
  checkName(input.wish.network);
  const parts = { busy: (): number => 0, fetches: (): number => 0 };
  const node = await startNode(input, () => parts.busy());
  const closers: (() => Promise<void> | void)[] = [() => node.stop()];
  const leave = async (): Promise<void> => {
    for (const close of closers.splice(0).reverse()) await close();
  };
  try {
    const { network, host, scores, now, table } = node;
    const { publicArtifacts: artifacts, store, toldBook } = data;
    const common = { ...node.parts, artifacts, random: systemRandom };
    const isBusy = (): boolean => parts.fetches() > 0;
    const told = { toldBook, directory: node.dhts, isBusy, warn };
    const finding = await Finding.start({ ...common, ...told });
    closers.push(() => finding.stop());
    node.refreshWith((bits) => finding.refresh(bits));
    const server = new ArtifactServer({ ...common, upload: input.limits.up });
    await server.start();
    parts.busy = () => server.load;
    const fetching = new ArtifactFetching({
      host,
      network,
      finder: finding.finder,
      scores,
      nodeOf: (did) => table.get(did),
      // Whom the table names may be long gone.
      isAlone: () => host.connections().length === 0,
      store,
      clock: systemClock,
      download: input.limits.down,
      now,
      random: systemRandom,
      onBlamed: (did) => void table.remove(did),
      onStored: (blob) => void artifacts.note(blob).catch((error: unknown) => warn(String(error))),
    });
    parts.fetches = () => fetching.size;
    closers.push(() => fetching.stop());
    finding.publisher.start();
    const trusted = await shareIndexes(node, input);
    return { node, finding, fetching, trusted, leave };
  } catch (error) {
    await leave();
    throw error;
  }
}

async function shareIndexes(
  { host, now, table }: SwarmNode,
  { identity, settings, indexes }: JoinNetworkInput,
): Promise<TrustedIndexes> {
  if (indexes !== undefined && indexes.serve !== false) {
    const { seen, serve } = indexes;
    const stableAtMs = serve === true ? now() : now() + NETWORK_POLICY.stableMs;
    await new IndexServer({ seen, identity, isStable: () => now() >= stableAtMs, now }).start(host);
  }
  return new IndexClient({
    trusted: trustedForIndexes(settings),
    reach: async (did, signal) =>
      host.connectionOf(did) ??
      (await host.connect({ did, addresses: table.get(did)?.addresses ?? [] }, signal)),
    now,
  });
}

function checkName(network: string): void {
  if (isNetworkName(network)) return;
  throw new XError('USAGE', `"${network}" is not the name of a network`, {
    hint: 'Lower-case letters, digits, dots and hyphens, 63 at most.',
  });
}

async function startNode(input: JoinNetworkInput, load: () => number): Promise<SwarmNode> {
  const { listen } = input.settings;
  try {
    return await start(input, load, listen);
  } catch (error) {
    if (!(error instanceof XError) || error.code !== 'PORT_TAKEN' || listen === 0) throw error;
    const node = await start(input, load, 0);
    const port = /\/tcp\/([0-9]+)/.exec(node.host.listening().join())?.[1] ?? 'a free one';
    input.warn(`port ${listen} is taken; listening on ${port} instead`);
    return node;
  }
}

async function start(
  { settings, wish, data, identity, kind, isGuest, freeBytes, warn, onHint }: JoinNetworkInput,
  load: () => number,
  listenPort: number,
): Promise<SwarmNode> {
  return await SwarmNode.start({
    identity,
    book: data.nodeBook,
    clock: systemClock,
    random: systemRandom,
    state: () => ({ kind, freeBytes: freeBytes(), load: load() }),
    warn,
    onHint,
    options: {
      network: wish.network,
      listenPort,
      interfaces: settings.interfaces,
      peers: settings.peers,
      mdns: settings.mdns,
      rendezvous: wish.rendezvous,
      upnp: wish.upnp,
      isGuest,
    },
  });
}
