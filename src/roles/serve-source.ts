import type { Manifest } from '../domain/bundle.js';
import { pieceCount } from '../domain/piece.js';
import type { Settings } from '../config/settings.js';
import type { ResidentLock } from '../platform/lock.js';
import type { PullEvent, Share } from '../ports/swarm.js';
import type { Identity } from '../trust/identity.js';
import { formatInvitation } from '../trust/invitation.js';
import { systemClock } from '../platform/clock.js';
import { ClientsView } from './clients-view.js';
import { createServers } from './ecosystem-servers.js';
import { createInsight } from './insight.js';
import { manifestOf } from './manifest-of.js';
import type { DataFolder } from './open-data.js';
import { formatPeerAddress, type Printer } from './printer.js';
import { serveResident } from './resident.js';
import { startSwarm } from './start-swarm.js';
import { aborted } from './until-stopped.js';

/** How often it is looked how far the clients are. */
const LOOK_EVERY_MS = 250;

export interface ServeSourceInput {
  settings: Settings & { folder: string };
  printer: Printer;
  data: DataFolder;
  identity: Identity;
  lock: ResidentLock;
  /** Ends it. */
  signal: AbortSignal;
}

/** Serves every bundle of the data folder that this machine signed, until told to stop. */
export async function serveSource(input: ServeSourceInput): Promise<void> {
  const { settings, printer, data, identity, lock, signal } = input;
  const warn = (message: string): void => printer.report({ event: 'warning', message });
  const { swarm, addresses } = await startSwarm({ settings, data, identity, warn });
  try {
    const byId = new Map<string, Share>();
    for (const record of data.catalog.bundles()) {
      const share = await swarm.share(manifestOf(record, data.catalog), {
        masters: [],
        onEvent: (event) => onEvent(printer, event),
      });
      byId.set(record.id, share);
    }
    const shares = [...byId.values()];
    const insight = createInsight({
      role: 'source',
      did: identity.did,
      folder: settings.folder,
      catalog: data.catalog,
      store: data.store,
      clock: systemClock,
      servers: createServers(),
      shares: () => byId,
    });
    const resident = await serveResident(settings.folder, lock, {
      role: 'source',
      gateway: undefined,
      insight,
      data,
      served: () => new Set(byId.keys()),
      status: () =>
        shares.map((share) => ({
          bundle: share.manifest.bundle,
          version: share.manifest.version,
          peers: share.peers().map((peer) => ({ ...peer })),
        })),
    });
    try {
      const invite = invitationOf(identity, addresses);
      printer.event(
        { event: 'serving', addresses, invite },
        `serving to clients; on each of them:\n  x client --master '${invite}'\nCtrl-C stops.`,
      );
      const view = new ClientsView();
      const sizes = shares.map((share) => ({ share, size: sizeOf(share.manifest) }));
      const look = (isLast = false): void => {
        const served = sizes.map(({ share, size }) => ({
          ...size,
          name: share.manifest.bundle,
          peers: share.peers(),
        }));
        if (view.see(served) || isLast) printer.live(view.event(), view.lines(), isLast);
      };
      const looking = setInterval(look, LOOK_EVERY_MS);
      await aborted(signal);
      clearInterval(looking);
      look(true);
      printer.done();
      printer.line(`stopped; ${view.summary()}`);
    } finally {
      await resident.close();
    }
  } finally {
    await swarm.stop();
  }
}

/** Of entries with the same bytes one counts, as in have-maps; of no bytes none. */
function sizeOf({ entries }: Manifest): { bytes: number; pieces: number } {
  const lengths = new Map(entries.map(({ sha256, lengthBytes }) => [sha256, lengthBytes]));
  let bytes = 0;
  let pieces = 0;
  for (const lengthBytes of lengths.values()) {
    bytes += lengthBytes;
    pieces += lengthBytes === 0 ? 0 : pieceCount(lengthBytes);
  }
  return { bytes, pieces };
}

function onEvent(printer: Printer, event: PullEvent): void {
  if (event.event === 'damaged') {
    const message = `the copy of ${event.path} here is damaged and is not served; run this command again to fetch it afresh`;
    printer.report({ event: 'warning', message });
  }
  if (event.event === 'connected')
    printer.event({ ...event }, `client ${formatPeerAddress(event.address)} connected`);
}

/** An invitation under the address that other machines most likely reach this one by: the first. */
function invitationOf(identity: Identity, addresses: readonly string[]): string {
  const [, host = '127.0.0.1', port = '8471'] =
    /^\/ip[46]\/([^/]+)\/tcp\/([0-9]+)/.exec(addresses[0] ?? '') ?? [];
  return formatInvitation({ did: identity.did, host, port: Number(port) });
}
