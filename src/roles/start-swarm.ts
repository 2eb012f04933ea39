import type { Settings } from '../config/settings.js';
import { XError } from '../domain/errors.js';
import { systemClock } from '../platform/clock.js';
import { systemRandom } from '../platform/random.js';
import type { Gate } from '../ports/gate.js';
import type { Swarm, SwarmAddresses } from '../ports/swarm.js';
import { createSwarm } from '../swarm/swarm.js';
import type { Identity } from '../trust/identity.js';
import type { DataFolder } from './open-data.js';

export interface StartSwarmInput {
  settings: Settings;
  data: DataFolder;
  identity: Identity;
  gate: Gate;
  warn: (message: string) => void;
}

/** Starts the peer-to-peer host; a port that is taken is replaced by a free one, with a warning. */
export async function startSwarm(
  input: StartSwarmInput,
): Promise<{ swarm: Swarm } & SwarmAddresses> {
  const { listen } = input.settings;
  try {
    return await start(input, listen);
  } catch (error) {
    if (!(error instanceof XError) || error.code !== 'PORT_TAKEN' || listen === 0) throw error;
    const started = await start(input, 0);
    const port = /\/tcp\/([0-9]+)/.exec(started.addresses[0] ?? '')?.[1] ?? 'a free one';
    input.warn(`port ${listen} is taken; listening on ${port} instead`);
    return started;
  }
}

async function start(
  { settings, data, identity, gate }: StartSwarmInput,
  listenPort: number,
): Promise<{ swarm: Swarm } & SwarmAddresses> {
  const swarm = createSwarm({
    identity,
    store: data.store,
    catalog: data.catalog,
    gate,
    clock: systemClock,
    random: systemRandom,
    options: {
      listenPort,
      mdns: settings.mdns,
      peers: settings.peers,
      interfaces: settings.interfaces,
    },
  });
  try {
    return { swarm, ...(await swarm.start()) };
  } catch (error) {
    await swarm.stop();
    throw error;
  }
}
