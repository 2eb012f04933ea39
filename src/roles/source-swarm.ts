import type { Settings } from '../config/settings.js';
import { BOUNDS } from '../domain/bounds.js';
import type { Plan } from '../domain/plan.js';
import { systemClock } from '../platform/clock.js';
import type { TrustedIndexes } from '../ports/seen-indexes.js';
import type { PublicSwarm } from '../ports/public-swarm.js';
import type { JoinedNetwork } from './join-network.js';
import type { DataFolder } from './open-data.js';
import { openIdentity } from './open-keys.js';
import type { StandIns } from './last-seen-upstream.js';
import type { Printer } from './printer.js';
import type { Limits } from './rates.js';

export interface SourceSwarmInput {
  settings: Settings & { folder: string };
  data: DataFolder;
  /** A plan that is only shown fetches nothing. */
  dryRun: boolean;
  /** The network's name; undefined: no part is taken in any. */
  network: string | undefined;
  /** Nodes of it to begin at. */
  peers: readonly string[];
  limits: Limits;
  warn: (message: string) => void;
}

export type TellNews = (signal: AbortSignal) => Promise<void>;

export interface SourceSwarm {
  /** The swarm, once somebody is connected or it is clear that nobody will be soon. @throws XError USAGE. */
  met(signal: AbortSignal): Promise<PublicSwarm | undefined>;
  /** Undefined where nobody is trusted for indexes. */
  standIns: StandIns | undefined;
  /**
   * What of a plan is new by the catalog as it is, before it is carried out.
   * @returns tells others of it, once it is; nobody where nobody is there.
   */
  newsOf(plan: Plan, printer: Pick<Printer, 'event'>): Promise<TellNews>;
  leave(): Promise<void>;
}

const LOOK_EVERY_MS = 50;

/**
 * Begins to join the public swarm as a light node, for what will be fetched: it dials, and is looked for by
 * nobody. Where that is not wanted, or nobody is known to begin at, nothing of it is even loaded.
 */
export function beginToJoin(input: SourceSwarmInput): SourceSwarm {
  const joining = join(input);
  // Met by who asks for it.
  joining.catch(() => undefined);
  const met: SourceSwarm['met'] = async (signal) => {
    const swarm = (await joining)?.fetching;
    for (let waitedMs = 0; swarm?.isAlone() === true; waitedMs += LOOK_EVERY_MS) {
      if (waitedMs >= BOUNDS.meetMs) break;
      await systemClock.sleep(LOOK_EVERY_MS, signal);
    }
    return swarm;
  };
  const find: TrustedIndexes['find'] = async (name, signal) => {
    try {
      await met(signal);
      return await (await joining)?.trusted.find(name, signal);
    } catch {
      return undefined;
    }
  };
  const isTrusting = input.settings.trustIndexes.length > 0;
  return {
    met,
    standIns: isTrusting ? { trusted: { find }, swarm: met } : undefined,
    newsOf: async (plan, printer) => {
      const joined = await joining;
      if (joined === undefined) return () => Promise.resolve();
      const { newsBeside, tellNews } = await import('./tell-news.js');
      const hints = newsBeside(plan, input.data.catalog);
      return async (signal) => {
        if (hints.length === 0 || joined.fetching.isAlone()) return;
        await tellNews(hints, { node: joined.node, printer, signal });
      };
    },
    leave: async () => (await joining.catch(() => undefined))?.leave(),
  };
}

/** @throws XError USAGE where the network's name or a peer's address is none. */
async function join({
  settings,
  data,
  dryRun,
  network,
  peers,
  limits,
  warn,
}: SourceSwarmInput): Promise<JoinedNetwork | undefined> {
  if (network === undefined || dryRun) return undefined;
  const sinceMs = systemClock.now().getTime() - BOUNDS.nodeTtlMs;
  if (peers.length === 0 && data.nodeBook.nodes(sinceMs).length === 0) return undefined;
  const { joinNetwork } = await import('./join-network.js');
  return await joinNetwork({
    // The port for clients is another one's.
    settings: { ...settings, peers: [...peers], listen: 0 },
    wish: { network, upnp: false, rendezvous: undefined },
    data,
    identity: await openIdentity(settings.folder),
    kind: 'light',
    isGuest: true,
    freeBytes: () => 0,
    limits,
    warn,
  });
}
