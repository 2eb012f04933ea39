import type { Settings } from '../config/settings.js';
import { aborted } from '../domain/aborted.js';
import type { Did } from '../domain/bundle.js';
import { BOUNDS } from '../domain/bounds.js';
import { messageOf, XError } from '../domain/errors.js';
import type { JsonValue } from '../domain/plan.js';
import { systemClock } from '../platform/clock.js';
import { acquireLock, type ResidentLock } from '../platform/lock.js';
import type { CatalogEntry } from '../ports/catalog.js';
import type { Share, Swarm } from '../ports/swarm.js';
import { addDays } from '../trust/time.js';
import { FreshnessLog } from '../trust/freshness.js';
import { mastersOf } from '../trust/masters.js';
import { trustedNow } from '../operations/trusted-now.js';
import { takeAllMarked } from '../operations/take-marked.js';
import { createServers } from './ecosystem-servers.js';
import { manifestOf } from './manifest-of.js';
import { Joining } from './joining.js';
import { Master, type AcceptedBundle } from './master.js';
import { OwnMemberships } from './members-files.js';
import { MembersGate } from './members-gate.js';
import { fullDiskLine, openData, type DataFolder } from './open-data.js';
import { nextCommands } from './next-command.js';
import { openIdentity } from './open-keys.js';
import { formatBytes, formatSeconds, type Printer } from './printer.js';
import { PullLog } from './pull-log.js';
import { startSwarm } from './start-swarm.js';
import { stopSignal } from './until-stopped.js';
import { watchForStall } from './stall.js';

export interface ClientInput {
  settings: Settings & { folder: string };
  printer: Printer;
  /** HOST, HOST:PORT, multiaddrs or invitations; none: what is held is served. */
  masters: readonly string[];
  trust: readonly Did[];
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
    const warn = (message: string): void => printer.report({ event: 'warning', message });
    if (data.isReadOnly) warn(fullDiskLine(settings.folder));
    const identity = await openIdentity(settings.folder);
    const own = await OwnMemberships.open(settings.folder);
    const gate = new MembersGate({ catalog: data.catalog, identity, own, book: undefined, warn });
    const { swarm } = await startSwarm({ settings, data, identity, gate, warn });
    defer(() => swarm.stop());
    const { did } = identity;
    await new Client({ input, data, did, own, swarm, lock, stop: stop.signal, defer }).run();
  } finally {
    stop.release();
    for (const close of closers) await close();
  }
}

interface ClientParts {
  input: ClientInput;
  data: DataFolder;
  did: Did;
  own: OwnMemberships;
  swarm: Swarm;
  lock: ResidentLock;
  stop: AbortSignal;
  defer: (close: () => Promise<void>) => void;
}

class Client {
  readonly #shares = new Map<string, Share>();
  readonly #log: PullLog;
  #onMasterBack: (() => void) | undefined;
  readonly #input: ClientInput;
  readonly #data: DataFolder;
  readonly #did: Did;
  readonly #own: OwnMemberships;
  readonly #swarm: Swarm;
  readonly #lock: ResidentLock;
  readonly #stop: AbortSignal;
  readonly #defer: (close: () => Promise<void>) => void;
  readonly #masters: readonly Master[];
  #isServing = false;
  #hasSaidNext = false;

  constructor(parts: ClientParts) {
    const { input } = parts;
    this.#input = input;
    this.#data = parts.data;
    this.#did = parts.did;
    this.#own = parts.own;
    this.#swarm = parts.swarm;
    this.#lock = parts.lock;
    this.#stop = parts.stop;
    this.#defer = parts.defer;
    this.#log = new PullLog(input.printer, () => this.#onMasterBack?.());
    this.#masters = [...new Set(input.masters)].map(
      (text) =>
        new Master({
          text,
          trust: input.trust,
          acceptNew: input.acceptNew,
          acceptStale: input.acceptStale,
          catalog: parts.data.catalog,
          swarm: parts.swarm,
          membership: new Joining(parts),
          warn: (message) => this.#warn(message),
        }),
    );
  }

  async run(): Promise<void> {
    const { once } = this.#input;
    if (this.#masters.length === 0 && once) {
      throw new XError('USAGE', '--once needs --master', {
        hint: 'Say where to pull from: x client --master HOST --once.',
      });
    }
    if (!(await this.#audit())) return;
    await this.#shareWhatIsHeld();
    // What is held is served at once, whatever the master does.
    if (!once && this.#shares.size > 0) await this.#serve();
    await this.#meetMasters();
    if (this.#stop.aborted) return;
    this.#warnOfEnds();
    if (this.#masters.length === 0) this.#warnOfAges();
    if (once) await this.#pullOnce();
    else await this.#stay();
  }

  #warnOfEnds(): void {
    const soon = addDays(systemClock.now(), BOUNDS.membershipWarningDays);
    for (const { source, notAfter } of this.#own.ending(soon)) {
      const what = `this machine's membership of ${source} ends at ${notAfter}`;
      this.#warn(`${what}: ask for a new invitation (x invite there)`);
    }
  }

  /** Of what is held and nobody renews: with a master its offer says as much. */
  #warnOfAges(): void {
    const { catalog } = this.#data;
    const { now, warnings } = trustedNow({ catalog, clock: systemClock });
    for (const { name, expiresAt, graceDays } of catalog.bundles()) {
      const log = new FreshnessLog(name, now, () => true);
      log.note('its metadata', new Date(expiresAt), graceDays);
      warnings.push(...log.warnings());
    }
    for (const message of warnings) this.#warn(message);
  }

  async #pullOnce(): Promise<void> {
    await this.#complete();
    const shares = [...this.#shares.values()];
    // What a client that is done owes its siblings: it stays while they lack what it holds, within bounds.
    await Promise.race([
      Promise.all(shares.map((share) => share.unneeded(BOUNDS.lingerMs, this.#stop))),
      aborted(this.#stop),
    ]);
  }

  /** Serves and pulls until told to stop. Nothing that a master or a sibling does ends it. */
  async #stay(): Promise<void> {
    await this.#serve();
    let following = this.#follow();
    while (!this.#stop.aborted) {
      await this.#untilRefreshIsDue();
      if (this.#stop.aborted) continue;
      const isCurrent = (id: string, version: number): boolean =>
        this.#shares.get(id)?.manifest.version === version;
      const accepted: AcceptedBundle[] = [];
      for (const master of this.#masters)
        accepted.push(...((await this.#unlessStopped(master.refresh(isCurrent))) ?? []));
      if (accepted.length === 0) continue;
      for (const bundle of accepted) await this.#shareOrSay(bundle);
      following = Promise.all([following, this.#follow()]).then(() => undefined);
    }
    await following;
  }

  /** Says when all is here; what ends a pull of a resident client is said, and tried again after a while. */
  async #follow(): Promise<void> {
    while (!this.#stop.aborted) {
      const shares = [...this.#shares.values()];
      const isStale = (): boolean =>
        shares.some((share) => ![...this.#shares.values()].includes(share));
      try {
        await this.#complete();
        return;
      } catch (error) {
        if (this.#stop.aborted || isStale()) return;
        if (!(error instanceof XError)) throw error;
        this.#warn(`${messageOf(error)}; what is held is served, and the rest is tried again`);
        await systemClock.sleep(REFRESH_MS, this.#stop).catch(() => undefined);
      }
    }
  }

  /** What changed on the disk while nobody was here is re-read; the damaged is fetched afresh. False where it was told to stop. */
  async #audit(): Promise<boolean> {
    const { store, catalog } = this.#data;
    try {
      const { damaged } = await store.audit(this.#stop);
      for (const { path } of damaged.flatMap(({ sha256 }) => catalog.entriesBySha256(sha256)))
        this.#log.bad.set(path, 'the copy here was damaged on disk');
      return true;
    } catch (error) {
      if (this.#stop.aborted) return false;
      // There is no room to note it; each piece is looked at again before it is served.
      if (error instanceof XError && error.code === 'DISK_FULL') return true;
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
    const { catalog } = this.#data;
    for (const record of catalog.bundles())
      await this.#shareOrSay({ record, manifest: manifestOf(record, catalog) });
  }

  /** First contact. Without an answer, what is held is enough to go on; without trust, nothing is. */
  async #meetMasters(): Promise<void> {
    const { settings } = this.#input;
    if (this.#masters.length === 0) {
      if (this.#shares.size > 0) return;
      throw new XError(
        'BUNDLE_NOT_FOUND',
        `no bundle is held in ${settings.folder}, and no master is named`,
        {
          hint: 'Start with `x client --master HOST`, or bring a bundle with `x import PATH`.',
        },
      );
    }
    const failures: XError[] = [];
    for (const master of this.#masters) {
      try {
        const met = await this.#unlessStopped(master.meet());
        if (met === undefined) return;
        for (const bundle of met) await this.#share(bundle);
      } catch (error) {
        if (!(error instanceof XError) || !this.#isBearable(error) || this.#stop.aborted)
          throw error;
        failures.push(error);
      }
    }
    const [first] = failures;
    if (first !== undefined && this.#shares.size === 0) throw first;
    for (const failure of failures)
      this.#warn(`${messageOf(failure)}; going on with what is held and with siblings`);
  }

  /** Undefined where it is told to stop first: who is silent is not waited for. */
  async #unlessStopped<T>(asking: Promise<T>): Promise<T | undefined> {
    return Promise.race([asking, aborted(this.#stop).then(() => undefined)]);
  }

  /** Whoever is not trusted ends it. Who no longer trusts this machine does not take away what it has. */
  #isBearable({ code, exitCode }: XError): boolean {
    const isRefused = code === 'NOT_A_MEMBER' || code === 'INVITATION_REFUSED';
    return exitCode !== 3 || (isRefused && !this.#input.once);
  }

  /** A bundle that cannot be shared does not keep the others from it. */
  async #shareOrSay(bundle: AcceptedBundle): Promise<void> {
    try {
      await this.#share(bundle);
    } catch (error) {
      if (!(error instanceof XError)) throw error;
      this.#warn(`bundle "${bundle.record.name}" is left out: ${messageOf(error)}`);
    }
  }

  async #share({ manifest, record }: AcceptedBundle): Promise<void> {
    const before = this.#shares.get(record.id);
    if (before?.manifest.digest === manifest.digest) return;
    await this.#takeMarked(manifest);
    const masters = this.#masters.map(({ address }) => address);
    const share = await this.#swarm.share(manifest, {
      masters,
      listed: mastersOf(this.#data.catalog.metadata(record.id)),
      onEvent: (event) => this.#log.told(record.id, event),
    });
    this.#shares.set(record.id, share);
    this.#log.progress.add(record.id, share.totalBytes, share.heldBytes());
    if (before !== share) await before?.stop();
  }

  /** What lies on this machine already does not have to be pulled. */
  async #takeMarked({ bundle, entries }: AcceptedBundle['manifest']): Promise<void> {
    const { files, bytes } = await takeAllMarked(this.#data, entries, this.#stop);
    if (files === 0) return;
    this.#input.printer.event(
      { event: 'local', bundle, files, bytes },
      `${files === 1 ? '1 file' : `${files} files`} of "${bundle}" (${formatBytes(bytes)}) lay on this machine already (x scan)`,
    );
  }

  #warn(message: string): void {
    this.#input.printer.report({ event: 'warning', message });
  }

  async #complete(): Promise<void> {
    const shares = [...this.#shares.entries()];
    const stall = watchForStall({
      shares: shares.map(([, share]) => share),
      bad: this.#log.bad,
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
    if (this.#stop.aborted || shares.length === 0) return;
    const { bytes, fromMaster, fromSiblings, seconds } = this.#log.progress.totals();
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
    this.#sayNext(shares.map(([id]) => id));
  }

  /** Once: what to type now. */
  #sayNext(ids: readonly string[]): void {
    if (this.#hasSaidNext) return;
    this.#hasSaidNext = true;
    const bundles = ids.map((id) => () => this.#data.catalog.entries(id));
    const commands = nextCommands(bundles, createServers()).map((command) => `  ${command}`);
    if (commands.length === 0) return;
    const where = this.#input.once ? 'to install' : 'to install, in another terminal';
    this.#input.printer.line([`${where} (x ls NAME lists all):`, ...commands].join('\n'));
  }

  async #serve(): Promise<void> {
    if (this.#isServing) return;
    this.#isServing = true;
    // The HTTP server and its libraries: who pulls once and leaves needs none.
    const { serveGateway } = await import('./serve-gateway.js');
    const { settings, printer } = this.#input;
    await serveGateway({
      settings,
      printer,
      data: this.#data,
      did: this.#did,
      lock: this.#lock,
      shares: () => this.#shares,
      want: (entry, signal) => this.#want(entry, signal),
      status: () => this.#status(),
      memberships: () => this.#own.latest(),
      defer: this.#defer,
    });
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
