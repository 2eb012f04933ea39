import type { Settings } from '../config/settings.js';
import type { Did } from '../domain/bundle.js';
import type { Membership } from '../domain/membership.js';
import type { JsonValue } from '../domain/plan.js';
import { parseAccessRules } from '../gateway/access-rules.js';
import type { GatewayOptions } from '../gateway/open-gateway.js';
import { openAccessLog } from '../platform/access-log.js';
import { systemClock } from '../platform/clock.js';
import type { ResidentLock } from '../platform/lock.js';
import type { Share } from '../ports/swarm.js';
import { createServers } from './ecosystem-servers.js';
import type { Want } from './held-view.js';
import { createInsight, type InsightParts } from './insight.js';
import { gatewayTls } from './gateway-tls.js';
import { Misses, noting } from './misses.js';
import type { DataFolder } from './open-data.js';
import type { Printer } from './printer.js';
import { PrivateNames, publicCatalog } from './public-view.js';
import { serveResident } from './resident.js';
import { startGateway, type StartedGateway, type StartGatewayInput } from './start-gateway.js';
import { conflictLine } from './settled-view.js';

export interface ServeGatewayInput {
  settings: Settings & { folder: string };
  printer: Printer;
  data: DataFolder;
  did: Did;
  lock: ResidentLock;
  shares: () => ReadonlyMap<string, Share>;
  want: Want;
  status: () => JsonValue;
  memberships: () => readonly Membership[];
  /** Takes what has to be closed at the end. */
  defer: (close: () => Promise<void>) => void;
}

/** The gateway of a resident client, and the socket over which other commands find it. */
export async function serveGateway(input: ServeGatewayInput): Promise<void> {
  const { settings, printer, data, defer } = input;
  const mayUse = parseAccessRules(settings.allow);
  const tls = await gatewayTls(settings, systemClock.now(), (message) =>
    printer.report({ event: 'warning', message }),
  );
  const log =
    settings.accessLog === undefined ? undefined : await openAccessLog(settings.accessLog);
  if (log !== undefined) defer(() => log.close());
  const misses = new Misses();
  const servers = noting(createServers(), misses);
  const { folder } = settings;
  const serving: { gateway?: StartedGateway } = {};
  const insightParts: InsightParts = {
    role: 'client',
    did: input.did,
    folder,
    catalog: data.catalog,
    store: data.store,
    marked: data.marked,
    clock: systemClock,
    servers,
    shares: input.shares,
    memberships: input.memberships,
    conflicts: () => serving.gateway?.conflicts() ?? [],
  };
  const insight = createInsight(insightParts);
  const privateNames = new PrivateNames(data.catalog);
  const farInsight = createInsight({
    ...insightParts,
    catalog: publicCatalog(data.catalog, privateNames),
    conflicts: () =>
      (serving.gateway?.conflicts() ?? []).filter(({ chosen }) => !privateNames.covers(chosen)),
  });
  const warn = (message: string): void => printer.report({ event: 'warning', message });
  const common: Omit<StartGatewayInput, 'host' | 'port' | 'options'> = {
    data,
    servers,
    want: input.want,
    insight,
    farInsight,
    ...(log === undefined ? {} : { onAnswered: (answered) => log.write(answered) }),
    onPortTaken: warn,
    onFailure: warn,
    onConflict: (conflict) => warn(conflictLine(conflict)),
  };
  const options: Omit<GatewayOptions, 'host' | 'port'> = {
    names: settings.names,
    mayUse,
    requestsPerSecond: settings.rateLimit === 0 ? undefined : settings.rateLimit,
  };
  const gateway = await startGateway({
    ...common,
    options: { ...options, tls },
    host: settings.bind,
    port: settings.port,
  });
  serving.gateway = gateway;
  defer(gateway.close);
  // This machine's own clients need no certificate to trust.
  const local =
    tls === undefined
      ? gateway
      : await startGateway({ ...common, options, host: '127.0.0.1', port: 0 });
  if (local !== gateway) defer(local.close);
  const resident = await serveResident(folder, input.lock, {
    role: 'client',
    gateway: local.url,
    status: input.status,
    insight,
    data,
    served: () => new Set(input.shares().keys()),
    misses,
  });
  defer(resident.close);
  printer.event(
    {
      event: 'serving',
      gateway: gateway.url,
      ...(tls === undefined ? {} : { certificate: tls.path, fingerprint: tls.fingerprint }),
    },
    `serving pip, npm and apt at ${gateway.url}, and a page for a browser; Ctrl-C stops` +
      (tls === undefined ? '' : `\n  certificate ${tls.path}\n  SHA-256 ${tls.fingerprint}`),
  );
}
