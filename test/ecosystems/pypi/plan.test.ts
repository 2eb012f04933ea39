import assert from 'node:assert/strict';
import { test } from 'node:test';
import { buildPypiFixture } from '../../../fixtures/upstream/pypi.js';
import { XError } from '../../../src/domain/errors.js';
import { createPypiSource } from '../../../src/ecosystems/pypi/source.js';
import {
  failureOf,
  fixtureSource,
  heldOf,
  INDEX,
  planOf,
  SETTINGS,
  TARGET,
} from './fixture-source.js';

const names = (plan: { artifacts: { filename: string }[] }): string[] =>
  plan.artifacts.map(({ filename }) => filename).sort();

test('the closure: newest that fits the target, with who requires whom', async () => {
  const plan = await planOf(fixtureSource(), 'x-tool\n');
  assert.deepEqual(names(plan), [
    'x_alpha-2.0-py3-none-any.whl',
    'x_beta-1.5-py3-none-any.whl',
    'x_gamma-0.9-py3-none-any.whl',
    'x_tool-1.0-py3-none-any.whl',
  ]);
  const alpha = plan.artifacts.find(({ name }) => name === 'x-alpha');
  assert.ok(alpha);
  assert.deepEqual(alpha.requires.toSorted(), ['pkg:pypi/x-beta@1.5', 'pkg:pypi/x-gamma@0.9']);
  assert.deepEqual(alpha.requiredBy, ['pkg:pypi/x-tool@1.0']);
  assert.equal(alpha.path, 'pypi/x-alpha/x_alpha-2.0-py3-none-any.whl');
  assert.equal(alpha.proof, 'index-hash');
  assert.equal(alpha.private, false);
  assert.equal(alpha.detail['requires-python'], '>=3.8');
});

test('extras of extras, markers of other platforms, yanks and pre-releases', async () => {
  const plan = await planOf(fixtureSource(), 'x-gamma[all]\n');
  assert.deepEqual(names(plan), ['x_delta-1.0-py3-none-any.whl', 'x_gamma-0.9-py3-none-any.whl']);
  const pinned = await planOf(fixtureSource(), 'x-delta==1.1\n');
  assert.deepEqual(names(pinned), ['x_delta-1.1-py3-none-any.whl']);
  assert.match(pinned.warnings.join(), /yanked.*broken on purpose/);
  const pre = await planOf(fixtureSource(), '--pre\nx-delta\n');
  assert.deepEqual(names(pre), ['x_delta-2.0rc1-py3-none-any.whl']);
});

test('the wheel of the target before the pure one; another target takes the pure one', async () => {
  const windows = 'windows/amd64,python=3.11.7';
  const plan = await planOf(fixtureSource(), 'x-native\n', [TARGET, windows]);
  assert.deepEqual(
    plan.artifacts.map(({ filename, targets }) => [filename, targets]),
    [
      ['x_native-1.0-cp311-cp311-manylinux_2_17_x86_64.manylinux2014_x86_64.whl', [TARGET]],
      ['x_native-1.0-py3-none-any.whl', [windows]],
    ],
  );
});

test('an sdist with static metadata is planned with what it needs', async () => {
  const plan = await planOf(fixtureSource(), 'x-source\n');
  assert.deepEqual(names(plan), ['x_beta-2.0-py3-none-any.whl', 'x_source-1.0.tar.gz']);
});

test('purls, pinned and ranged', async () => {
  const plan = await planOf(fixtureSource(), '#x pkg:pypi/x-beta@1.5\npkg:pypi/x-alpha@<2\n');
  assert.deepEqual(names(plan), ['x_alpha-1.0-py3-none-any.whl', 'x_beta-1.5-py3-none-any.whl']);
});

test('a conflict is explained by the requirements that make it', async () => {
  const failure = await failureOf(planOf(fixtureSource(), 'x-conflict\n'));
  assert.equal(failure.code, 'NOT_RESOLVABLE');
  assert.match(failure.message, /x-conflict 1\.0 needs x-beta<1/);
});

test('an unknown name, version or file is told apart, and a near name is named', async () => {
  const unknown = await failureOf(planOf(fixtureSource(), 'x-alfa\n'));
  assert.equal(unknown.code, 'PACKAGE_NOT_FOUND');
  assert.match(unknown.hint ?? '', /x-alpha/);
  const version = await failureOf(planOf(fixtureSource(), 'x-beta==9\n'));
  assert.equal(version.code, 'VERSION_NOT_FOUND');
  assert.match(version.hint ?? '', /2\.0, 1\.5: change x-beta==9/);
  const none = await failureOf(planOf(fixtureSource(), '--only-binary :all:\nx-source\n'));
  assert.equal(none.code, 'NO_ARTIFACT');
});

test('an index folder that is not there is named with the name that it does not have', async () => {
  const missing = (): Promise<never> =>
    Promise.reject(new XError('PACKAGE_NOT_FOUND', 'no such file'));
  const source = createPypiSource({
    upstream: { read: missing, open: missing },
    settings: {
      ...SETTINGS,
      indexes: ['file:///there', 'file:///not/there'].map((url) => ({
        ...{ url, isPinned: false, isPublic: false },
      })),
    },
    listFolder: (url) =>
      url.includes('/not/')
        ? Promise.reject(new XError('INPUT_NOT_FOUND', url))
        : Promise.resolve([]),
    credentials: { remember: () => undefined, addIndex: () => false },
    choices: {},
    env: {},
  });
  const failure = await failureOf(planOf(source, 'x-alpha\n'));
  assert.equal(failure.code, 'PACKAGE_NOT_FOUND');
  assert.match(failure.hint ?? '', /The index file:\/\/\/not\/there is not there\.$/);
});

test('an index that is down: a warning where another has the name, asked once; else an error', async () => {
  const down = { url: 'https://down.test/simple', isPinned: false, isPublic: true };
  const up = { url: INDEX, isPinned: false, isPublic: true };
  const asked: string[] = [];
  const plan = await planOf(
    fixtureSource({ indexes: [down, up] }, buildPypiFixture(), asked),
    'x-alpha\n',
  );
  assert.equal(plan.artifacts.length, 3);
  assert.match(plan.warnings.join(), /down\.test/);
  assert.equal(asked.filter((url) => url.startsWith(down.url)).length, 1);
  const failure = await failureOf(planOf(fixtureSource({ indexes: [down] }), 'x-alpha\n'));
  assert.equal(failure.code, 'UPSTREAM_UNREACHABLE');
});

test('seal proves the closure over the bytes, and fails where one file is missing', async () => {
  const fixture = buildPypiFixture();
  const source = fixtureSource({}, fixture);
  const plan = await planOf(source, 'x-tool\nx-source\n');
  const sealed = await source.seal(heldOf(plan, fixture));
  assert.deepEqual(
    sealed.documents.map(({ path }) => path).filter((path) => path.includes('x_alpha')),
    ['pypi/x-alpha/x_alpha-2.0-py3-none-any.whl.metadata'],
  );
  const short = { ...plan, artifacts: plan.artifacts.filter(({ name }) => name !== 'x-gamma') };
  const failure = await failureOf(source.seal(heldOf(short, fixture)));
  assert.equal(failure.code, 'NOT_RESOLVABLE');
  assert.match(failure.message, /x_alpha-2\.0.*needs x-gamma/);
});

test('an index that refuses a name is passed over, unless it is pinned', async () => {
  const closed = { url: 'https://closed.test/simple', isPinned: false, isPublic: true };
  const up = { url: INDEX, isPinned: false, isPublic: true };
  const plan = await planOf(fixtureSource({ indexes: [closed, up] }), 'x-beta\n');
  assert.equal(plan.artifacts.length, 1);
  assert.match(plan.warnings.join(), /closed\.test.*does not answer for x-beta/);
  const alone = await failureOf(planOf(fixtureSource({ indexes: [closed] }), 'x-beta\n'));
  assert.equal(alone.code, 'UPSTREAM_REFUSED');
  for (const host of ['closed.test', 'down.test']) {
    const pinned = { url: `https://${host}/simple`, isPinned: true, isPublic: false };
    const failure = await failureOf(planOf(fixtureSource({ indexes: [pinned, up] }), 'x-beta\n'));
    assert.match(failure.message, new RegExp(host));
  }
});

test('an index whose credentials an input names by variables is pinned and private', async () => {
  const logins = new Set<string>();
  const source = fixtureSource({}, buildPypiFixture(), [], logins);
  const line = '--extra-index-url https://${USER}:${PASSWORD}@b.test/simple\nx-beta\n';
  const [artifact] = (await planOf(source, line)).artifacts;
  assert.equal(artifact && new URL(artifact.url).origin, 'https://b.test');
  assert.equal(artifact?.private, true);
  assert.deepEqual([...logins], ['https://u:p%40ss@b.test/simple']);
});

test('an address counts where its marker holds; two for one target are refused', async () => {
  const at = (file: string, marker: string): string =>
    `x-beta @ https://${file.includes('1.5') ? 'index' : 'other'}.test/files/${file} ; ${marker}`;
  const [older, newer] = ['x_beta-1.5-py3-none-any.whl', 'x_beta-2.0-py3-none-any.whl'];
  const windows = 'windows/amd64,python=3.11.7';
  const hash = 'a'.repeat(64);
  const lines = [
    at(older, 'sys_platform == "linux"'),
    at(newer, 'sys_platform == "win32"'),
    `x-gamma==0.9 ; sys_platform == "darwin" --hash=sha256:${hash}`,
    'x-gamma',
  ];
  const plan = await planOf(fixtureSource(), lines.join('\n'), [TARGET, windows]);
  assert.deepEqual(plan.artifacts.map(({ filename, targets }) => [filename, targets]).sort(), [
    [older, [TARGET]],
    [newer, [windows]],
    ['x_gamma-0.9-py3-none-any.whl', [TARGET, windows]],
  ]);
  const both = [at(older, 'os_name == "posix"'), at(newer, 'sys_platform == "linux"')];
  const failure = await failureOf(planOf(fixtureSource(), both.join('\n')));
  assert.equal(failure.code, 'NOT_RESOLVABLE');
  const twice = [at(older, 'sys_platform == "linux"')];
  twice.push((twice[0] ?? '').replace('index.', 'other.').replace('"linux"', '"win32"'));
  const conflict = await failureOf(planOf(fixtureSource(), twice.join('\n'), [TARGET, windows]));
  assert.equal(conflict.code, 'CONFLICT');
});

test('pip’s configured constraints count, and its require-hashes is warned of', async () => {
  const constraints = [{ path: '/etc/limits.txt', text: '# why\nx-beta<2\n' }];
  const plan = await planOf(fixtureSource({ constraints, requireHashes: true }), 'x-beta\n');
  assert.deepEqual(names(plan), ['x_beta-1.5-py3-none-any.whl']);
  assert.match(plan.warnings.join(), /--require-hashes is on.*x-beta/);
  const nested = [{ path: '/etc/limits.txt', text: '-c more.txt\n' }];
  const failure = await failureOf(planOf(fixtureSource({ constraints: nested }), 'x-beta\n'));
  assert.equal(failure.code, 'INPUT_MALFORMED');
  assert.match(failure.message, /^\/etc\/limits\.txt:1: /);
});

test('what is asked for twice in the same words counts once', async () => {
  const { artifacts } = await planOf(fixtureSource(), 'x-delta==1.0\nx-beta\nx-delta==1.0\n');
  const asked = artifacts.map(({ name, detail }) => [name, detail['asked']]);
  assert.deepEqual(Object.fromEntries(asked), {
    'x-delta': { [TARGET]: ['x-delta==1.0'] },
    'x-beta': { [TARGET]: ['x-beta'] },
  });
});
