import type { Settings } from '../config/settings.js';
import type { Did, Manifest } from '../domain/bundle.js';
import { BOUNDS } from '../domain/bounds.js';
import { messageOf, XError } from '../domain/errors.js';
import type { JsonValue } from '../domain/plan.js';
import { acceptMetadata } from '../operations/accept-metadata.js';
import { systemClock } from '../platform/clock.js';
import { acquireLock, type ResidentLock } from '../platform/lock.js';
import type { BundleRecord, CatalogEntry } from '../ports/catalog.js';
import type { PullEvent, Share, Swarm } from '../ports/swarm.js';
import { isInvitation, parseInvitation } from '../trust/invitation.js';
import { askOnTerminal } from './ask.js';
import { createServers } from './ecosystem-servers.js';
import { manifestOf } from './manifest-of.js';
import { openData, openIdentity, type DataFolder } from './open-data.js';
import { formatBytes, formatSeconds, type Printer } from './printer.js';
import { Misses, noting } from './misses.js';
import { PullProgress } from './pull-progress.js';
import { serveResident } from './resident.js';
import { startGateway } from './start-gateway.js';
import { startSwarm } from './start-swarm.js';
import { aborted, stopSignal } from './until-stopped.js';
import { watchForStall } from './stall.js';

export interface ClientInput {
  settings: Settings & { folder: string };
  printer: Printer;
  /** HOST, HOST:PORT, a multiaddr or an invitation. */
  master: string | undefined;
  trust: Did | undefined;
  acceptNew: boolean;
  acceptStale: boolean;
  once: boolean;
}

/** How often a resident client asks its master for a newer version. */
const REFRESH_MS = 15_000;

/** `x client`: pull from master and siblings, serve pip, npm and apt. Resolves when told to stop, or complete with `--once`. */
export async function runClient(input: ClientInput): Promise<void> {
  const { printer, settings } = input;
  const lock = await acquireLock(settings.folder, 'client');
  const stop = stopSignal();
  const closers: (() => Promise<void>)[] = [() => Promise.resolve(lock.release())];
  const defer = (close: () => Promise<void>): void => void closers.unshift(close);
  try {
    const data = await openData(settings.folder, (message) =>
      printer.report({ event: 'warning', message }),
    );
    defer(() => data.close());
    const identity = await openIdentity(settings.folder);
    const warn = (message: string): void => printer.report({ event: 'warning', message });
    const { swarm } = await startSwarm({ settings, data, identity, warn });
    defer(() => swarm.stop());
    await new Client({ input, data, swarm, lock, stop: stop.signal, defer }).run();
  } finally {
    stop.release();
    for (const close of closers) await close();
  }
}

interface ClientParts {
  input: ClientInput;
  data: DataFolder;
  swarm: Swarm;
  lock: ResidentLock;
  stop: AbortSignal;
  defer: (close: () => Promise<void>) => void;
}

class Client {
  readonly #shares = new Map<string, Share>();
  /** Paths of which a copy turned out bad, here or at a peer, and why. */
  readonly #bad = new Map<string, string>();
  readonly #progress: PullProgress;
  #onMasterBack: (() => void) | undefined;
  readonly #input: ClientInput;
  readonly #data: DataFolder;
  readonly #swarm: Swarm;
  readonly #lock: ResidentLock;
  readonly #stop: AbortSignal;
  readonly #defer: (close: () => Promise<void>) => void;
  readonly #master: { address: string; did: Did | undefined } | undefined;

  constructor(parts: ClientParts) {
    const { input } = parts;
    this.#input = input;
    this.#data = parts.data;
    this.#swarm = parts.swarm;
    this.#lock = parts.lock;
    this.#stop = parts.stop;
    this.#defer = parts.defer;
    this.#progress = new PullProgress(systemClock, (event) => input.printer.report(event));
    this.#master = input.master === undefined ? undefined : masterOf(input.master, input.trust);
  }

  async run(): Promise<void> {
    const { once } = this.#input;
    if (this.#master === undefined && this.#input.once) {
      throw new XError('USAGE', '--once needs --master', {
        hint: 'Say where to pull from: x client --master HOST --once.',
      });
    }
    if (!(await this.#audit())) return;
    await this.#shareWhatIsHeld();
    await this.#refresh(true);
    if (!once) await this.#serve();
    if (this.#shares.size > 0) await this.#complete();
    if (once) await this.#leaveKindly();
    if (once || this.#stop.aborted) return;
    while (!this.#stop.aborted) {
      await this.#untilRefreshIsDue();
      if (this.#stop.aborted) return;
      if (await this.#refresh(false)) await this.#complete();
    }
  }

  /** What changed on the disk while nobody was here is re-read; the damaged is fetched afresh. False where it was told to stop. */
  async #audit(): Promise<boolean> {
    const { store, catalog } = this.#data;
    try {
      const { damaged } = await store.audit(this.#stop);
      for (const { path } of damaged.flatMap(({ sha256 }) => catalog.entriesBySha256(sha256)))
        this.#bad.set(path, 'the copy here was damaged on disk');
      return true;
    } catch (error) {
      if (this.#stop.aborted) return false;
      throw error;
    }
  }

  /** After a while, or as soon as the master is back after it was away. */
  async #untilRefreshIsDue(): Promise<void> {
    const isBack = new Promise<void>((resolve) => (this.#onMasterBack = resolve));
    await Promise.race([
      systemClock.sleep(REFRESH_MS, this.#stop).catch(() => undefined),
      aborted(this.#stop),
      isBack,
    ]);
  }

  /** What the catalog knows already goes on, master or not. */
  async #shareWhatIsHeld(): Promise<void> {
    for (const record of this.#data.catalog.bundles())
      await this.#share(manifestOf(record, this.#data.catalog), record);
  }

  /** Asks the master for its bundles. True where something new was accepted. */
  async #refresh(first: boolean): Promise<boolean> {
    const { printer } = this.#input;
    if (this.#master === undefined) {
      if (first && this.#shares.size === 0) {
        throw new XError(
          'BUNDLE_NOT_FOUND',
          `no bundle is held in ${this.#input.settings.folder}, and no master is named`,
          {
            hint: 'Start with `x client --master HOST`, or bring a bundle with `x import PATH`.',
          },
        );
      }
      return false;
    }
    try {
      return await this.#pullMetadata(this.#master);
    } catch (error) {
      const survivable =
        error instanceof XError &&
        (error.code === 'MASTER_UNREACHABLE' || error.code === 'PEER_FAILED');
      if (!survivable || this.#shares.size === 0) throw error;
      if (first)
        printer.report({
          event: 'warning',
          message: `${messageOf(error)}; going on with what is held and with siblings`,
        });
      return false;
    }
  }

  async #pullMetadata(master: { address: string; did: Did | undefined }): Promise<boolean> {
    const listing = await this.#swarm.listBundles(master.address, master.did);
    if (listing.bundles.length === 0) {
      throw new XError('BUNDLE_NOT_FOUND', `the master at ${master.address} offers no bundle`, {
        hint: 'Is its `x source` still resolving? Try again when it says that it serves.',
      });
    }
    let accepted = false;
    for (const offered of listing.bundles) {
      const held = this.#data.catalog.bundle(`${offered.name}@${offered.source}`);
      if (held?.version === offered.version && this.#shares.has(held.id)) continue;
      const result = await acceptMetadata(
        { catalog: this.#data.catalog, clock: systemClock },
        {
          bundle: offered.name,
          source: offered.source,
          files: (file, maxBytes) =>
            this.#swarm.fetchMetadata(master.address, offered, file, maxBytes),
          from: `master ${master.address}`,
          trust: {
            did: master.did ?? this.#input.trust,
            acceptNew: this.#input.acceptNew,
            ask: askOnTerminal,
          },
          acceptStale: this.#input.acceptStale,
          older: 'refuse',
        },
      );
      for (const message of result.warnings)
        this.#input.printer.report({ event: 'warning', message });
      await this.#share(
        result.manifest ?? manifestOf(result.record, this.#data.catalog),
        result.record,
      );
      accepted = true;
    }
    return accepted;
  }

  async #share(manifest: Manifest, record: BundleRecord): Promise<void> {
    const before = this.#shares.get(record.id);
    if (before?.manifest.digest === manifest.digest) return;
    const masters = this.#master === undefined ? [] : [this.#master.address];
    const share = await this.#swarm.share(manifest, {
      masters,
      onEvent: (event) => this.#onPull(record.id, event),
    });
    this.#shares.set(record.id, share);
    this.#progress.add(record.id, record.bytes, share.heldBytes());
    await before?.stop();
  }

  #onPull(bundleId: string, event: PullEvent): void {
    const { printer } = this.#input;
    switch (event.event) {
      case 'connected':
        printer.event(
          { ...event },
          `connected to ${event.isMaster ? 'master' : 'sibling'} ${event.address}`,
        );
        return;
      case 'disconnected':
        return;
      case 'reachable':
        this.#onMasterBack?.();
        return;
      case 'bad-piece':
        this.#bad.set(event.path, `${event.did} sent a bad piece`);
        printer.report({
          event: 'warning',
          message: `${event.did} sent a bad piece of ${event.path} (piece ${event.index}); it is dropped, and the piece comes from elsewhere`,
        });
        return;
      case 'damaged':
        this.#bad.set(event.path, 'the copy here was damaged on disk');
        printer.report({
          event: 'warning',
          message: `the copy of ${event.path} here is damaged; it is dropped and fetched afresh`,
        });
        return;
      case 'unreachable':
        if (event.attempt === 1)
          printer.report({
            event: 'warning',
            message: `the master at ${event.address} does not answer (${event.reason}); trying again, siblings go on`,
          });
        return;
      case 'held':
        this.#progress.held(bundleId, event);
        return;
    }
  }

  async #complete(): Promise<void> {
    const shares = [...this.#shares.entries()];
    const stall = watchForStall({
      shares: shares.map(([, share]) => share),
      bad: this.#bad,
      clock: systemClock,
      deadlineMs: BOUNDS.stalledPullMs,
      unobtainableMs: BOUNDS.unobtainableMs,
      giveUp: this.#input.once,
      warn: (message) => this.#input.printer.report({ event: 'warning', message }),
    });
    try {
      await Promise.race([
        Promise.all(shares.map(([, share]) => share.complete(this.#stop))),
        stall.failed,
        aborted(this.#stop),
      ]);
    } finally {
      stall.stop();
    }
    if (this.#stop.aborted) return;
    const { bytes, fromMaster, fromSiblings, seconds } = this.#progress.totals();
    this.#input.printer.event(
      {
        event: 'complete',
        bundles: shares.map(([id]) => id),
        bytes,
        fromMaster,
        fromSiblings,
        seconds,
      },
      `complete: ${formatBytes(bytes)} held, ${formatBytes(fromMaster)} from master and ${formatBytes(fromSiblings)} from siblings in ${formatSeconds(Math.round(seconds))}`,
    );
  }

  /** What a client that is done owes its siblings: it stays while they lack what it holds, within bounds. */
  async #leaveKindly(): Promise<void> {
    const shares = [...this.#shares.values()];
    await Promise.race([
      Promise.all(shares.map((share) => share.unneeded(BOUNDS.lingerMs, this.#stop))),
      aborted(this.#stop),
    ]);
  }

  async #serve(): Promise<void> {
    const { settings, printer } = this.#input;
    const misses = new Misses();
    const servers = noting(createServers(), misses);
    const gateway = await startGateway({
      host: settings.bind,
      port: settings.port,
      data: this.#data,
      servers,
      want: (entry, signal) => this.#want(entry, signal),
      onPortTaken: (message) => printer.report({ event: 'warning', message }),
    });
    this.#defer(gateway.close);
    const resident = await serveResident(settings.folder, this.#lock, {
      role: 'client',
      gateway: gateway.url,
      status: () => this.#status(),
      misses,
    });
    this.#defer(resident.close);
    printer.event(
      { event: 'serving', gateway: gateway.url },
      `serving pip, npm and apt at ${gateway.url}; \`x run -- pip install …\` uses it`,
    );
  }

  #status(): JsonValue {
    return [...this.#shares.entries()].map(([id, share]) => ({
      id,
      version: share.manifest.version,
      heldBytes: share.heldBytes(),
      peers: share.peers().map((peer) => ({ ...peer })),
    }));
  }

  async #want(entry: CatalogEntry, signal?: AbortSignal): Promise<void> {
    const share = this.#shares.get(entry.bundleId);
    if (!share)
      throw new XError(
        'INCOMPLETE',
        `${entry.path} of bundle ${entry.bundleName} is not here, and nobody shares it`,
      );
    await share.want(entry.path, signal);
  }
}

function hostAndPort({ host, port }: { host: string; port: number }): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}

function masterOf(text: string, trust: Did | undefined): { address: string; did: Did | undefined } {
  if (!isInvitation(text)) return { address: text, did: trust };
  const invitation = parseInvitation(text);
  if (trust !== undefined && trust !== invitation.did) {
    throw new XError(
      'WRONG_SOURCE',
      `the invitation is ${invitation.did}'s, but --trust names ${trust}`,
      { hint: 'Ask the source for its key (`x key` there) and use one of the two.' },
    );
  }
  return { address: hostAndPort(invitation), did: invitation.did };
}
