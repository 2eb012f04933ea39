import { networkInterfaces } from 'node:os';
import { fileURLToPath } from 'node:url';
import { messageOf, XError } from '../domain/errors.js';
import type { EcosystemName } from '../domain/plan.js';
import type { Insight } from '../ports/insight.js';
import { systemClock } from '../platform/clock.js';
import { storeContent } from '../gateway/content.js';
import { createGateway, type GatewayOptions } from '../gateway/open-gateway.js';
import type { Answered } from '../ports/answered.js';
import type { EcosystemServer } from '../ports/ecosystem.js';
import { settleConflicts, type Conflict } from '../operations/settle-conflicts.js';
import { isPrivateAddress } from '../gateway/access-rules.js';
import { Neighbourhood, readInterfaces } from '../swarm/interfaces.js';
import { PrivateNames, publicView } from './public-view.js';
import { createHeldView, nobodyToAsk, type Want } from './held-view.js';
import type { DataFolder } from './open-data.js';
import { settledView, type SettledView } from './settled-view.js';
import { bytesPassed, collectAll, tuneCollector } from '../swarm/young-garbage.js';

export interface StartGatewayInput {
  host: string;
  port: number;
  data: DataFolder;
  servers: readonly EcosystemServer[];
  want: Want;
  /** What people see on the page, those near and others; without it there is a plain list of bundles. */
  insight?: Insight;
  farInsight?: Insight;
  onAnswered?: (answered: Answered) => void;
  options?: Omit<GatewayOptions, 'host' | 'port'>;
  /** Told of what goes wrong beside what is asked for. */
  onFailure?: (message: string) => void;
  /** Told of each file about which sources disagree, and which of them answers. */
  onConflict?: (conflict: Conflict) => void;
  /** Called where the port is taken and a free one is used instead; without it that is an error. */
  onPortTaken?: (message: string) => void;
}

export interface StartedGateway {
  url: string;
  /** As far as they are settled. */
  conflicts: () => readonly Conflict[];
  close: () => Promise<void>;
}

/** Starts a gateway over a data folder. */
export async function startGateway(input: StartGatewayInput): Promise<StartedGateway> {
  try {
    return await listen(input, input.port);
  } catch (error) {
    if (
      !(error instanceof XError) ||
      error.code !== 'PORT_TAKEN' ||
      !input.onPortTaken ||
      input.port === 0
    )
      throw error;
    const gateway = await listen(input, 0);
    input.onPortTaken(`port ${input.port} is taken; the gateway is at ${gateway.url} instead`);
    return gateway;
  }
}

async function listen(input: StartGatewayInput, port: number): Promise<StartedGateway> {
  tuneCollector();
  const { data, want, options } = input;
  const { view, settle, conflicts } = settledGatewayView(input);
  await settle().catch((thrown: unknown) => input.onFailure?.(messageOf(thrown)));
  const names = new PrivateNames(data.catalog);
  const gateway = createGateway({
    servers: [...input.servers],
    view,
    far: { view: publicView(view, names), insight: input.farInsight },
    content: storeContent(data.store, want, bytesPassed),
    clock: systemClock,
    insight: input.insight,
    pageFolder: fileURLToPath(new URL('../../page', import.meta.url)),
    // What is here and private, and was asked for from afar, is nothing to bring.
    onMiss: (ecosystem, name) => {
      if (!names.has(ecosystem, name)) note(data, ecosystem, name);
    },
    onAnswered: input.onAnswered,
    options: { isNear: isNearby, ...options, host: input.host, port },
  });
  const { url } = await gateway.listen();
  // Pages of all names were prepared, which left many times their size behind.
  collectAll();
  return { url, conflicts, close: () => gateway.close() };
}

/** This machine, a private address, or one on a link of this machine. */
function isNearby(address: string): boolean {
  return (
    isPrivateAddress(address) ||
    new Neighbourhood(readInterfaces(networkInterfaces()), []).isNearby(plainIp(address))
  );
}

/** An IPv4 client of an IPv6 socket. */
function plainIp(address: string): string {
  return address.replace(/^::ffff:(?=[0-9.]+$)/i, '');
}

function settledGatewayView({
  data,
  servers,
  want,
  onConflict,
  onFailure,
}: StartGatewayInput): SettledView {
  const view = createHeldView(data.catalog, data.store, want);
  // Proofs are looked at as far as they are here: what is held is served at once.
  const here = createHeldView(data.catalog, data.store, nobodyToAsk);
  const told = new Set<string>();
  const settle = async (): Promise<Conflict[]> => {
    const { catalog } = data;
    const conflicts = await settleConflicts({
      catalog,
      servers,
      view: here,
      now: systemClock.now(),
    });
    for (const conflict of conflicts) {
      const said = `${conflict.path} ${conflict.chosen.bundleId} ${conflict.chosen.sha256}`;
      if (!told.has(said)) onConflict?.(conflict);
      told.add(said);
    }
    return conflicts;
  };
  return settledView(
    view,
    settle,
    (thrown) => onFailure?.(messageOf(thrown)),
    () => systemClock.monotonicMs(),
  );
}

/** A wish that cannot be kept is no reason to fail what was asked. */
function note({ catalog }: DataFolder, ecosystem: EcosystemName, name: string): void {
  catalog.addWish({ ecosystem, name, at: systemClock.now().toISOString() }).catch(() => undefined);
}
