import { XError } from '../domain/errors.js';
import {
  decideRetention,
  type RetainedBundle,
  type RetentionPolicy,
  type RetentionVerdict,
} from '../domain/retention.js';
import type { Catalog } from '../ports/catalog.js';
import type { Store } from '../ports/store.js';
import { droppedKey } from './accept-metadata.js';

export interface GarbageDeps {
  store: Pick<Store, 'stat' | 'unreferenced' | 'partials' | 'remove' | 'hasOtherWriters'>;
  catalog: Catalog;
  /** Ids of bundles that this process serves. */
  served: ReadonlySet<string>;
}

export interface GarbageInput extends RetentionPolicy {
  /** Says what would go, and leaves it. */
  dryRun: boolean;
  /** Ids of the bundles that no rule drops; those that the catalog has as pinned by default. */
  pinned?: ReadonlySet<string> | undefined;
}

export interface GarbageResult extends RetentionVerdict {
  /** Files in no bundle that went, the dropped bundles' included. */
  removed: { files: number; bytes: number };
}

const PINNED = 'pinned-bundles';

/** Ids of the bundles that no rule drops. */
export function pinnedBundles(catalog: Pick<Catalog, 'getValue'>): Set<string> {
  const text = catalog.getValue(PINNED) ?? '[]';
  return new Set(JSON.parse(text) as string[]);
}

/** Pins or unpins a bundle. */
export function pinBundle(catalog: Catalog, id: string, isPinned: boolean): void {
  const pinned = pinnedBundles(catalog);
  if (isPinned) pinned.add(id);
  else pinned.delete(id);
  catalog.setValue(PINNED, JSON.stringify([...pinned].sort()));
}

/**
 * Drops the bundles that the rules say, then what no bundle names. Bytes that a bundle still names,
 * and bundles that are being served, stay.
 * @throws XError DATA_FOLDER_BUSY where another process stores what may belong to a bundle to come;
 *   USAGE where a bundle that was signed here, or is served, is named.
 */
export async function collectGarbage(
  deps: GarbageDeps,
  input: GarbageInput,
): Promise<GarbageResult> {
  const { catalog, store } = deps;
  const bundles = retainedBundles(deps, input.pinned ?? pinnedBundles(deps.catalog));
  for (const bundle of bundles) if (input.named.has(bundle.id)) requireDroppable(bundle);
  const verdict = decideRetention(bundles, input);
  if (!input.dryRun && store.hasOtherWriters()) {
    throw new XError('DATA_FOLDER_BUSY', 'another command is storing files in this data folder', {
      hint: 'Run x gc again when it is done: until then nobody knows which bundle they belong to.',
    });
  }
  if (input.dryRun) return { ...verdict, removed: wouldGo(deps, verdict, bundles) };
  for (const { id } of verdict.dropped) {
    const version = catalog.bundle(id)?.version;
    if (version !== undefined) catalog.setValue(droppedKey(id), String(version));
    catalog.removeBundle(id);
  }
  const removed = { files: 0, bytes: 0 };
  for (const { sha256, lengthBytes } of store.unreferenced()) {
    await store.remove(sha256);
    removed.files += 1;
    removed.bytes += lengthBytes;
  }
  for (const { sha256 } of store.partials()) {
    if (catalog.entriesBySha256(sha256).length > 0) continue;
    await store.remove(sha256);
    removed.files += 1;
  }
  return { ...verdict, removed };
}

function requireDroppable({ name, isOwn, isServed }: RetainedBundle): void {
  if (isOwn) {
    throw new XError('USAGE', `"${name}" was signed on this machine, so it is not dropped`, {
      hint: `Its versions have to go on rising for those who have it. Sign a smaller one in its place: x source -r FILE --name ${name} --once, then x gc.`,
    });
  }
  if (isServed) {
    throw new XError('USAGE', `"${name}" is being served, so it is not dropped`, {
      hint: 'Stop the client that runs on this data folder, then drop it.',
    });
  }
}

function retainedBundles(
  { catalog, store, served }: GarbageDeps,
  pinned: ReadonlySet<string>,
): RetainedBundle[] {
  return catalog.bundles().map(({ id, name, signedAt, role }) => {
    const held = new Map<string, number>();
    for (const { sha256, lengthBytes } of catalog.entries(id))
      if (store.stat(sha256) !== undefined) held.set(sha256, lengthBytes);
    const isServed = served.has(id);
    return {
      id,
      name,
      signedAt,
      isOwn: role === 'source',
      isPinned: pinned.has(id),
      isServed,
      held,
    };
  });
}

/** What is in no bundle now, and what only the dropped ones name. */
function wouldGo(
  { store }: GarbageDeps,
  { dropped }: RetentionVerdict,
  bundles: readonly RetainedBundle[],
): GarbageResult['removed'] {
  const goes = new Set(dropped.map(({ id }) => id));
  const stays = new Set(
    bundles.filter(({ id }) => !goes.has(id)).flatMap(({ held }) => [...held.keys()]),
  );
  const going = new Map<string, number>();
  for (const { id, held } of bundles) {
    if (!goes.has(id)) continue;
    for (const [sha256, lengthBytes] of held)
      if (!stays.has(sha256)) going.set(sha256, lengthBytes);
  }
  for (const { sha256, lengthBytes } of store.unreferenced()) going.set(sha256, lengthBytes);
  return { files: going.size, bytes: [...going.values()].reduce((sum, bytes) => sum + bytes, 0) };
}
