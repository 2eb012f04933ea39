import assert from 'node:assert/strict';
import { test } from 'node:test';
import { buildRequiresOf } from '../../../src/ecosystems/pypi/distributions.js';

const requiresOf = (text?: string): string[] =>
  buildRequiresOf(text === undefined ? undefined : Buffer.from(text), 'x-1.0.tar.gz');

test('where nothing is said, what every pip asks for; wheel wherever setuptools builds', () => {
  const byDefault = ['setuptools>=40.8.0', 'wheel'];
  assert.deepEqual(requiresOf(), byDefault);
  assert.deepEqual(requiresOf('[project]\nname = "x"\n'), byDefault);
  assert.deepEqual(requiresOf('[build-system]\nrequires = ["Setuptools >= 61"]\n'), [
    'Setuptools >= 61',
    'wheel',
  ]);
  const both = ['wheel>=0.40', 'setuptools<70'];
  assert.deepEqual(requiresOf(`[build-system]\nrequires = ${JSON.stringify(both)}\n`), both);
  assert.deepEqual(requiresOf('[build-system]\nrequires = ["flit_core"]\n'), ['flit_core']);
  assert.deepEqual(requiresOf('[build-system]\nrequires = []\n'), []);
});
