import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import type { PlannedArtifact } from '../../src/domain/plan.js';
import {
  filesOf,
  isUnsatisfiable,
  mustBuild,
  newestPip,
  openPlanner,
  ownTarget,
  pipReport,
  type Pip,
} from './pypi-pip.js';
import { drawnSets, NAMED_SETS, STACK } from './pypi-sets.js';

const probe = await pipReport(['six']).catch((thrown: unknown) => String(thrown));
const skip =
  typeof probe === 'object' ? false : 'pip is not there, or no index of its configuration answers';
const target = typeof probe === 'object' ? await ownTarget(probe) : '';
const planner = await openPlanner();
after(() => planner.upstream.close());
const newest = typeof probe === 'object' ? await newestPip(planner, target) : undefined;

interface Answer {
  /** Without what only building an sdist needs. */
  files: string[];
  /** What only building an sdist needs. */
  builds: PlannedArtifact[];
}

/** X's answer; why there is none, where there is none. */
async function planned(requirements: string): Promise<Answer | string> {
  try {
    const { artifacts } = await planner.plan(requirements, [target]);
    return { files: artifacts.map(({ filename }) => filename).sort(), builds: artifacts };
  } catch (thrown) {
    if (!isUnsatisfiable(thrown)) throw thrown;
    return mustBuild(thrown) ? `must be built: ${thrown.message}` : thrown.message;
  }
}

/** What pip does not name must be there for the build of an sdist that it does. */
function assertOnlyBuilds(answer: Answer, theirs: readonly string[]): void {
  const more = answer.builds.filter(({ filename }) => !theirs.includes(filename));
  const isSdist = (purl: string): boolean =>
    answer.builds.some((one) => one.purl === purl && !one.filename.endsWith('.whl'));
  const reached = new Set(answer.builds.map(({ purl }) => purl).filter(isSdist));
  for (const purl of reached) {
    const own = answer.builds.find((one) => one.purl === purl);
    for (const needed of own?.requires ?? []) reached.add(needed);
  }
  const strangers = more.filter(({ purl }) => !reached.has(purl));
  assert.deepEqual(
    strangers.map(({ filename }) => filename),
    [],
  );
}

async function compare(
  requirements: string,
  pip: Pip | undefined,
  say: (text: string) => void,
): Promise<void> {
  const asked = requirements.split(/\s*\n\s*/).filter((line) => line !== '');
  const [report, ours] = await Promise.all([
    pipReport(asked, pip === undefined ? {} : { pip }),
    planned(requirements),
  ]);
  if (typeof ours === 'string' && ours.startsWith('must be built')) {
    say(`X declines: ${ours}`);
    return;
  }
  if (report === undefined) {
    say('pip finds no answer');
    assert.equal(typeof ours, 'string', 'X finds none either');
    return;
  }
  assert.ok(typeof ours === 'object', `pip finds an answer, X none: ${String(ours)}`);
  const theirs = filesOf(report);
  say(`${theirs.length} files`);
  assert.deepEqual(
    ours.files.filter((file) => theirs.includes(file)),
    theirs,
  );
  assertOnlyBuilds(ours, theirs);
}

const sets: Record<string, string> = {
  ...NAMED_SETS,
  'a hundred packages of science and the web': STACK.replaceAll(' ', '\n'),
  ...(skip === false ? await drawnSets() : {}),
};

for (const [title, requirements] of Object.entries(sets)) {
  test(`pip's own answer: ${title}`, { skip }, async (t) => {
    await compare(requirements, newest, (text) => {
      t.diagnostic(`${newest?.title ?? 'pip'}: ${text}`);
    });
  });
}

for (const title of ['one package', 'data', 'notebooks', 'a conflict']) {
  test(`the machine's own pip answers alike: ${title}`, { skip }, async (t) => {
    await compare(NAMED_SETS[title] ?? '', undefined, (text) => {
      t.diagnostic(text);
    });
  });
}
