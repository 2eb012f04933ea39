import assert from 'node:assert/strict';
import { test } from 'node:test';
import { buildPypiFixture, type PypiFixture } from '../../fixtures/upstream/pypi.js';
import { metadataOf, tarGzOf, type WheelRecipe } from '../../fixtures/upstream/pypi-archives.js';
import { XError } from '../../src/domain/errors.js';
import { parseTarget } from '../../src/domain/target.js';
import { normalizeName } from '../../src/ecosystems/pypi/filename.js';
import { holdsOn, pythonTarget } from '../../src/ecosystems/pypi/python-target.js';
import { isProblem, parseRequirement } from '../../src/ecosystems/pypi/requirement.js';
import { satisfies } from '../../src/ecosystems/pypi/specifier.js';
import { parseVersion } from '../../src/ecosystems/pypi/version.js';
import { fixtureSource, planOf } from '../ecosystems/pypi/fixture-source.js';
import { missing, readVectors } from './pypi-vectors.js';

interface PackseVersion {
  requires?: string[];
  extras?: Record<string, string[]>;
  requires_python?: string;
  yanked?: boolean;
  sdist?: boolean;
  wheel?: boolean;
  wheel_tags?: string[];
}

interface Scenario {
  name: string;
  folder: string;
  environment?: { python?: string };
  expected: { satisfiable: boolean; packages?: Record<string, string> };
  packages: Record<string, { versions: Record<string, PackseVersion> }>;
  resolver_options?: {
    universal?: boolean;
    python?: string;
    prereleases?: boolean;
    no_build?: string[];
  };
  root: { requires: string[]; requires_python?: string };
}
type Recipe = WheelRecipe & { yanked?: string };

function recipesOf({ packages }: Scenario): { recipe: Recipe; facts: PackseVersion }[] {
  return Object.entries(packages).flatMap(([name, { versions }]) =>
    Object.entries(versions).map(([version, facts]) => ({
      facts,
      recipe: {
        name,
        version,
        requires: [
          ...(facts.requires ?? []),
          ...Object.entries(facts.extras ?? {}).flatMap(([extra, texts]) =>
            texts.map((text) => underExtra(text, extra)),
          ),
        ],
        extras: Object.keys(facts.extras ?? {}),
        ...(facts.requires_python === undefined ? {} : { requiresPython: facts.requires_python }),
        ...(facts.yanked === true ? { yanked: '' } : {}),
      },
    })),
  );
}

function underExtra(text: string, extra: string): string {
  const [requirement, marker] = text.split(/\s*;\s*/);
  const own = marker === undefined ? '' : `(${marker}) and `;
  return `${requirement} ; ${own}extra == "${extra}"`;
}

function sdistOf(recipe: Recipe): Parameters<typeof buildPypiFixture>[1] {
  const stem = `${recipe.name.replaceAll('-', '_')}-${recipe.version}`;
  const bytes = tarGzOf([
    [`${stem}/PKG-INFO`, metadataOf(recipe)],
    [`${stem}/pyproject.toml`, '[build-system]\nrequires = []\nbuild-backend = "none"\n'],
  ]);
  const { requiresPython, yanked } = recipe;
  return [
    {
      ...{ project: normalizeName(recipe.name), filename: `${stem}.tar.gz`, bytes },
      ...(requiresPython === undefined ? {} : { requiresPython }),
      ...(yanked === undefined ? {} : { yanked }),
    },
  ];
}

/** A scenario's packages on an index, wheels and sdists, as packse publishes them. */
function indexOf(scenario: Scenario): PypiFixture {
  const recipes = recipesOf(scenario);
  const wheels = recipes
    .filter(({ facts }) => facts.wheel !== false)
    .flatMap(({ recipe, facts }) =>
      (facts.wheel_tags ?? ['py3-none-any']).map((tag) => ({ ...recipe, tag })),
    );
  const sdists = recipes.filter(({ facts }) => facts.sdist !== false);
  return buildPypiFixture(
    wheels,
    sdists.flatMap(({ recipe }) => sdistOf(recipe) ?? []),
  );
}

/** What x plans for one target from that index; undefined where it finds that nothing fits. */
async function answer(
  scenario: Scenario,
  fixture: PypiFixture,
  target: string,
): Promise<Record<string, string> | undefined> {
  const { no_build: noBuild = [], prereleases = false } = scenario.resolver_options ?? {};
  const lines = [...scenario.root.requires, ...noBuild.map((name) => `--only-binary ${name}`)];
  const source = fixtureSource({ preReleases: prereleases }, fixture, [], new Set(), {
    policy: 'explicit',
  });
  try {
    const { artifacts } = await planOf(source, lines.join('\n'), [target]);
    return Object.fromEntries(artifacts.map(({ name, version }) => [name, version]));
  } catch (thrown) {
    if (!(thrown instanceof XError) || thrown.exitCode !== 4) throw thrown;
    assert.ok((thrown.hint ?? '') !== '', `${thrown.message}: says what to change`);
    return undefined;
  }
}

function targetsOf({ environment, resolver_options: options, root }: Scenario): string[] {
  const floor = /[0-9.]+/.exec(root.requires_python ?? '')?.[0];
  const python = options?.python ?? environment?.python ?? floor ?? '3.12';
  const platforms = ['linux/amd64/glibc2.36', 'macos14/arm64', 'windows/amd64'];
  const asked = options?.universal === true ? platforms : platforms.slice(0, 1);
  return asked.map((platform) => `${platform},python=${python}`);
}

/** Scenarios that ask for one answer for all platforms; each target has its own. */
const OTHERWISE: Readonly<Record<string, { satisfiable: boolean; because: string }>> = {
  'preferences-dependent-forking-conflicting': {
    satisfiable: true,
    because: 'one lockfile for all platforms does not exist, an answer for each does',
  },
  'fork-non-local-fork-marker-direct': {
    satisfiable: true,
    because: 'its two conflicting requirements are for different platforms',
  },
  'conflict-in-fork': {
    satisfiable: true,
    because: 'its conflict is on a platform that no target names',
  },
};

/** Every requirement of every chosen version leads to a chosen version in range, seen without the resolver. */
function assertSound(scenario: Scenario, spec: string, found: Record<string, string>): void {
  const target = pythonTarget(parseTarget(spec));
  const chosen = recipesOf(scenario).filter(
    ({ recipe: { name, version } }) => found[normalizeName(name)] === version,
  );
  const texts = [
    ...scenario.root.requires,
    ...chosen.flatMap(({ recipe }) => recipe.requires ?? []),
  ];
  for (const text of texts) {
    const requirement = parseRequirement(text);
    assert.ok(!isProblem(requirement), text);
    if (!holdsOn(target, requirement.marker)) continue;
    const version = parseVersion(found[requirement.name] ?? '');
    assert.ok(version && satisfies(requirement.specifiers, version), `${text} is met`);
  }
}

const scenarios = missing('packse.json') === false ? readVectors<Scenario[]>('packse.json') : [];

test('resolution scenarios', { skip: missing('packse.json') }, async (t) => {
  for (const scenario of scenarios) {
    const isUniversal = scenario.resolver_options?.universal === true;
    const otherwise = OTHERWISE[scenario.name];
    const note = otherwise === undefined ? '' : ` (${otherwise.because})`;
    const title = `${scenario.folder}: ${scenario.name}${isUniversal ? ', per target, for it asks for one answer with markers for all platforms' : ''}${note}`;
    await t.test(title, async () => {
      const { satisfiable, packages } = { ...scenario.expected, ...otherwise };
      const fixture = indexOf(scenario);
      const answers = [];
      for (const target of targetsOf(scenario)) {
        const found = await answer(scenario, fixture, target);
        answers.push(found);
        if (found !== undefined) assertSound(scenario, target, found);
      }
      if (!satisfiable) assert.ok(answers.includes(undefined), JSON.stringify(answers));
      for (const found of satisfiable ? answers : []) {
        assert.ok(found !== undefined, 'resolvable');
        if (packages !== undefined) assert.deepEqual(found, packages);
      }
    });
  }
});
