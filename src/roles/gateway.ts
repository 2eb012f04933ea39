import type { Settings } from '../config/settings.js';
import { networkInterfaces } from 'node:os';
import { fileURLToPath } from 'node:url';
import { aborted } from '../domain/aborted.js';
import { BOUNDS } from '../domain/bounds.js';
import type { Did } from '../domain/bundle.js';
import type { Sha256 } from '../domain/digest.js';
import { messageOf } from '../domain/errors.js';
import type { EcosystemName } from '../domain/plan.js';
import { parseAccessRules } from '../gateway/access-rules.js';
import { storeContent } from '../gateway/content.js';
import { createGateway, type Gateway, type GatewayParts } from '../gateway/open-gateway.js';
import { keepQuota, quotaOnDisk, RecentUse, roomOnDisk } from '../operations/keep-quota.js';
import { PassedArtifacts } from '../operations/pass-artifact.js';
import { createPrefetch } from '../operations/prefetch.js';
import { openAccessLog } from '../platform/access-log.js';
import { systemClock } from '../platform/clock.js';
import { acquireLock, type ResidentLock } from '../platform/lock.js';
import { systemRandom } from '../platform/random.js';
import type { GatewayServer } from '../ports/ecosystem.js';
import type { NetworkView, Status } from '../ports/insight.js';
import type { Prefetch, Providers } from '../ports/passing.js';
import type { SeenIndexes, TrustedIndexes } from '../ports/seen-indexes.js';
import { readInterfaces } from '../swarm/interfaces.js';
import { SeenIndexMemory } from '../swarm/public/seen-index-memory.js';
import { asJson } from './network-view.js';
import { gatewayTls, type GatewayTls } from './gateway-tls.js';
import {
  addressForOthers,
  forThoseAfar,
  lookWith,
  nothingHeld,
  originTally,
  tellOfPrivate,
} from './gateway-tellings.js';
import { nobodyToAsk } from './held-view.js';
import { upstreamOfMember } from './gateway-upstream.js';
import { createInsight, freeBytesOf } from './insight.js';
import { openData, type DataFolder } from './open-data.js';
import { openOutside } from './outside.js';
import { passThroughServers, type DebianMirrorFlags } from './pass-through-servers.js';
import { formatBytes, type Printer } from './printer.js';
import { limitsOf, type Limits } from './rates.js';
import { serveResident } from './resident.js';
import { parseSize } from './sizes.js';
import { stopSignal } from './until-stopped.js';

export interface GatewayInput {
  settings: Settings & { folder: string };
  printer: Printer;
  publicIndexes: readonly string[];
  debian: DebianMirrorFlags;
  /** What is kept of passed files at most, as the user writes it. */
  quota: string;
  /** What this process is to others; a gateway by default. */
  role?: 'node' | 'gateway' | undefined;
  /** Makes this process part of the public swarm. */
  join?: ((place: JoinPlace) => Promise<Joined | undefined>) | undefined;
}

export interface JoinPlace {
  data: DataFolder;
  quotaBytes: number;
  limits: Limits;
  warn: (message: string) => void;
  /** Pages of public indexes that this process reads. */
  seen: SeenIndexes;
  /** Asks the official source for what it says of a package now. */
  look: (ecosystem: EcosystemName, name: string) => void;
  signal: AbortSignal;
}

/** A gateway's part in the public swarm. */
export interface Joined {
  did: Did;
  providers: Providers;
  /** For `x peers`. */
  network: () => NetworkView;
  /** Told of what is read here, and of what public indexes name. */
  onUsed: (sha256: Sha256) => void;
  onNamed: NonNullable<Prefetch['named']>;
  onVersions: NonNullable<Prefetch['versions']>;
  /** Asked where an official source is silent. */
  trusted: TrustedIndexes;
  /** In place of a gateway's own: by what is asked for, and how few have it. */
  keepQuota: () => Promise<unknown>;
  /** The same, of the disk: what may be written before others' part of it is touched. */
  roomBytes: () => number;
  /** Says that it leaves, and ends within seconds. */
  leave(): Promise<void>;
}

/** `x gateway`: pip, npm and apt from the official sources, each file checked and kept. */
export async function runGateway(input: GatewayInput): Promise<void> {
  const { printer, settings } = input;
  const quotaBytes = parseSize(input.quota);
  const mayUse = parseAccessRules(settings.allow);
  const limits = limitsOf(settings);
  const lock = await acquireLock(settings.folder, input.role ?? 'gateway');
  const stop = stopSignal();
  const closers: (() => Promise<void>)[] = [() => Promise.resolve(lock.release())];
  const defer = (close: () => Promise<void>): void => void closers.unshift(close);
  const warn = (message: string): void => printer.report({ event: 'warning', message });
  try {
    const tls = await gatewayTls(settings, systemClock.now(), warn);
    const data = await openData(settings.folder, warn);
    defer(() => data.close());
    const recent = new RecentUse(BOUNDS.recentlyUsed);
    const { signal } = stop;
    const seen = new SeenIndexMemory();
    const howTo: HowTo = { shown: undefined };
    const servers: GatewayServer[] = [];
    const look = lookWith(servers, warn);
    const joined = await input.join?.({ data, quotaBytes, limits, warn, seen, look, signal });
    if (joined !== undefined) defer(() => joined.leave());
    const parts = await gatewayParts(input, {
      data,
      limits,
      recent,
      joined,
      seen,
      howTo,
      warn,
      defer,
      signal,
    });
    servers.push(...parts.servers);
    // Stopped while it started: nobody is told that it serves.
    if (signal.aborted) return;
    const options = {
      names: settings.names,
      mayUse,
      requestsPerSecond: settings.rateLimit === 0 ? undefined : settings.rateLimit,
    };
    await serve(input, { data, parts, joined, howTo, options, tls, lock, defer });
    const keep =
      joined?.keepQuota ?? keepWithin(data.store, recent, settings.folder, quotaBytes, warn);
    await stay(keep, quotaBytes, stop.signal, warn);
    printer.done();
  } finally {
    stop.release();
    for (const close of closers) await close();
  }
}

/** For the page, once it is known where the gateway is. */
interface HowTo {
  shown: Status['howTo'];
}

interface Place {
  data: DataFolder;
  limits: Limits;
  recent: RecentUse;
  joined: Joined | undefined;
  seen: SeenIndexes;
  howTo: HowTo;
  warn: (message: string) => void;
  /** Takes what has to be closed at the end. */
  defer: (close: () => Promise<void>) => void;
  signal: AbortSignal;
}

type CommonParts = Omit<GatewayParts, 'options'>;

/** The built page. */
const PAGE_FOLDER = fileURLToPath(new URL('../../page', import.meta.url));

async function gatewayParts(
  { settings, printer, publicIndexes, debian, role = 'gateway' }: GatewayInput,
  { data, limits, recent, joined, seen, howTo, warn, defer, signal }: Place,
): Promise<CommonParts> {
  const outside = await openOutside({
    folder: settings.folder,
    publicIndexes,
    debianMirror: debian.mirror,
    report: printer.report,
    down: limits.down,
  });
  defer(() => outside.close());
  const { store, marked, catalog, publicArtifacts } = data;
  const passing = new PassedArtifacts({
    store,
    marked,
    register: publicArtifacts,
    providers: joined?.providers,
    upstream: outside.upstream,
    clock: systemClock,
    random: systemRandom,
    warn,
    onUsed: (sha256) => {
      recent.note(sha256);
      joined?.onUsed(sha256);
    },
    signal,
  });
  const prefetch = createPrefetch(passing, signal, {
    named: joined?.onNamed,
    versions: joined?.onVersions,
    roomBytes: joined?.roomBytes ?? (() => roomOnDisk(diskOf(store, settings.folder))),
  });
  const upstream = upstreamOfMember(outside.upstream, { joined, seen, store });
  const servers = await passThroughServers({
    data,
    outside: { ...outside, upstream },
    debian,
    publicIndexes,
    prefetch,
    warn,
  });
  tellOfPrivate(outside.pip.settings.indexes, warn);
  const log =
    settings.accessLog === undefined ? undefined : await openAccessLog(settings.accessLog);
  if (log !== undefined) defer(() => log.close());
  const view = nothingHeld();
  const insight = createInsight({
    role,
    did: joined?.did,
    folder: settings.folder,
    catalog,
    store,
    marked,
    clock: systemClock,
    servers: [],
    shares: () => new Map(),
    network: joined?.network,
    howTo: () => howTo.shown,
  });
  return {
    servers,
    view,
    content: storeContent(store, nobodyToAsk),
    passing,
    onOrigin: originTally(printer),
    clock: systemClock,
    log: ({ message }) => warn(message),
    insight,
    far: { view, insight: forThoseAfar(insight) },
    pageFolder: joined === undefined ? undefined : PAGE_FOLDER,
    onAnswered: log && ((answered) => log.write(answered)),
  };
}

interface Serving extends Pick<Place, 'data' | 'joined' | 'howTo' | 'defer'> {
  tls: GatewayTls | undefined;
  parts: CommonParts;
  options: Omit<GatewayParts['options'], 'host' | 'port'>;
  lock: ResidentLock;
}

async function serve(
  { settings, printer, role = 'gateway' }: GatewayInput,
  { data, parts, joined, howTo, options, tls, lock, defer }: Serving,
): Promise<void> {
  const { bind, port } = settings;
  const open = async (more: GatewayParts['options']): Promise<string> => {
    const gateway: Gateway = createGateway({ ...parts, options: more });
    const { url } = await gateway.listen();
    defer(() => gateway.close());
    return url;
  };
  const url = await open({ ...options, host: bind, port, tls });
  const { insight } = parts;
  const resident = await serveResident(settings.folder, lock, {
    role,
    gateway: url,
    status: () => [],
    insight: insight as NonNullable<typeof insight>,
    data,
    served: () => new Set(),
    ...(joined === undefined ? {} : { network: () => asJson(joined.network()) }),
  });
  defer(resident.close);
  const others = addressForOthers(url, settings, readInterfaces(networkInterfaces()));
  const lines = parts.servers.flatMap((server: GatewayServer) => server.howTo?.(others) ?? []);
  howTo.shown = { gateway: url, lines };
  printer.event(
    {
      event: 'serving',
      gateway: url,
      howTo: lines,
      ...(tls === undefined ? {} : { certificate: tls.path, fingerprint: tls.fingerprint }),
    },
    [
      `serving pip, npm and apt from their official sources at ${others}; Ctrl-C stops`,
      ...lines.map((line) => `  ${line}`),
      ...(tls === undefined ? [] : [`  certificate ${tls.path}`, `  SHA-256 ${tls.fingerprint}`]),
    ].join('\n'),
  );
}

/** Within the quota and the disk: another's bytes on it count as well. */
function keepWithin(
  store: DataFolder['store'],
  recent: RecentUse,
  folder: string,
  quotaBytes: number,
  warn: (message: string) => void,
): () => Promise<unknown> {
  const usable = (): number => quotaOnDisk({ quotaBytes, ...diskOf(store, folder) });
  const [fits, wanted] = [formatBytes(usable()), formatBytes(quotaBytes)];
  if (fits !== wanted) warn(`the disk has room for ${fits} of the quota of ${wanted}`);
  return () => keepQuota(store, recent, usable());
}

function diskOf(store: DataFolder['store'], folder: string): Parameters<typeof roomOnDisk>[0] {
  return { heldBytes: store.totals().bytes, freeBytes: freeBytesOf(folder) ?? Infinity };
}

/** Until told to stop; what is kept stays within the quota. */
async function stay(
  keep: () => Promise<unknown>,
  quotaBytes: number,
  signal: AbortSignal,
  warn: (message: string) => void,
): Promise<void> {
  while (!signal.aborted) {
    try {
      await keep();
    } catch (error) {
      warn(`the quota of ${formatBytes(quotaBytes)} is not kept: ${messageOf(error)}`);
    }
    await Promise.race([
      systemClock.sleep(BOUNDS.gatewayQuotaCheckMs, signal).catch(() => undefined),
      aborted(signal),
    ]);
  }
}
