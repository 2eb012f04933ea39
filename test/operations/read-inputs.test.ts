import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readInputs } from '../../src/operations/read-inputs.js';
import type { EcosystemSource, InputFile } from '../../src/ports/ecosystem.js';

test('what a file names is read beside it, wherever the command runs', async () => {
  const asked: string[] = [];
  const readFile = (path: string): Promise<InputFile> => {
    asked.push(path);
    return Promise.resolve({ path, text: '' });
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
