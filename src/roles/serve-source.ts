import type { PieceManifest } from '../domain/bundle.js';
import { pieceCount } from '../domain/piece.js';
import type { Settings } from '../config/settings.js';
import type { ResidentLock } from '../platform/lock.js';
import type { PullEvent, Share } from '../ports/swarm.js';
import type { BundleRecord } from '../ports/catalog.js';
import type { Swarm } from '../ports/swarm.js';
import type { Identity } from '../trust/identity.js';
import { formatInvitation } from '../trust/invitation.js';
import { systemClock } from '../platform/clock.js';
import { ClientsView } from './clients-view.js';
import { createServers } from './ecosystem-servers.js';
import { createInsight } from './insight.js';
import { isForMembers } from './bundle-rules.js';
import { InviteDesk, type InviteTask } from './invite.js';
import { manifestOf } from './manifest-of.js';
import { BookFile, OwnMemberships } from './members-files.js';
import { MembersGate } from './members-gate.js';
import type { DataFolder } from './open-data.js';
import { openSigner } from './open-keys.js';
import { formatPeerAddress, type Printer } from './printer.js';
import { serveResident } from './resident.js';
import { startSwarm } from './start-swarm.js';
import { aborted } from '../domain/aborted.js';

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
  const { catalog } = data;
  const { folder } = settings;
  const book = await BookFile.open(folder);
  const own = await OwnMemberships.open(folder);
  const gate = new MembersGate({ catalog, identity, own, book, warn });
  const { swarm, addresses } = await startSwarm({ settings, data, identity, gate, warn });
  try {
    const byId = new Map<string, Share>();
    for (const record of catalog.bundles()) await shareBundle(input, swarm, byId, record);
    const at = hostAndPortOf(addresses);
    const desk = new InviteDesk({
      catalog,
      identity,
      signer: () => openSigner(folder),
      book,
      address: () => at,
      onPublished: async (records) => {
        for (const record of records) await shareBundle(input, swarm, byId, record);
      },
    });
    const insight = createInsight({
      role: 'source',
      did: identity.did,
      folder,
      catalog,
      store: data.store,
      marked: data.marked,
      clock: systemClock,
      servers: createServers(),
      shares: () => byId,
    });
    const resident = await serveResident(folder, lock, {
      role: 'source',
      gateway: undefined,
      insight,
      data,
      served: () => new Set(byId.keys()),
      invite: (args) => desk.handle(args as unknown as InviteTask),
      status: () =>
        [...byId.values()].map((share) => ({
          bundle: share.manifest.bundle,
          version: share.manifest.version,
          peers: share.peers().map((peer) => ({ ...peer })),
        })),
    });
    try {
      const invite = formatInvitation({ did: identity.did, ...at });
      const members = catalog.bundles().filter((record) => isForMembers(catalog, record));
      printer.event(
        { event: 'serving', addresses, invite, members: members.map(({ name }) => name) },
        servingText(
          invite,
          members.map(({ name }) => name),
          catalog.bundles().length,
        ),
      );
      const view = new ClientsView();
      const look = (isLast = false): void => {
        const served = [...byId.values()].map((share) => ({
          ...sizeOnce(share),
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

const sizes = new WeakMap<Share, { bytes: number; pieces: number }>();

function sizeOnce(share: Share): { bytes: number; pieces: number } {
  const size = sizes.get(share) ?? sizeOf(share.manifest);
  sizes.set(share, size);
  return size;
}

/** Of entries with the same bytes one counts, as in have-maps; of no bytes none. */
function sizeOf({ entries }: PieceManifest): { bytes: number; pieces: number } {
  const lengths = new Map<string, number>();
  for (const { sha256, lengthBytes } of entries) lengths.set(sha256, lengthBytes);
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

/** Shares a bundle as the catalog has it now, instead of the version that was shared before. */
async function shareBundle(
  { data, printer }: ServeSourceInput,
  swarm: Swarm,
  byId: Map<string, Share>,
  record: BundleRecord,
): Promise<void> {
  const before = byId.get(record.id);
  const share = await swarm.share(manifestOf(record, data.catalog), {
    masters: [],
    onEvent: (event) => onEvent(printer, event),
  });
  byId.set(record.id, share);
  if (before !== share) await before?.stop();
}

/** The address that other machines most likely reach this one by: the first. */
function hostAndPortOf(addresses: readonly string[]): { host: string; port: number } {
  const [, host = '127.0.0.1', port = '8471'] =
    /^\/ip[46]\/([^/]+)\/tcp\/([0-9]+)/.exec(addresses[0] ?? '') ?? [];
  return { host, port: Number(port) };
}

function servingText(invite: string, members: readonly string[], count: number): string {
  const names = members.map((name) => `"${name}"`).join(', ');
  if (members.length === 0)
    return `serving to clients; on each of them:\n  x client --master '${invite}'\nOpen: whoever reaches this machine on the local network may pull (--members asks for an invitation).\nCtrl-C stops.`;
  const what =
    members.length === count ? 'serving to members only' : `serving; ${names} to members only`;
  return `${what}; for each new one: x invite\nthose that are members already, on each of them:\n  x client --master '${invite}'\nCtrl-C stops.`;
}
