import type { Settings } from '../config/settings.js';
import type { JsonObject, JsonValue } from '../domain/plan.js';
import {
  collectGarbage,
  pinBundle,
  pinnedBundles,
  type GarbageResult,
} from '../operations/collect-garbage.js';
import { findBundle } from '../operations/find-bundle.js';
import { systemClock } from '../platform/clock.js';
import { askResident } from '../platform/control-client.js';
import { acquireLock } from '../platform/lock.js';
import { openData, type DataFolder } from './open-data.js';
import { formatBytes, type Printer } from './printer.js';
import { parseSize } from './sizes.js';

export interface GcInput {
  settings: Settings & { folder: string };
  printer: Printer;
  dryRun: boolean;
  /** Days since a bundle was signed. */
  keepDays: number | undefined;
  quota: string | undefined;
  drop: string[];
  pin: string[];
  unpin: string[];
}

const DAY_MS = 86_400_000;

/** `x gc`: frees what no bundle needs, and bundles by age, quota or name. */
export async function runGc(input: GcInput): Promise<void> {
  const { printer, settings } = input;
  const args: JsonObject = {
    dryRun: input.dryRun,
    keepDays: input.keepDays ?? null,
    quotaBytes: input.quota === undefined ? null : parseSize(input.quota),
    drop: input.drop,
    pin: input.pin,
    unpin: input.unpin,
  };
  const result = ((await askResident(settings.folder, 'gc', args)) ??
    (await alone(settings.folder, args))) as unknown as GarbageResult;
  printer.document(result, [
    ...(input.dryRun ? [] : pinLines(input)),
    ...gcLines(result, input.dryRun),
  ]);
}

function pinLines({ pin, unpin }: Pick<GcInput, 'pin' | 'unpin'>): string[] {
  return [
    ...pin.map((name) => `pinned bundle "${name}": no rule drops it`),
    ...unpin.map((name) => `unpinned bundle "${name}": rules may drop it`),
  ];
}

/** Nobody may begin to pull meanwhile. */
async function alone(folder: string, args: JsonObject): Promise<JsonValue> {
  const lock = await acquireLock(folder, 'gc');
  try {
    const data = await openData(folder);
    try {
      return await gcOf(data, new Set())(args);
    } finally {
      await data.close();
    }
  } finally {
    lock.release();
  }
}

/** Answers the question that `x gc` asks a resident process. */
export function gcOf(
  data: Pick<DataFolder, 'catalog' | 'store'>,
  served: ReadonlySet<string>,
): (args: JsonObject) => Promise<JsonValue> {
  return async (args) => {
    const { catalog, store } = data;
    const idsOf = (names: JsonValue | undefined): string[] =>
      (Array.isArray(names) ? names : []).map((name) => findBundle(catalog, String(name)).id);
    const named = new Set(idsOf(args['drop']));
    const [pin, unpin] = [idsOf(args['pin']), idsOf(args['unpin'])];
    const { keepDays, quotaBytes, dryRun } = args;
    const pinned = new Set([...pinnedBundles(catalog), ...pin]);
    for (const id of unpin) pinned.delete(id);
    if (dryRun !== true) {
      for (const id of pin) pinBundle(catalog, id, true);
      for (const id of unpin) pinBundle(catalog, id, false);
    }
    const result = await collectGarbage(
      { catalog, store, served },
      {
        dryRun: dryRun === true,
        named,
        pinned,
        quotaBytes: typeof quotaBytes === 'number' ? quotaBytes : undefined,
        signedBefore:
          typeof keepDays === 'number'
            ? new Date(systemClock.now().getTime() - keepDays * DAY_MS)
            : undefined,
      },
    );
    return result as unknown as JsonValue;
  };
}

function gcLines(
  { dropped, spared, removed, keptBytes }: GarbageResult,
  dryRun: boolean,
): string[] {
  const [drops, frees] = dryRun ? ['would drop', 'would free'] : ['dropped', 'freed'];
  return [
    ...dropped.map(({ name, reason }) => `${drops} bundle "${name}" (${reason})`),
    ...spared.map(({ name, reason }) => `kept bundle "${name}": ${reason}`),
    `${frees} ${formatBytes(removed.bytes)} in ${removed.files} files; ${formatBytes(keptBytes)} of bundles stay`,
  ];
}
