import { BOUNDS } from '../domain/bounds.js';
import { askResident } from '../platform/control-client.js';
import { systemClock } from '../platform/clock.js';
import { openData } from './open-data.js';
import type { NetworkView } from '../ports/insight.js';
import { nodeLines, rankingLines, viewOfBook } from './network-view.js';
import { overviewOf } from './overview.js';
import { peerLines, show, type StatusInput } from './status.js';

export interface PeersInput extends StatusInput {
  /** What this machine has seen of each node of the public swarm, the best first. */
  ranking: boolean;
}

/** `x peers`: who is connected and what went to and fro; of the public swarm who is known, too. */
export async function runPeers(input: PeersInput): Promise<void> {
  const { folder } = input.settings;
  await show(input, 'peers', async () => {
    const network = await networkOf(folder);
    if (input.ranking) return { value: { ranking: network.ranking }, lines: rankingLines(network) };
    const overview = await overviewOf(folder);
    const nodes = nodeLines(network, systemClock.now().getTime());
    const isPublicOnly = nodes.length > 0 && overview.peers.length === 0;
    const value = { peers: overview.peers, network: withoutRanking(network) };
    return { value, lines: [...(isPublicOnly ? [] : peerLines(overview, folder)), ...nodes] };
  });
}

/** Asks the resident process; where none is part of the swarm, the node book says who was known last. */
async function networkOf(folder: string): Promise<NetworkView> {
  const answer = await askResident(folder, 'network', {}).catch(() => undefined);
  if (isView(answer)) return answer as unknown as NetworkView;
  const data = await openData(folder);
  try {
    const now = systemClock.now().getTime();
    return viewOfBook(data.nodeBook, now, now - BOUNDS.nodeTtlMs);
  } finally {
    await data.close();
  }
}

/** The same program on the other side of a socket that is this user's alone: its shape is trusted. */
function isView(value: unknown): boolean {
  return typeof value === 'object' && value !== null && 'nodes' in value && 'ranking' in value;
}

function withoutRanking({ network, did, addresses, nodes }: NetworkView) {
  return { network, did, addresses, nodes };
}
