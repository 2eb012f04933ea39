import assert from 'node:assert/strict';
import { test } from 'node:test';
import { failureOf, fixtureSource, planOf, TARGET } from './fixture-source.js';

const WINDOWS = 'windows/amd64,python=3.12';
const names = async (text: string, path: string, target = TARGET): Promise<string[]> => {
  const plan = await planOf(fixtureSource(), text, [target], { path });
  return plan.artifacts.map(({ name }) => name).sort();
};
const failure = (text: string, path: string, target = TARGET) =>
  failureOf(planOf(fixtureSource(), text, [target], { path }));

test("a project's requires-python is asked before anything is planned for it", async () => {
  const project = '[project]\nname = "x"\nrequires-python = ">=3.12"\ndependencies = ["x-beta"]\n';
  const refused = await failure(project, 'pyproject.toml');
  assert.equal(refused.code, 'NOT_RESOLVABLE');
  assert.match(refused.message, /^pyproject\.toml:3:1: requires-python is >=3\.12, which /);
  assert.match(refused.hint ?? '', /--python/);
  assert.deepEqual(await names(project, 'pyproject.toml', WINDOWS), ['x-beta']);
  const odd = await failure(project.replace('">=3.12"', '312'), 'pyproject.toml');
  assert.equal(odd.code, 'INPUT_MALFORMED');
});

const LOCK = `lock-version = "1.0"
environments = ["sys_platform == 'win32'", "python_version < '3.9'"]
[[packages]]
name = "x-beta"
version = "2.0"
`;

test('a lock file is for the environments that it names, and for no other', async () => {
  const refused = await failure(LOCK, 'pylock.toml');
  assert.equal(refused.code, 'NOT_RESOLVABLE');
  assert.match(refused.message, /locked for sys_platform == 'win32', or python_version < '3\.9'/);
  assert.deepEqual(await names(LOCK, 'pylock.toml', WINDOWS), ['x-beta']);
  const python = LOCK.replace(/environments = .*/, 'requires-python = ">=3.12"');
  assert.equal((await failure(python, 'pylock.toml')).code, 'NOT_RESOLVABLE');
  assert.deepEqual(await names(python, 'pylock.toml', WINDOWS), ['x-beta']);
  const nonsense = await failure(LOCK.replace("< '3.9'", 'nonsense'), 'pylock.toml');
  assert.equal(nonsense.code, 'INPUT_MALFORMED');
  assert.match(nonsense.message, /^pylock\.toml:2:/);
});

test('what a lock file takes from version control is refused where it is needed, and only there', async () => {
  const lock = `lock-version = "1.0"
[[packages]]
name = "x-beta"
version = "2.0"
[[packages]]
name = "x-tree"
marker = "sys_platform == 'win32'"
vcs = { type = "git", url = "https://a.test/x", commit-id = "0" }
`;
  assert.deepEqual(await names(lock, 'pylock.toml'), ['x-beta']);
  const refused = await failure(lock, 'pylock.toml', WINDOWS);
  assert.equal(refused.code, 'INPUT_MALFORMED');
  assert.match(refused.message, /^pylock\.toml:6: .*: x-tree$/);
});

/** TOML that names what cannot be carried, and what is said of it. */
const MALFORMED: readonly (readonly [string, string, RegExp])[] = [
  ['pyproject.toml', '[project]\ndependencies = ["x @ ../x"]', /:2:18: local paths/],
  ['pyproject.toml', '[project]\ndependencies = ["x @ git+https://a.test/x"]', /version control/],
  ['pyproject.toml', '[project]\ndependencies = ["x @ nothing"]', /not an http/],
  ['pyproject.toml', '[project]\ndependencies = "x"', /:2:1: dependencies must be a list/],
  ['pyproject.toml', '[dependency-groups]\na = []\nA = []', /one name: a, A/],
  ['pyproject.toml', '[dependency-groups]\na = [{ include-group = "b" }, 3]', /no dependency group: b/],
  ['pyproject.toml', '[dependency-groups]\na = [{ include-group = "a" }]', /include each other/],
  ['pylock.toml', 'lock-version = "1.0"\npackages = 3', /:2:1: packages must be a list/],
  ['pylock.toml', 'lock-version = "1.0"\n[[packages]]\nversion = "1"', /without a name/],
  ['pylock.toml', 'lock-version = "1.0"\n[[packages]]\nname = "x"\n[packages.archive]\nurl = "../x-1.0.tar.gz"', /local paths/],
  ['pylock.toml', 'lock-version = "1.0"\n[[packages]]\nname = "x"\nversion = "1"\nwheels = [{ url = "https://a.test/x-1-py3-none-any.whl", hashes = { blake2b = "0" } }]', /without a sha256 or sha512/],
]; // prettier-ignore

test('TOML that cannot be carried is refused with its place and a way out', async () => {
  for (const [path, text, problem] of MALFORMED) {
    const refused = await failure(text, path);
    assert.equal(refused.code, 'INPUT_MALFORMED', text);
    assert.match(refused.message, problem, text);
    assert.ok((refused.hint ?? '') !== '', text);
  }
  const all = '[project]\ndependencies = ["x @ ../x", "=="]\n[dependency-groups]\na = [3]\n';
  const together = await failure(all, 'pyproject.toml');
  assert.equal(together.message.split('\n').length, 3, together.message);
});
