import type { Conflict } from '../operations/settle-conflicts.js';
import type { CatalogEntry } from '../ports/catalog.js';
import type { ServedView } from '../ports/ecosystem.js';

const AGAIN_MS = 5_000;

export interface SettledView {
  view: ServedView;
  /** As far as they are settled. */
  conflicts(): readonly Conflict[];
  /** Settles what is new; resolves when the view answers accordingly. */
  settle(): Promise<void>;
}

/**
 * A view in which the files that several sources signed with other bytes have one answer each. They are
 * settled anew when the catalog changes; until then the view answers as before.
 * @param settle decides over `view`, which has all of them.
 */
export function settledView(
  view: ServedView,
  settle: () => Promise<Conflict[]>,
  onFailure: (thrown: unknown) => void,
  nowMs: () => number,
): SettledView {
  let settled: readonly Conflict[] = [];
  let passedOver = new Set<string>();
  let times = 0;
  let generation = '';
  /** When to look again, though the catalog is the same: evidence was on its way, or it failed. */
  let againAtMs = Infinity;
  let underWay: Promise<void> | undefined;

  const settleNow = async (): Promise<void> => {
    generation = view.generation();
    againAtMs = nowMs() + AGAIN_MS;
    const conflicts = await settle();
    if (!conflicts.some(({ isOpen }) => isOpen)) againAtMs = Infinity;
    const next = new Set(conflicts.flatMap((one) => one.passedOver.map(nameOf)));
    const isSame = next.size === passedOver.size && [...next].every((one) => passedOver.has(one));
    if (!isSame) times += 1;
    settled = conflicts;
    passedOver = next;
  };
  const refresh = (): Promise<void> =>
    (underWay ??= settleNow().finally(() => {
      underWay = undefined;
    }));
  return {
    conflicts: () => settled,
    settle: refresh,
    view: {
      ...view,
      generation: () => {
        const now = view.generation();
        if (now !== generation || nowMs() >= againAtMs) refresh().catch(onFailure);
        return `${now} ${String(times)}`;
      },
      entriesByName: (ecosystem, name) =>
        view.entriesByName(ecosystem, name).filter((entry) => !passedOver.has(nameOf(entry))),
    },
  };
}

/** For who is to know it. */
export function conflictLine({ path, chosen, passedOver, reason }: Conflict): string {
  const others = [...new Set(passedOver.map(({ bundleName }) => bundleName))].join(', ');
  return `${path}: ${chosen.bundleName} and ${others} have other bytes for it; that of ${chosen.bundleName} is served: ${reason}`;
}

function nameOf({ bundleId, path }: CatalogEntry): string {
  return `${bundleId}\n${path}`;
}
