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

test('a requirements file that is fetched is read; what is read with its folder is not', async () => {
  const asked: string[] = [];
  const fetchFile = (text: string) => (place: string) => {
    asked.push(place);
    const { origin, pathname, href } = new URL(place);
    return Promise.resolve({ path: origin + pathname, address: href, text });
  };
  const sources = [fixtureSource()];
  const { files } = await readInputs({ sources, readFile: fetchFile('x-alpha') }, [
    'https://a.test/r?v=1',
    'https://a.test/r?v=2',
  ]);
  assert.deepEqual(
    files.map(({ address }) => address),
    asked,
  );
  for (const name of ['pylock.toml', 'pyproject.toml', 'package.json']) {
    await assert.rejects(
      readInputs({ sources, readFile: fetchFile('') }, [`https://a.test/${name}`]),
      { code: 'INPUT_UNREADABLE' },
      name,
    );
  }
});
