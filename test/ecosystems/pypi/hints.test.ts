import assert from 'node:assert/strict';
import { test } from 'node:test';
import { buildPypiFixture } from '../../../fixtures/upstream/pypi.js';
import type { PypiChoices } from '../../../src/ecosystems/pypi/choices.js';
import type { PypiSettings } from '../../../src/ports/pypi-settings.js';
import { failureOf, fixtureSource, planOf, TARGET } from './fixture-source.js';

const fixture = buildPypiFixture([
  { name: 'x-new', version: '1.0' },
  { name: 'x-new', version: '2.0', requiresPython: '>=3.12' },
  { name: 'x-win', version: '1.0', tag: 'cp311-cp311-win_amd64' },
  { name: 'x-opts', version: '1.0', requires: ['x-draft>=2.0a1'] },
  { name: 'x-draft', version: '1.0' },
  { name: 'x-draft', version: '2.0a1' },
  { name: 'x-old', version: '1.0', requiresPython: '>=3.6,<3.10' },
]);

const plan = (
  text: string,
  choices: Partial<PypiChoices> = {},
  settings: Partial<PypiSettings> = {},
  target = TARGET,
) => planOf(fixtureSource(settings, fixture, [], new Set(), choices), text, [target]);

/** A request that fails, its choices, and what its last words are. */
const HINTS: readonly (readonly [string, Partial<PypiChoices>, RegExp])[] = [
  ['x-new==2.0', {}, /x_new-2\.0-\S+ needs Python >=3\.12, which .* is not: .*--python\.\nThere is 1\.0: change/],
  ['x-new>=2', {}, /needs Python >=3\.12, .*\nIt resolves without the >=2 of x-new>=2/],
  ['x-win', {}, /is for other platforms or Pythons than .*--target\./],
  ['x-new\n--no-binary x-new', {}, /is left out by --no-binary: allow wheels of x-new\./],
  ['x-source\n--only-binary :all:', {}, /is left out by --only-binary: allow sdists of x-source\./],
  ['x-opts', { policy: 'explicit' }, /^It resolves with --pre in the requirements\.$/],
  ['x-nothing\n--no-index', {}, /--no-index is on.* add a folder that has x-nothing\.$/],
  ['x-nothing-like-any', {}, /--extra-index-url/],
  ['x-alpha<1\nx-new>2\nx-draft<2\nx-opts', {}, /^(?:.*\n)*Without x-\S+ .* another conflict is left:(?:\n {2}.*)+\nSo loosen x-.*$/],
]; // prettier-ignore

test('the last words of a failure say what to change', async () => {
  for (const [text, choices, expected] of HINTS) {
    const { hint, exitCode, message } = await failureOf(plan(text, choices));
    assert.equal(exitCode, 4, text);
    assert.match(hint ?? '', expected, `${text}\n${message}`);
  }
});

test("under --policy explicit a pinned version is taken past its Requires-Python's end, and told", async () => {
  assert.equal((await failureOf(plan('x-old==1.0'))).code, 'NO_ARTIFACT');
  const explicit = { policy: 'explicit' } as const;
  const taken = await plan('x-old==1.0', explicit);
  assert.deepEqual(
    taken.artifacts.map(({ detail }) => detail['past-requires-python']),
    [[TARGET]],
  );
  assert.match(taken.warnings.join('\n'), /x-old 1\.0 needs Python .* --ignore-requires-python/);
  for (const text of ['x-old', 'x-old>=1.0']) await failureOf(plan(text, explicit));
  const below = 'linux/amd64/glibc2.36,python=3.5';
  await failureOf(plan('x-old==1.0', explicit, {}, below));
});

test('a find-links folder that is not there is told, and the plan made without it', async () => {
  const source = fixtureSource(
    { findLinks: ['file:///nowhere/'] },
    fixture,
    [],
    new Set(),
    {},
    true,
  );
  const { artifacts, warnings } = await planOf(source, 'x-new');
  assert.deepEqual(
    artifacts.map(({ version }) => version),
    ['1.0'],
  );
  assert.match(warnings.join('\n'), /nowhere.*planned without it/);
});

test('a file that is listed and not there ends the plan, with what to do', async () => {
  const handle: typeof fixture.handle = (path, ...rest) =>
    fixture.handle(path.startsWith('/files/x_new-1.0') ? '/files/none' : path, ...rest);
  const source = fixtureSource({}, { ...fixture, handle });
  const failure = await failureOf(planOf(source, 'x-new\n'));
  assert.equal(failure.code, 'NO_ARTIFACT');
  assert.match(failure.message, /^x_new-1\.0-py3-none-any\.whl is listed, but not there: /);
  assert.match(failure.hint ?? '', /pin another version of x-new/);
});
