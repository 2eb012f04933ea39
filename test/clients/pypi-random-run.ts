import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PipDriver } from './pypi-driver.js';
import { isUnsatisfiable, openPlanner, type Pip } from './pypi-pip.js';
import { faultsOf, makeIndex, writeIndex, type MadeIndex } from './pypi-random.js';

/** What a run of many made-up indexes showed. */
export interface RandomRun {
  answered: number;
  unanswered: number;
  /** pip took nothing back, and X answers the same. */
  equal: number;
  /** pip backtracked; X's answer is another valid one. */
  otherwise: number;
  /** pip ended in an error of its own (RecursionError in resolvelib's `_has_route_to_root`); X's answer is valid. */
  crashed: number;
}

/** Compares X with a real pip on one index a seed; every disagreement is thrown, with its seed. */
export async function compareOnSeeds(
  seeds: Iterable<number>,
  pip: Pip | undefined,
  target: string,
  make: (seed: number) => MadeIndex = makeIndex,
): Promise<RandomRun> {
  const driver = new PipDriver(pip);
  const run: RandomRun = { answered: 0, unanswered: 0, equal: 0, otherwise: 0, crashed: 0 };
  const faults: string[] = [];
  try {
    for (const seed of seeds) {
      const folder = await mkdtemp(join(tmpdir(), 'x-made-'));
      try {
        const problem = await compareOn(make(seed), folder, driver, target, run);
        if (problem !== undefined) faults.push(`seed ${seed}: ${problem}`);
      } finally {
        await rm(folder, { recursive: true });
      }
    }
  } finally {
    driver.close();
  }
  assert.deepEqual(faults, []);
  return run;
}

async function compareOn(
  made: MadeIndex,
  folder: string,
  driver: PipDriver,
  target: string,
  run: RandomRun,
): Promise<string | undefined> {
  const { indexUrl, requirements } = await writeIndex(made, folder);
  const constraints = made.constraints.length > 0 ? join(folder, 'constraints.txt') : undefined;
  const theirs = await driver.ask({ indexUrl, requirements, constraints });
  const ours = await answerOf(made, indexUrl, constraints, target);
  const show = (answer: ReadonlyMap<string, string> | undefined): string =>
    answer === undefined
      ? 'no answer'
      : [...answer]
          .sort()
          .map((one) => one.join(' '))
          .join(', ');
  if (theirs.hasCrashed && ours !== undefined) {
    run.crashed++;
    const faults = faultsOf(made, ours);
    return faults.length > 0 ? faults.join('; ') : undefined;
  }
  if ((ours === undefined) !== (theirs.versions === undefined)) {
    return `${made.roots.join(' ; ')}: X ${show(ours)}, pip ${show(theirs.versions)}`;
  }
  if (ours === undefined || theirs.versions === undefined) {
    run.unanswered++;
    return undefined;
  }
  run.answered++;
  const faults = faultsOf(made, ours);
  if (faults.length > 0) return faults.join('; ');
  const isSame = show(ours) === show(theirs.versions);
  if (isSame) run.equal++;
  else if (theirs.rejected > 0) run.otherwise++;
  else
    return `${made.roots.join(' ; ')}: X ${show(ours)}; pip, without backtracking, ${show(theirs.versions)}`;
  return undefined;
}

async function answerOf(
  made: MadeIndex,
  indexUrl: string,
  constraints: string | undefined,
  target: string,
): Promise<Map<string, string> | undefined> {
  const planner = await openPlanner({
    PIP_CONFIG_FILE: '/dev/null',
    PIP_INDEX_URL: indexUrl,
    PIP_CONSTRAINT: constraints,
  });
  try {
    const { artifacts } = await planner.plan(made.roots.join('\n'), [target]);
    return new Map(artifacts.map(({ name, version }) => [name, version]));
  } catch (thrown) {
    if (isUnsatisfiable(thrown)) return undefined;
    // Every root's marker is false: nothing is asked for, and pip installs nothing.
    throw thrown;
  } finally {
    await planner.upstream.close();
  }
}
