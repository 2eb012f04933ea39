import type { Settings } from '../config/settings.js';
import { BOUNDS } from '../domain/bounds.js';
import { systemClock } from '../platform/clock.js';
import type { PublicSwarm } from '../ports/public-swarm.js';
import type { DataFolder } from './open-data.js';
import { openIdentity } from './open-keys.js';

export interface SourceSwarmInput {
  settings: Settings & { folder: string };
  data: DataFolder;
  /** The network's name; undefined: no part is taken in any. */
  network: string | undefined;
  /** Nodes of it to begin at. */
  peers: readonly string[];
  warn: (message: string) => void;
}

export interface SourceSwarm {
  swarm: PublicSwarm;
  leave(): Promise<void>;
}

/**
 * Joins the public swarm as a light node, for what is fetched: it dials, and is looked for by nobody.
 * Undefined where it is not wanted, or nobody is known to begin at: then nothing of it is even loaded.
 * @throws XError USAGE where the network's name or a peer's address is none.
 */
export async function openSourceSwarm({
  settings,
  data,
  network,
  peers,
  warn,
}: SourceSwarmInput): Promise<SourceSwarm | undefined> {
  if (network === undefined) return undefined;
  const sinceMs = systemClock.now().getTime() - BOUNDS.nodeTtlMs;
  const isAlone = peers.length === 0 && data.nodeBook.nodes(sinceMs).length === 0;
  if (isAlone) return undefined;
  const { joinNetwork } = await import('./join-network.js');
  const joined = await joinNetwork({
    // The port for clients is another one's.
    settings: { ...settings, peers: [...peers], listen: 0 },
    wish: { network, upnp: false, rendezvous: undefined },
    data,
    identity: await openIdentity(settings.folder),
    kind: 'light',
    freeBytes: () => 0,
    warn,
  });
  const { node, fetching, leave } = joined;
  return {
    swarm: {
      // Whom the book names may be long gone: only who is connected counts.
      isAlone: () => node.host.connections().length === 0,
      fetch: (wanted, signal) => fetching.fetch(wanted, signal),
      bring: (artifact, signal) => fetching.bring(artifact, signal),
    },
    leave,
  };
}

/** Until somebody is connected, or it is clear that nobody will be soon. */
export async function untilMet({ swarm }: SourceSwarm, signal: AbortSignal): Promise<void> {
  for (let waitedMs = 0; swarm.isAlone() && waitedMs < BOUNDS.meetMs; waitedMs += LOOK_EVERY_MS)
    await systemClock.sleep(LOOK_EVERY_MS, signal);
}

const LOOK_EVERY_MS = 50;
