import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { JsonObject } from '../../../src/domain/plan.js';
import { readYarnLock } from '../../../src/ecosystems/npm/locks/yarn-lock.js';

/** A yarn.lock of Yarn 1 where two packages ask for the same, and the project replaces it for one. */
const CLASSIC = `# yarn lockfile v1

"@own/web@^1":
  version "1.0.0"
  dependencies:
    leaf "1.0.0"

deep@^1:
  version "1.0.0"
  dependencies:
    web "^1"

leaf@1.0.0:
  version "1.0.0"

leaf@1.5.0:
  version "1.5.0"

web@^1:
  version "1.0.0"
  dependencies:
    leaf "1.0.0"
`;

const entry = (name: string, version: string, asks: Record<string, string> = {}): string => {
  const lines = Object.entries(asks).map(([asked, range]) => `    ${asked}: "npm:${range}"\n`);
  const dependencies = lines.length === 0 ? '' : `  dependencies:\n${lines.join('')}`;
  return `"${name}@npm:${version}":\n  version: ${version.replace('^', '')}\n  resolution: "${name}@npm:${version.replace('^', '')}"\n${dependencies}  linkType: hard\n\n`;
};

const BERRY =
  `__metadata:\n  version: 8\n\n"root@workspace:.":\n  version: 0.0.0-use.local\n  resolution: "root@workspace:."\n` +
  `  dependencies:\n    "@own/web": "npm:^1.0.0"\n    deep: "npm:^1.0.0"\n    web: "npm:^1.0.0"\n  linkType: soft\n\n` +
  entry('@own/web', '^1.0.0', { leaf: '1.0.0' }) +
  entry('deep', '^1.0.0', { web: '^1.0.0' }) +
  entry('web', '^1.0.0', { leaf: '1.0.0' }) +
  entry('leaf', '1.0.0') +
  entry('leaf', '1.5.0');

/** What each package of the lockfile is answered with where it asks for leaf. */
async function leaves(
  text: string,
  resolutions: Record<string, string>,
): Promise<Record<string, string[]>> {
  const range = text === CLASSIC ? '^1' : '^1.0.0';
  const manifest: JsonObject = {
    name: 'root',
    dependencies: { '@own/web': range, deep: range, web: range },
    resolutions,
  };
  const tree = await readYarnLock({ path: 'yarn.lock', text }, { manifest, folders: [] });
  const versions = new Map(tree.nodes.map(({ id, version }) => [id, version]));
  return Object.fromEntries(
    tree.nodes.flatMap(({ name, edges }) => {
      const found = edges.filter((edge) => edge.name === 'leaf');
      return found.length === 0
        ? []
        : [[name, found.map(({ to }) => versions.get(to ?? '') ?? '')]];
    }),
  );
}

for (const [client, text] of [
  ['Yarn 1', CLASSIC],
  ['Berry', BERRY],
] as const) {
  test(`${client}: a resolution counts though the range that it replaces is locked for another`, async () => {
    assert.deepEqual(await leaves(text, { leaf: '1.5.0' }), { '@own/web': ['1.5.0'], web: ['1.5.0'] });
    const below = client === 'Yarn 1' ? '**/@own/web/leaf' : '@own/web/leaf';
    assert.deepEqual(await leaves(text, { [below]: '1.5.0' }), { '@own/web': ['1.5.0'], web: ['1.0.0'] });
  });
} // prettier-ignore

test('Yarn 1: where only the place in the tree tells what is asked for, both are carried', async () => {
  for (const pattern of ['web/leaf', 'deep/**/web/leaf', '**/deep/web/leaf']) {
    assert.deepEqual(
      await leaves(CLASSIC, { [pattern]: '1.5.0' }),
      { '@own/web': ['1.0.0'], web: ['1.5.0', '1.0.0'] },
      pattern,
    );
  }
  const both = ['1.5.0', '1.0.0'];
  assert.deepEqual(await leaves(CLASSIC, { 'deep/**/leaf': '1.5.0' }), {
    '@own/web': both,
    web: both,
  });
});

test('Berry: a resolution may be of one range, and of one version of who asks', async () => {
  const replaced = { '@own/web': ['1.0.0'], web: ['1.5.0'] };
  const none = { '@own/web': ['1.0.0'], web: ['1.0.0'] };
  assert.deepEqual(await leaves(BERRY, { 'web@npm:1.0.0/leaf@npm:1.0.0': '1.5.0' }), replaced);
  assert.deepEqual(await leaves(BERRY, { 'web/leaf@1.0.0': 'npm:1.5.0' }), replaced);
  assert.deepEqual(await leaves(BERRY, { 'web@npm:2.0.0/leaf': '1.5.0' }), none);
  assert.deepEqual(await leaves(BERRY, { 'web/leaf@npm:^1': '1.5.0' }), none);
});
