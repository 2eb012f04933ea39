import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readInputs } from '../../src/operations/read-inputs.js';
import type { PypiRequirements } from '../../src/ecosystems/pypi/input.js';
import type { EcosystemSource, InputFile } from '../../src/ports/ecosystem.js';
import { fixtureSource } from '../ecosystems/pypi/fixture-source.js';

test('what a file names is read beside it, wherever the command runs', async () => {
  const asked: string[] = [];
  const readFile = (path: string): Promise<InputFile> => {
    asked.push(path);
    return Promise.resolve({ path, text: 'requests' });
  };
  const source: Pick<EcosystemSource, 'name' | 'purlType' | 'claims' | 'read'> = {
    name: 'pypi',
    purlType: 'pypi',
    claims: () => true,
    read: async (file, beside) => ({
      requirements: [],
      nested:
        file.path === 'project/requirements.txt'
          ? [await beside('more/nested.txt'), await beside('/etc/constraints.txt')]
          : [],
      purls: [],
    }),
  };
  const { files } = await readInputs({ sources: [source as EcosystemSource], readFile }, [
    'project/requirements.txt',
  ]);
  assert.deepEqual(asked, [
    'project/requirements.txt',
    'project/more/nested.txt',
    '/etc/constraints.txt',
  ]);
  assert.deepEqual(
    files.map(({ path }) => path),
    asked,
  );
});

test('a file that another one names as constraints, and that is given itself, asks for its own', async () => {
  const texts: Record<string, string> = { 'a.txt': '-c b.txt\nx-alpha', 'b.txt': 'x-beta==1.5' };
  const { byEcosystem, files } = await readInputs(
    {
      sources: [fixtureSource()],
      readFile: (path) => Promise.resolve({ path, text: texts[path] ?? '' }),
    },
    ['a.txt', 'b.txt'],
  );
  const read = (byEcosystem.get('pypi')?.requirements ?? []) as PypiRequirements[];
  assert.deepEqual(
    read.map(({ requirements, constraints }) =>
      [requirements, constraints].map((list) => list.map(({ requirement }) => requirement.name)),
    ),
    [
      [['x-alpha'], ['x-beta']],
      [['x-beta'], []],
    ],
  );
  assert.equal(files.length, 2);
});
