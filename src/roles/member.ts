import { BOUNDS } from '../domain/bounds.js';
import type { NodeKind } from '../domain/network-node.js';
import { NamedArtifacts } from '../network/named-artifacts.js';
import { NETWORK_POLICY } from '../network/policy.js';
import { usableQuota } from '../network/retention.js';
import { systemRandom } from '../platform/random.js';
import { KeepCopies } from '../swarm/public/keep-copies.js';
import type { GatewayInput, Joined, JoinPlace } from './gateway.js';
import { freeBytesOf } from './insight.js';
import { joinNetwork, type JoinedNetwork } from './join-network.js';
import type { NetworkWish } from './network-flags.js';
import { viewOfNode } from './network-view.js';
import { openIdentity } from './open-keys.js';
import { formatBytes } from './printer.js';
import { VersionNews } from './version-news.js';

export interface MemberInput extends Pick<GatewayInput, 'settings' | 'printer'> {
  wish: NetworkWish;
  kind: NodeKind;
  /** Whether what public indexes say is shown to others; undefined: once this node has been there for long. */
  serveIndexes: boolean | undefined;
}

const TELL_EVERY_MS = 10_000;

/** A gateway's process becomes a member of the public swarm. */
export async function joinAsMember(
  { settings, printer, wish, kind, serveIndexes }: MemberInput,
  { data, quotaBytes, limits, seen, warn, look }: JoinPlace,
): Promise<Joined> {
  const identity = await openIdentity(settings.folder);
  const heldBytes = (): number => data.store.totals().bytes;
  const usable = (): number => {
    const freeBytes = freeBytesOf(settings.folder) ?? quotaBytes;
    return usableQuota({ quotaBytes, heldBytes: heldBytes(), freeBytes });
  };
  if (usable() < quotaBytes)
    warn(
      `the disk has room for ${formatBytes(usable())} of the quota of ${formatBytes(quotaBytes)}`,
    );
  const free = remembered(BOUNDS.gatewayQuotaCheckMs, () => Math.max(0, usable() - heldBytes()));
  const news = new VersionNews({ tell: (hint) => network.node.tell(hint), look, printer });
  const network: JoinedNetwork = await joinNetwork({
    settings,
    wish,
    data,
    identity,
    kind,
    freeBytes: free,
    limits,
    warn,
    indexes: { seen, serve: serveIndexes },
    onHint: (hint) => news.heard(hint),
  });
  const { node } = network;
  const { did } = node.host;
  printer.event(
    {
      event: 'joined',
      network: node.network,
      did,
      kind: node.kind,
      addresses: node.host.listening().map(String),
    },
    `part of the network "${node.network}" as a ${node.kind} node, ${did}`,
  );
  const timer = setInterval(() => {
    const nodes = node.nodes();
    const connected = nodes.filter(({ isConnected }) => isConnected).length;
    printer.live({ event: 'nodes', known: nodes.length, connected }, [
      `nodes: ${nodes.length} known, ${connected} connected`,
    ]);
  }, TELL_EVERY_MS).unref();
  const kept = keepCopies(network, { data, settings, quotaBytes, warn });
  return {
    did,
    ...kept.joined,
    providers: network.fetching,
    trusted: network.trusted,
    onVersions: (...seenNow) => news.saw(...seenNow),
    network: () => viewOfNode(node),
    roomBytes: () => (freeBytesOf(settings.folder) ?? Infinity) - BOUNDS.freeDiskBytes,
    leave: async () => {
      clearInterval(timer);
      kept.stop();
      await network.leave();
    },
  };
}

/** What is kept for others: the quota, and copies of what too few have where the node is heavy. */
function keepCopies(
  { node, finding, fetching }: JoinedNetwork,
  {
    data,
    settings,
    quotaBytes,
    warn,
  }: Pick<JoinPlace, 'data' | 'quotaBytes' | 'warn'> & Pick<GatewayInput, 'settings'>,
): { joined: Pick<Joined, 'onUsed' | 'onNamed' | 'keepQuota'>; stop: () => void } {
  const stopped = new AbortController();
  const named = new NamedArtifacts();
  const copies = new KeepCopies({
    network: node.network,
    store: data.store,
    artifacts: data.publicArtifacts,
    records: finding.records,
    demand: finding.demand,
    copies: (digests) => finding.publisher.copies(digests),
    named,
    // Nobody waits for it, and the official source is not asked for the sake of others.
    providers: { bring: (artifact, signal) => fetching.seek(artifact, signal) },
    quotaBytes,
    freeBytes: () => Promise.resolve(freeBytesOf(settings.folder) ?? quotaBytes),
    random: systemRandom,
    now: node.now,
  });
  const replicate = (): void => {
    copies.replicate(stopped.signal).catch((error: unknown) => {
      if (!stopped.signal.aborted)
        warn(`copies of what few have are not fetched: ${String(error)}`);
    });
  };
  const timer =
    node.kind === 'heavy'
      ? setInterval(replicate, NETWORK_POLICY.replicateEveryMs).unref()
      : undefined;
  return {
    joined: {
      onUsed: (sha256) => copies.used({ sha256 }),
      onNamed: ({ ecosystem, digests, sizeBytes }, packageName, requires) => {
        const packageId = `${ecosystem} ${packageName}`;
        named.note({ digests, sizeBytes, packageId });
        named.requires(
          packageId,
          requires.map((name) => `${ecosystem} ${name}`),
        );
      },
      keepQuota: () => copies.keepQuota(),
    },
    stop: () => {
      clearInterval(timer);
      stopped.abort(new Error('the node stops'));
    },
  };
}

/** What takes a call to the system is not asked for at each message. */
function remembered(ms: number, read: () => number): () => number {
  let value = read();
  let readMs = performance.now();
  return () => {
    if (performance.now() - readMs >= ms) {
      value = read();
      readMs = performance.now();
    }
    return value;
  };
}
