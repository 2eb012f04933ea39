import type { PythonTarget } from './python-target.js';
import type { TargetPlan } from './target-plan.js';
import { compareVersions, type Version } from './version.js';

/** Plans the target at an index, preferring the given versions, by name. */
type PlanOne = (at: number, preferred: ReadonlyMap<string, string>) => Promise<TargetPlan>;

/** Each round gives up on names that its preference did not bring together, so few are needed. */
const MAX_ROUNDS = 6;

/**
 * Plans every target by itself, and where their versions of a name differ, again with the oldest of
 * them preferred everywhere: one version for all, where there is one. A name that this does not bring
 * together keeps each target's own version. Does not depend on the order of the targets.
 * @param warn told where one version serves all although a target alone would take another, and where
 *   none does.
 */
export async function planTargets(
  targets: readonly PythonTarget[],
  wantsOneVersion: boolean,
  warn: (message: string) => void,
  planOne: PlanOne,
): Promise<TargetPlan[]> {
  const planAll = async (preferred: ReadonlyMap<string, string>): Promise<TargetPlan[]> => {
    const plans: TargetPlan[] = [];
    // One after the other: their pages and files are the same, and fetched once.
    for (const at of targets.keys()) plans.push(await planOne(at, preferred));
    return plans;
  };
  const alone = await planAll(new Map());
  if (!wantsOneVersion || targets.length < 2) return alone;
  const preferred = new Map<string, string>();
  const givenUp = new Set<string>();
  let plans = alone;
  for (let round = 0; round < MAX_ROUNDS; round++) {
    const apart = [...differing(plans)].filter(([name]) => !givenUp.has(name));
    if (apart.length === 0) break;
    for (const [name, versions] of apart) {
      if (preferred.delete(name)) givenUp.add(name);
      else preferred.set(name, versions.reduce(older).text);
    }
    plans = await planAll(preferred);
  }
  tell(targets, alone, plans, warn);
  return plans;
}

function older(a: Version, b: Version): Version {
  return compareVersions(a, b) <= 0 ? a : b;
}

/** Names of which targets take several versions, with those. */
function differing(plans: readonly TargetPlan[]): Map<string, Version[]> {
  const versions = new Map<string, Map<string, Version>>();
  for (const plan of plans) {
    for (const [name, version] of plan.versions) {
      const known = versions.get(name) ?? new Map<string, Version>();
      versions.set(name, known.set(version.text, version));
    }
  }
  const several = [...versions].filter(([, known]) => known.size > 1);
  return new Map(several.map(([name, known]) => [name, [...known.values()]]));
}

function tell(
  targets: readonly PythonTarget[],
  alone: readonly TargetPlan[],
  plans: readonly TargetPlan[],
  warn: (message: string) => void,
): void {
  const apart = differing(plans);
  for (const name of [...apart.keys()].sort()) {
    const byVersion = Map.groupBy(targets.keys(), (at) => plans[at]?.versions.get(name)?.text);
    const each = [...byVersion].flatMap(([version, places]) =>
      version === undefined
        ? []
        : `${version} for ${places.map((at) => targets[at]?.id).join(' and ')}`,
    );
    warn(`no one version of ${name} serves all targets: ${each.join('; ')}`);
  }
  const moved = new Set<string>();
  plans.forEach(({ versions }, at) => {
    for (const [name, version] of versions) {
      const own = alone[at]?.versions.get(name)?.text;
      if (own !== undefined && own !== version.text && !apart.has(name)) {
        moved.add(`${name} ${version.text} (alone ${targets[at]?.id} would get ${own})`);
      }
    }
  });
  if (moved.size === 0) return;
  warn(
    `one version for all targets: ${[...moved].sort().join(', ')}; --no-one-version plans each target by itself`,
  );
}
