import assert from 'node:assert/strict';
import { test } from 'node:test';
import { BOUNDS } from '../../src/domain/bounds.js';
import { SeenVersions } from '../../src/network/seen-versions.js';

const page = (...versions: string[]): Map<string, boolean> =>
  new Map(versions.map((one) => [one.replace('!', ''), one.endsWith('!')]));
const words = (hints: ReturnType<SeenVersions['note']>): string[] =>
  hints.map(({ type, version }) => `${type} ${version}`);

test('what is new, yanked or gone since the last look is told, once; a first look tells nothing', () => {
  const seen = new SeenVersions();
  assert.deepEqual(seen.note('pypi', 'a', page('1', '2')), []);
  assert.deepEqual(words(seen.note('pypi', 'a', page('1!', '3', '4!'))), [
    'version 3',
    'withdrawal 1',
    'withdrawal 2',
  ]);
  assert.deepEqual(seen.note('pypi', 'a', page('1!', '3', '4!')), []);
  // Back and forth is not told anew each time.
  seen.note('pypi', 'a', page('1!'));
  assert.deepEqual(seen.note('pypi', 'a', page('1!', '3')), []);
  assert.deepEqual(seen.note('npm', 'a', page('9')), [], 'another ecosystem is another package');
});

test('heard is what is asked for here and not known so, once; and is not told again', () => {
  const seen = new SeenVersions();
  const hint = { type: 'version', ecosystem: 'npm', name: 'a', version: '2' } as const;
  assert.equal(seen.heard(hint), false, 'nobody asks for it here');
  seen.note('npm', 'a', page('1'));
  assert.equal(seen.heard({ ...hint, version: '1' }), false);
  assert.equal(seen.heard(hint), true);
  assert.equal(seen.heard(hint), false);
  assert.equal(seen.heard({ ...hint, type: 'withdrawal', version: '1' }), true);
  assert.equal(seen.heard({ ...hint, type: 'withdrawal', version: '7' }), false);
  assert.deepEqual(seen.note('npm', 'a', page('2')), [], 'others have told that already');
});

test('pages without end are not kept, and tell little', () => {
  const seen = new SeenVersions();
  const many = Array.from({ length: BOUNDS.hintedVersions + 1 }, (_, i) => String(i));
  seen.note('npm', 'endless', page('x'));
  assert.deepEqual(seen.note('npm', 'endless', page(...many)), []);
  seen.note('npm', 'a', page('x'));
  assert.equal(seen.note('npm', 'a', page('x', ...many.slice(0, 100))).length, BOUNDS.hintsOfPage);
  for (let i = 0; i < BOUNDS.hintedPackages; i += 1) seen.note('npm', `p${i}`, page('1'));
  assert.deepEqual(seen.note('npm', 'a', page('new')), [], 'it was forgotten: a first look again');
});
