import semver from 'semver';
import { BOUNDS } from '../domain/bounds.js';
import type { EcosystemName, Plan } from '../domain/plan.js';
import { compareVersions, parseVersion } from '../ecosystems/pypi/version.js';
import { newsOfPlan } from '../network/plan-news.js';
import type { Hint } from '../network/seen-versions.js';
import { systemClock } from '../platform/clock.js';
import type { Catalog } from '../ports/catalog.js';
import type { SwarmNode } from '../swarm/public/swarm-node.js';
import type { Printer } from './printer.js';
import { PrivateNames } from './public-view.js';
import { sayHint } from './say-hint.js';

/** What a plan has that is new, by the catalog as it is: before the plan is carried out. */
export function newsBeside(plan: Plan, catalog: Catalog): Hint[] {
  const names = new PrivateNames(catalog);
  return newsOfPlan(plan.artifacts, {
    entriesByName: (ecosystem, name) => catalog.entriesByName(ecosystem, name),
    isPrivate: (ecosystem, name) => names.has(ecosystem, name),
    isNewer,
  });
}

export interface TellNewsDeps {
  node: Pick<SwarmNode, 'listeners' | 'tell'>;
  printer: Pick<Printer, 'event'>;
  signal: AbortSignal;
}

const LOOK_EVERY_MS = 50;

/**
 * Tells others what is new, once somebody listens; nobody, where that takes too long. Of each it is said
 * that others are told where it went to somebody.
 */
export async function tellNews(
  hints: readonly Hint[],
  { node, printer, signal }: TellNewsDeps,
): Promise<void> {
  for (let waitedMs = 0; node.listeners === 0; waitedMs += LOOK_EVERY_MS) {
    if (waitedMs >= BOUNDS.hintListenMs || signal.aborted) return;
    await systemClock.sleep(LOOK_EVERY_MS, signal).catch(() => undefined);
  }
  for (const hint of hints) {
    if ((await node.tell(hint)) > 0) sayHint(printer, hint, 'others are told');
  }
}

function isNewer(ecosystem: EcosystemName, a: string, b: string): boolean {
  if (ecosystem === 'npm')
    return semver.valid(a) !== null && semver.valid(b) !== null && semver.gt(a, b);
  const [one, other] = [parseVersion(a), parseVersion(b)];
  return one !== undefined && other !== undefined && compareVersions(one, other) > 0;
}
