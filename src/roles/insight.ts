import { statfsSync } from 'node:fs';
import { messageOf } from '../domain/errors.js';
import { licenceOf } from '../domain/licence.js';
import type { EcosystemName } from '../domain/plan.js';
import type { Did } from '../domain/bundle.js';
import type { Membership } from '../domain/membership.js';
import type { Conflict } from '../operations/settle-conflicts.js';
import type { Catalog } from '../ports/catalog.js';
import type { Clock } from '../ports/clock.js';
import type { EcosystemServer } from '../ports/ecosystem.js';
import {
  ARRIVAL_PARTS,
  type BundleStatus,
  type HeldPackage,
  type HeldVersion,
  type Insight,
  type NetworkView,
  type Status,
} from '../ports/insight.js';
import type { MarkedFiles } from '../ports/marked-files.js';
import type { Store } from '../ports/store.js';
import type { Share } from '../ports/swarm.js';
import { VERSION } from './version.js';

export interface InsightParts {
  role: Status['role'];
  did: Did | undefined;
  folder: string;
  catalog: Pick<Catalog, 'bundles' | 'entries' | 'entriesByName' | 'search' | 'wishes'>;
  store: Pick<Store, 'stat' | 'totals'>;
  marked: Pick<MarkedFiles, 'totals'>;
  clock: Pick<Clock, 'now' | 'monotonicMs'>;
  servers: readonly EcosystemServer[];
  /** Bundles that are being pulled or shared, by id. */
  shares: () => ReadonlyMap<string, Share>;
  /** Of this machine; none where it is not asked. */
  memberships?: () => readonly Membership[];
  /** Where a gateway serves. */
  conflicts?: () => readonly Conflict[];
  /** Where it is part of the public swarm. */
  network?: (() => NetworkView) | undefined;
  howTo?: (() => Status['howTo']) | undefined;
}

/** How long the sizes on disk, which take a walk, are taken for current. */
const DISK_MS = 5_000;
/** A list of a thousand nodes is not made and sent for each change of another number. */
const NETWORK_MS = 2_000;

/** What this process and its data folder look like from outside. */
export function createInsight(parts: InsightParts): Insight {
  const { catalog, clock, shares } = parts;
  const disk = remembered(clock, DISK_MS, () => diskOf(parts));
  const marked = remembered(clock, DISK_MS, () => parts.marked.totals());
  const network = remembered(clock, NETWORK_MS, () => parts.network?.());
  const unshared = remembered(clock, DISK_MS, () => new Map<string, number>());
  const heldBytes = (id: string): number => {
    const known = unshared().get(id) ?? heldBytesOf(id, parts);
    unshared().set(id, known);
    return known;
  };
  return {
    status: () => ({
      at: clock.now().toISOString(),
      version: VERSION,
      role: parts.role,
      did: parts.did,
      bundles: catalog.bundles().map((record): BundleStatus => {
        const share = shares().get(record.id);
        if (share === undefined) {
          const held = heldBytes(record.id);
          return { ...record, heldBytes: held, arrival: [percent(held, record.bytes)] };
        }
        const { totalBytes: bytes } = share;
        return {
          ...record,
          bytes,
          heldBytes: share.heldBytes(),
          arrival: share.arrival(ARRIVAL_PARTS),
        };
      }),
      peers: [...shares()].flatMap(([bundleId, share]) =>
        share.peers().map((peer) => ({ ...peer, bundleId })),
      ),
      memberships: (parts.memberships?.() ?? []).map(({ source, bundles, notAfter }) => ({
        ...{ source, bundles, notAfter },
      })),
      disk: disk(),
      marked: marked(),
      wishes: catalog.wishes().length,
      conflicts: (parts.conflicts?.() ?? []).map(({ path, chosen, reason }) => ({
        ...{ path, bundle: chosen.bundleId, reason },
      })),
      network: network(),
      howTo: parts.howTo?.(),
    }),
    search: ({ gateway, ...query }) => {
      const { total, packages } = catalog.search(query);
      return {
        total,
        packages: packages.map(({ ecosystem, name }) =>
          heldPackage(ecosystem, name, parts, gateway),
        ),
      };
    },
    wishes: () => catalog.wishes(),
  };
}

/** A package's versions, newest first as far as the numbers in them tell. */
export function heldPackage(
  ecosystem: EcosystemName,
  name: string,
  { catalog, store, servers }: Pick<InsightParts, 'catalog' | 'store' | 'servers'>,
  gateway?: string,
): HeldPackage {
  const server = servers.find((candidate) => candidate.name === ecosystem);
  const versions = new Map<string, HeldVersion>();
  for (const entry of catalog.entriesByName(ecosystem, name)) {
    if (entry.kind !== 'package') continue;
    const version = entry.version ?? '';
    const key = `${version} ${entry.bundleId}`;
    const known = versions.get(key) ?? {
      version,
      bundle: entry.bundleName,
      files: 0,
      bytes: 0,
      heldBytes: 0,
      targets: [],
      proof: entry.proof,
      licence: licenceOf(entry),
      install: server?.installCommand(name, version, gateway) ?? '',
    };
    versions.set(key, {
      ...known,
      files: known.files + 1,
      bytes: known.bytes + entry.lengthBytes,
      heldBytes: known.heldBytes + (store.stat(entry.sha256) === undefined ? 0 : entry.lengthBytes),
      targets: [...new Set([...known.targets, ...entry.targets])].sort(),
    });
  }
  const newestFirst = [...versions.values()].sort((a, b) =>
    byNumbers.compare(b.version, a.version),
  );
  return { ecosystem, name, versions: newestFirst };
}

const byNumbers = new Intl.Collator('en', { numeric: true });

function heldBytesOf(id: string, { catalog, store }: InsightParts): number {
  let held = 0;
  for (const { sha256, lengthBytes } of catalog.entries(id)) {
    if (store.stat(sha256) !== undefined) held += lengthBytes;
  }
  return held;
}

function diskOf({ folder, store }: InsightParts): Status['disk'] {
  const { blobs, bytes } = store.totals();
  return { blobs, heldBytes: bytes, freeBytes: freeBytesOf(folder) };
}

/** Undefined where the file system does not say. */
export function freeBytesOf(folder: string): number | undefined {
  try {
    const { bavail, bsize } = statfsSync(folder);
    return bavail * bsize;
  } catch (error) {
    if (/ENOSYS|ENOENT|EPERM|EACCES/.test(messageOf(error))) return undefined;
    throw error;
  }
}

function percent(part: number, whole: number): number {
  return whole === 0 ? 100 : Math.floor((part * 100) / whole);
}

function remembered<T>(clock: Pick<Clock, 'monotonicMs'>, ms: number, make: () => T): () => T {
  let known: { value: T; atMs: number } | undefined;
  return () => {
    const nowMs = clock.monotonicMs();
    if (known === undefined || nowMs - known.atMs >= ms) known = { value: make(), atMs: nowMs };
    return known.value;
  };
}
