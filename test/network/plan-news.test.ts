import assert from 'node:assert/strict';
import { test } from 'node:test';
import { BOUNDS } from '../../src/domain/bounds.js';
import type { PlannedArtifact } from '../../src/domain/plan.js';
import { newsOfPlan, type KnownBefore } from '../../src/network/plan-news.js';

function planned(name: string, version: string, over: Partial<PlannedArtifact> = {}) {
  const artifact: PlannedArtifact = {
    purl: `pkg:npm/${name}@${version}`,
    ecosystem: 'npm',
    name,
    version,
    filename: `${name}-${version}.tgz`,
    path: `npm/${name}/${name}-${version}.tgz`,
    sizeBytes: undefined,
    digests: {},
    url: 'https://registry.test/a.tgz',
    proof: 'index-hash',
    requiredBy: [],
    requires: [],
    targets: [],
    private: false,
    detail: {},
    ...over,
  };
  return artifact;
}

/** By name, the versions that bundles had; numbers are in order. */
function before(
  versions: Record<string, readonly string[]>,
  secret: readonly string[] = [],
): KnownBefore {
  return {
    entriesByName: (_, name) =>
      (versions[name] ?? []).map((version) => ({ kind: 'package', version, private: false })),
    isPrivate: (_, name) => secret.includes(name),
    isNewer: (_, a, b) => Number(a) > Number(b),
  };
}

const news = (...input: Parameters<typeof newsOfPlan>): string[] =>
  newsOfPlan(...input).map(({ type, name, version }) => `${type} ${name} ${version}`);

test('news is what is newer than all that any bundle had; a package seen first is none', () => {
  const known = before({ a: ['1', '3'], b: ['2'], c: ['1'] });
  const plan = [planned('a', '4'), planned('b', '2'), planned('c', '0'), planned('new', '9')];
  assert.deepEqual(news(plan, known), ['version a 4']);
  assert.deepEqual(news([planned('a', '2')], known), [], 'between two that are known');
  assert.deepEqual(news([planned('a', '4'), planned('a', '4')], known), ['version a 4'], 'once');
  const index = {
    ...known,
    entriesByName: () => [{ kind: 'index', version: '1', private: false }],
  };
  assert.deepEqual(news(plan, index as KnownBefore), [], 'an index page is no version');
});

test('nothing that is private is told: an artifact, its name, a name of any bundle, a file, Debian’s', () => {
  const known = before({ a: ['1'], b: ['1'] }, ['b']);
  for (const over of [
    { private: true },
    { url: 'file:///packages/a.tgz' },
    { ecosystem: 'debian' },
    { version: 'no version' },
    { name: 'b' },
  ] as const)
    assert.deepEqual(news([planned('a', '2', over)], known), [], JSON.stringify(over));
  const both = [planned('a', '2'), planned('a', '3', { private: true })];
  assert.deepEqual(news(both, known), [], 'the same name is private for another target');
  assert.deepEqual(news([planned('a', '2')], known), ['version a 2']);
});

test('so many of a plan, what was asked for before what is required, the most required first', () => {
  const names = Array.from({ length: 20 }, (_, i) => `p${i}`);
  const known = before(Object.fromEntries(names.map((name) => [name, ['1']])));
  const plan = names.map((name, i) =>
    planned(name, '2', { requiredBy: i === 7 ? [] : Array.from({ length: i + 1 }, String) }),
  );
  const told = news(plan, known);
  assert.equal(told.length, BOUNDS.hintsOfPlan);
  assert.deepEqual(told.slice(0, 3), ['version p7 2', 'version p19 2', 'version p18 2']);
  assert.ok(BOUNDS.hintsOfPlan + 2 <= BOUNDS.authorBurst, 'neighbours take all of it');
});
