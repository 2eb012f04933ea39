import assert from 'node:assert/strict';
import { test } from 'node:test';
import { buildPypiFixture } from '../../../fixtures/upstream/pypi.js';
import { answering } from '../../../src/ecosystems/pypi/answering-index.js';
import type { IndexStrategy, PypiChoices } from '../../../src/ecosystems/pypi/choices.js';
import { fileOf } from '../../../src/ecosystems/pypi/index-page.js';
import type { OfferedFile } from '../../../src/ecosystems/pypi/indexes.js';
import type { PypiIndex } from '../../../src/ports/pypi-settings.js';
import { failureOf, fixtureSource, planOf, TARGET } from './fixture-source.js';

const index = (url: string, more: Partial<PypiIndex> = {}): PypiIndex => ({
  url,
  isPinned: false,
  isPublic: false,
  ...more,
});

/** `version` or `version#first letter of the digest`. */
function answer(
  where: PypiIndex,
  ...versions: string[]
): { index: PypiIndex; files: OfferedFile[] } {
  const files = versions.map((text) => {
    const [version, digit = 'f'] = text.split('#');
    const url = `${where.url}/corp_lib-${version}-py3-none-any.whl#sha256=${digit.repeat(64)}`;
    const file = fileOf(new URL(url));
    assert.ok(file);
    return { ...file, index: where };
  });
  return { index: where, files };
}

const PUBLIC = index('https://pypi.org/simple', { isPublic: true });
const A = index('https://a.test/simple');
const B = index('https://b.test/simple');
const SECRET = index('https://secret.test/simple', { isPinned: true });
const DISK = index('file:///srv/one/simple');
const DISK_TOO = index('file:///srv/two/simple');

function versions(strategy: IndexStrategy, ...answers: ReturnType<typeof answer>[]): string[] {
  return answering(answers, strategy).files.map(({ parsed }) => parsed.version.text);
}

test('a private name is not answered by another index, wherever it stands in the list', () => {
  for (const strategy of ['pinned', 'first'] as const) {
    assert.deepEqual(versions(strategy, answer(PUBLIC, '99#a'), answer(A, '1#b')), ['1']);
    assert.deepEqual(versions(strategy, answer(A, '1#b'), answer(PUBLIC, '99#a')), ['1']);
    // Of two of a kind, the extra one goes before the main one.
    assert.deepEqual(versions(strategy, answer(A, '99#a'), answer(B, '1#b')), ['1']);
    assert.deepEqual(versions(strategy, answer(A, '99#a'), answer(SECRET, '1#b')), ['1']);
    assert.deepEqual(versions(strategy, answer(A), answer(PUBLIC, '2#a')), ['2']);
    assert.deepEqual(versions(strategy, answer(A), answer(B)), []);
  }
  assert.deepEqual(versions('pip', answer(A, '99#a'), answer(SECRET, '1#b')), ['99', '1']);
});

test('an index that shows a file of the other’s is the same project’s, and counts under pinned alone', () => {
  const both = [answer(PUBLIC, '1#a', '2#b'), answer(A, '1#a')] as const;
  assert.deepEqual(versions('pinned', ...both), ['1', '2', '1']);
  assert.deepEqual(versions('first', ...both), ['1']);
  assert.deepEqual(versions('pinned', answer(PUBLIC, '1#a', '2#b'), answer(A, '1#c')), ['1']);
  assert.deepEqual(versions('pinned', answer(PUBLIC, '1#a', '2#b'), answer(SECRET, '1#a')), ['1']);
});

test('folders of this machine have one owner', () => {
  const both = [answer(DISK, '1#a'), answer(DISK_TOO, '2#b')] as const;
  assert.deepEqual(versions('first', ...both), ['1', '2']);
  assert.deepEqual(versions('first', answer(PUBLIC, '9#c'), ...both), ['1', '2']);
});

const chosen = (choices: Partial<PypiChoices>, fixture = buildPypiFixture()) =>
  fixtureSource({}, fixture, [], new Set(), choices);
const names = (plan: { artifacts: { filename: string }[] }): string[] =>
  plan.artifacts.map(({ filename }) => filename.split('-').slice(0, 2).join(' ')).sort();

test('--not-newer-than leaves out what is newer, and says so where nothing is left', async () => {
  const fixture = buildPypiFixture();
  const beta = fixture.files.find(({ filename }) => filename.startsWith('x_beta-1.5'));
  assert.ok(beta);
  const notNewerThan = new Date(beta.uploadTime);
  const plan = await planOf(fixtureSource(), 'x-beta\n', [TARGET], { notNewerThan });
  assert.deepEqual(names(plan), ['x_beta 1.5']);
  const early = { notNewerThan: new Date(0) };
  const failure = await failureOf(planOf(fixtureSource(), 'x-beta\n', [TARGET], early));
  assert.equal(failure.code, 'NO_ARTIFACT');
  assert.match(failure.hint ?? '', /--not-newer-than leaves out 2 files.*2026-01-0/);
  const pinned = await failureOf(
    planOf(fixtureSource(), 'x-beta==2.0\n', [TARGET], { notNewerThan }),
  );
  assert.match(pinned.hint ?? '', /--not-newer-than leaves out 1 files?/);
});

test('--policy explicit: a package does not opt in to pre-releases for the user', async () => {
  const fixture = buildPypiFixture([
    { name: 'x-pre', version: '1.0', requires: ['x-delta>=2.0rc1'] },
    { name: 'x-pre', version: '0.9' },
  ]);
  assert.deepEqual(names(await planOf(chosen({}, fixture), 'x-pre\n')), [
    'x_delta 2.0rc1',
    'x_pre 1.0',
  ]);
  const strict = await planOf(chosen({ policy: 'explicit' }, fixture), 'x-pre\n');
  assert.deepEqual(names(strict), ['x_pre 0.9']);
});

const OLD_PYTHON = 'linux/amd64/glibc2.36,python=3.8';
const NEW_PYTHON = 'linux/amd64/glibc2.36,python=3.12';

test('several targets prefer one version for all, whatever their order, and say what that costs', async () => {
  const fixture = buildPypiFixture([
    { name: 'x-both', version: '1.0' },
    { name: 'x-both', version: '2.0', requiresPython: '>=3.10' },
    { name: 'x-apart', version: '1.0', requiresPython: '<3.10' },
    { name: 'x-apart', version: '2.0', requiresPython: '>=3.10' },
  ]);
  const asked = 'x-both\nx-apart\n';
  for (const targets of [
    [OLD_PYTHON, NEW_PYTHON],
    [NEW_PYTHON, OLD_PYTHON],
  ]) {
    const plan = await planOf(chosen({}, fixture), asked, targets);
    assert.deepEqual(names(plan), ['x_apart 1.0', 'x_apart 2.0', 'x_both 1.0']);
    const warnings = plan.warnings.join('\n');
    assert.match(
      warnings,
      /no one version of x-apart serves all targets: .*2\.0 for \S*python=3\.12/,
    );
    assert.match(
      warnings,
      /x-both 1\.0 \(alone \S*python=3\.12 would get 2\.0\).*--no-one-version/,
    );
    const alone = await planOf(chosen({ oneVersion: false }, fixture), asked, targets);
    assert.deepEqual(names(alone), ['x_apart 1.0', 'x_apart 2.0', 'x_both 1.0', 'x_both 2.0']);
    assert.deepEqual(alone.warnings, []);
  }
});

const PROJECT = `[project]
name = "mine"
dependencies = ["x-beta"]
[project.optional-dependencies]
Fast = ["x-gamma"]
all = ["mine[fast]", "x-delta"]
other = ["x-huge"]
[dependency-groups]
dev = [{ include-group = "lint" }, "x-large"]
lint = ["x-tool==1.0"]
`;

test('extras and groups of pyproject.toml: all, none, or those named', async () => {
  const asked = async (choices: Partial<PypiChoices>): Promise<string[]> => {
    const source = chosen(choices);
    const file = { path: 'pyproject.toml', text: PROJECT };
    const { requirements } = await source.read(file, () => Promise.reject(new Error('none')));
    return requirements.requirements.map(({ requirement }) => requirement.name).sort();
  };
  const none = { extras: [':none:'], groups: [':none:'] };
  assert.deepEqual(await asked(none), ['x-beta']);
  assert.deepEqual(await asked({ ...none, extras: ['all'] }), ['x-beta', 'x-delta', 'x-gamma']);
  assert.deepEqual(await asked({ ...none, groups: ['Dev'] }), ['x-beta', 'x-large', 'x-tool']);
  const all = await asked({});
  assert.ok(
    ['x-beta', 'x-delta', 'x-gamma', 'x-huge', 'x-large', 'x-tool'].every((one) =>
      all.includes(one),
    ),
  );
  const path = { path: 'pyproject.toml' };
  const unknown = await failureOf(planOf(chosen({ groups: ['docs'] }), PROJECT, [TARGET], path));
  assert.equal(unknown.code, 'USAGE');
  assert.match(`${unknown.message} ${unknown.hint}`, /--group docs.*They have dev, lint/);
});

test('pylock.toml: its own files at its own versions, for the extras and groups chosen', async () => {
  const fixture = buildPypiFixture();
  const file = (name: string): string => {
    const found = fixture.files.find(({ filename }) => filename.startsWith(name));
    assert.ok(found);
    return `{ name = "${found.filename}", url = "https://files.test/files/${found.filename}", hashes = { sha256 = "${found.sha256}" } }`;
  };
  const lock = `lock-version = "1.0"
created-by = "test"
extras = ["fast"]
dependency-groups = ["dev"]
[[packages]]
name = "x-beta"
version = "1.5"
wheels = [${file('x_beta-1.5')}]
[[packages]]
name = "x-delta"
version = "1.0"
marker = "'fast' in extras and sys_platform == 'linux'"
wheels = [${file('x_delta-1.0')}]
[[packages]]
name = "x-source"
version = "1.0"
marker = "'dev' in dependency_groups"
sdist = ${file('x_source-1.0')}
[[packages]]
name = "x-native"
version = "1.0"
marker = "sys_platform == 'win32'"
wheels = [${file('x_native-1.0-py3')}]
`;
  const path = { path: 'pylock.toml' };
  const asked: string[] = [];
  const source = (choices: Partial<PypiChoices>) =>
    fixtureSource({}, fixture, asked, new Set(), choices);
  const all = await planOf(source({}), lock, [TARGET], path);
  assert.deepEqual(names(all), ['x_beta 1.5', 'x_delta 1.0', 'x_source 1.0.tar.gz']);
  assert.ok(all.artifacts.every(({ url }) => url.startsWith('https://files.test/')));
  assert.ok(
    asked.every((url) => !url.includes('/simple/')),
    'no index is asked',
  );
  const none = await planOf(source({ extras: [':none:'], groups: [] }), lock, [TARGET], path);
  assert.deepEqual(names(none), ['x_beta 1.5']);
  const dev = await planOf(source({ extras: [], groups: ['dev'] }), lock, [TARGET], path);
  assert.deepEqual(names(dev), ['x_beta 1.5', 'x_source 1.0.tar.gz']);
  for (const [text, problem] of [
    [lock.replace('"1.0"', '"2.0"'), /unknown lock-version/],
    [lock.replace('version = "1.5"', 'vcs = { type = "git" }'), /only packages of an index/],
    [lock.replace("'linux'", '('), /x-delta/],
  ] as const) {
    const failure = await failureOf(planOf(source({}), text, [TARGET], path));
    assert.equal(failure.code, 'INPUT_MALFORMED');
    assert.match(failure.message, problem);
  }
});

test('pylock.toml: of entries that exclude each other by group it is said which flag chooses', async () => {
  const fixture = buildPypiFixture();
  const locked = (version: string, group: string): string => {
    const start = `x_beta-${version}-`;
    const found = fixture.files.find(({ filename }) => filename.startsWith(start));
    assert.ok(found, start);
    return `[[packages]]
name = "x-beta"
version = "${version}"
marker = "'${group}' in dependency_groups"
wheels = [{ name = "${found.filename}", url = "https://files.test/files/${found.filename}", hashes = { sha256 = "${found.sha256}" } }]
`;
  };
  const groups = 'dependency-groups = ["new", "old"]\n';
  const lock = `lock-version = "1.0"\n${groups}${locked('1.5', 'old')}${locked('2.0', 'new')}`;
  const path = { path: 'pylock.toml' };
  const both = await failureOf(planOf(chosen({}, fixture), lock, [TARGET], path));
  assert.match(
    both.hint ?? '',
    /^pylock\.toml:4 has x-beta several times.*--group new, --group old/,
  );
  const old = await planOf(chosen({ groups: ['old'] }, fixture), lock, [TARGET], path);
  assert.deepEqual(names(old), ['x_beta 1.5']);
});

test('a failure is a chain from what is asked for to what cannot be, and ends with what helps', async () => {
  const fixture = buildPypiFixture([
    { name: 'x-app', version: '1.0', requires: ['x-left', 'x-right'] },
    { name: 'x-app', version: '1.1', requires: ['x-left', 'x-right'] },
    { name: 'x-left', version: '1.0', requires: ['x-beta<2'] },
    { name: 'x-right', version: '1.0', requires: ['x-beta>=2'] },
    { name: 'x-right', version: '0.9', requires: ['x-beta'] },
  ]);
  const failure = await failureOf(planOf(chosen({}, fixture), 'x-app\nx-right>=1\n'));
  assert.equal(failure.code, 'NOT_RESOLVABLE');
  assert.deepEqual(failure.message.split('\n').slice(1), [
    'requirements.txt:1 asks for x-app',
    'requirements.txt:2 asks for x-right>=1',
    'x-app 1.0, 1.1 need x-left',
    'x-right 1.0 needs x-beta>=2',
    'x-left 1.0 needs x-beta<2',
    'so no version of x-beta is left that all of them allow',
  ]);
  assert.equal(
    failure.hint,
    'It resolves without x-app (requirements.txt:1), or without the >=1 of x-right>=1 (requirements.txt:2).',
  );
});
