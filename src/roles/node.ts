import { BOUNDS } from '../domain/bounds.js';
import { XError } from '../domain/errors.js';
import type { NodeKind } from '../domain/network-node.js';
import { NamedArtifacts } from '../network/named-artifacts.js';
import { NETWORK_POLICY } from '../network/policy.js';
import { usableQuota } from '../network/retention.js';
import { systemRandom } from '../platform/random.js';
import { KeepCopies } from '../swarm/public/keep-copies.js';
import { runGateway, type GatewayInput, type Joined, type JoinPlace } from './gateway.js';
import { freeBytesOf } from './insight.js';
import { joinNetwork, type JoinedNetwork } from './join-network.js';
import type { NetworkWish } from './network-flags.js';
import { asJson, viewOfNode } from './network-view.js';
import { openIdentity } from './open-keys.js';
import { formatBytes } from './printer.js';
import { parseSize } from './sizes.js';

export interface NodeInput extends Omit<GatewayInput, 'join' | 'role'> {
  wish: NetworkWish;
  /** Undefined: by the quota. */
  kind: NodeKind | undefined;
}

/** Who keeps so much is heavy, unless the user says otherwise. */
const HEAVY_BYTES = 100e9;
const SMALLEST_QUOTA_BYTES = 1e9;
const TELL_EVERY_MS = 10_000;

/** `x node`: a member of the public swarm, which whoever uses it serves; with a gateway for this machine. */
export async function runNode(input: NodeInput): Promise<void> {
  const quotaBytes = parseSize(input.quota);
  if (quotaBytes < SMALLEST_QUOTA_BYTES) {
    throw new XError('USAGE', `--quota ${input.quota} is too little to be of use to others`, {
      hint: 'Write 1GB or more.',
    });
  }
  await runGateway({ ...input, role: 'node', join: (place) => join(input, place) });
}

async function join(
  { settings, printer, wish, kind }: NodeInput,
  { data, quotaBytes, limits, warn }: JoinPlace,
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
  const network = await joinNetwork({
    settings,
    wish,
    data,
    identity,
    kind: kind ?? (quotaBytes >= HEAVY_BYTES ? 'heavy' : 'light'),
    freeBytes: free,
    limits,
    warn,
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
    network: () => asJson(viewOfNode(node)),
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
  }: Omit<JoinPlace, 'signal' | 'limits'> & Pick<NodeInput, 'settings'>,
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
