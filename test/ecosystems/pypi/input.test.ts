import assert from 'node:assert/strict';
import { test } from 'node:test';
import { pathToFileURL } from 'node:url';
import fc from 'fast-check';
import { readRequirementsFile } from '../../../src/ecosystems/pypi/requirements-file.js';
import { XError } from '../../../src/domain/errors.js';
import type { InputFile } from '../../../src/ports/ecosystem.js';
import { failureOf, fixtureSource } from './fixture-source.js';

const source = fixtureSource();

function read(text: string, files: Record<string, string> = {}, path = 'requirements.txt') {
  return source.read({ path, text }, (name): Promise<InputFile> => {
    const found = files[name];
    if (found === undefined) throw new XError('INPUT_NOT_FOUND', name);
    return Promise.resolve({ path: name, text: found });
  });
}

test('a requirements file in full', async () => {
  const hash = 'a'.repeat(64);
  const { requirements, nested, purls } = await read(
    `# comment
--index-url https://a.test/simple
--extra-index-url=https://b.test/simple
-f https://c.test/links --pre
x-beta[one, Two]>=1,<2 ; python_version >= "3.8"  # why
\${TOKEN}==1.0 \\
    --hash=sha256:${hash}
x-url @ https://d.test/x_url-1.0-py3-none-any.whl#sha256=${hash}
https://d.test/x_other-1.0.tar.gz
#x pkg:npm/lodash@^4
pkg:pypi/x-beta@1.5
-r sub/more.txt
-c limits.txt
`,
    { 'sub/more.txt': '-r ../deep.txt\nx-more', 'deep.txt': 'x-deep', 'limits.txt': 'x-beta<1.9' },
  );
  assert.deepEqual(
    requirements.requirements.map(({ requirement: { name }, where }) => `${name} ${where}`),
    [
      'x-beta requirements.txt:5',
      'x-alpha requirements.txt:6',
      'x-url requirements.txt:8',
      'x-other requirements.txt:9',
      'x-deep deep.txt:1',
      'x-more sub/more.txt:2',
    ],
  );
  assert.deepEqual(requirements.requirements[1]?.hashes, [{ sha256: hash }]);
  assert.deepEqual(requirements.requirements[0]?.requirement.extras, ['one', 'two']);
  assert.deepEqual(
    requirements.constraints.map(({ requirement }) => requirement.text),
    ['x-beta<1.9'],
  );
  assert.deepEqual(
    nested.map(({ path }) => path),
    ['sub/more.txt', 'deep.txt', 'limits.txt'],
  );
  assert.deepEqual(
    purls.map(({ text, line }) => [text, line]),
    [
      ['#x pkg:npm/lodash@^4', 10],
      ['pkg:pypi/x-beta@1.5', 11],
    ],
  );
  assert.equal(requirements.options.indexUrl, 'https://a.test/simple');
  assert.ok(requirements.options.preReleases);
});

test('what cannot be carried or read is refused with its place and text', async () => {
  const cases: [string, RegExp][] = [
    ['x-beta\nfoo[', /^requirements\.txt:2:5: .*: foo\[$/],
    ['-e .', /editable/],
    ['./local.whl', /local paths/],
    ['x @ git+https://d.test/x.git', /version control/],
    ['x @ https://d.test/x', /wheel or an sdist/],
    ['--unknown 1', /unknown option --unknown/],
    ['x --hash=md5:00', /not a sha256/],
    ['--index-url', /needs a value/],
    ['-r ssh://d.test/r.txt', /from this machine or fetched/],
    ['#x pkg:', /not a package URL/],
  ];
  for (const [text, expected] of cases) {
    const failure = await failureOf(read(text));
    assert.equal(failure.code, 'INPUT_MALFORMED', text);
    assert.match(failure.message, expected);
  }
});

test('files that nest without end stop', async () => {
  const { requirements } = await read('-r a.txt\nx-beta', {
    'a.txt': '-r b.txt',
    'b.txt': '-r a.txt\nx-alpha',
  });
  assert.equal(requirements.requirements.length, 2);
});

test('pyproject.toml and pylock.toml', async () => {
  const project = await read(
    `[project]
name = "mine"
dependencies = ["x-alpha>=1"]
[project.optional-dependencies]
fast = ["x-gamma[fast]"]
all = ["mine[fast]"]
[dependency-groups]
dev = ["x-beta", {include-group = "docs"}]
docs = ["x-delta"]
`,
    {},
    'pyproject.toml',
  );
  const names = project.requirements.requirements.map(({ requirement }) => requirement.name);
  assert.deepEqual(names, ['x-alpha', 'x-gamma', 'x-beta', 'x-delta', 'x-delta']);
  const lock = await read(
    `lock-version = "1.0"
[[packages]]
name = "x-beta"
version = "1.5"
wheels = [{ url = "https://d.test/x.whl", hashes = { sha256 = "${'b'.repeat(64)}" } }]
`,
    {},
    'pylock.toml',
  );
  assert.equal(lock.requirements.requirements[0]?.requirement.text, 'x-beta==1.5');
  assert.equal(lock.requirements.requirements[0]?.hashes.length, 1);
  const failure = await failureOf(read('[project\n', {}, 'pyproject.toml'));
  assert.match(failure.message, /^pyproject\.toml:1:\d+: .*: \[project$/);
  const cycle = '[dependency-groups]\na = [{include-group = "b"}]\nb = [{include-group = "a"}]\n';
  assert.match((await failureOf(read(cycle, {}, 'pyproject.toml'))).message, /include each other/);
});

test('any text is read or refused, never worse', async () => {
  const line = fc.oneof(
    fc.string({ maxLength: 60 }),
    fc.stringMatching(/^[a-z\-[\]=<>;@"' #\\0-9.:$/]{0,40}$/),
  );
  await fc.assert(
    fc.asyncProperty(fc.array(line, { maxLength: 5 }), async (lines) => {
      try {
        await read(lines.join('\n'));
      } catch (thrown) {
        assert.ok(thrown instanceof XError, String(thrown));
      }
    }),
    { numRuns: 500 },
  );
});

test('claims by name and by content', () => {
  const claims = (path: string, text: string): boolean => source.claims({ path, text });
  assert.ok(claims('requirements-dev.txt', ''));
  assert.ok(claims('a/pyproject.toml', ''));
  assert.ok(claims('list.txt', '# c\nflask>=2\n#x pkg:npm/lodash\n-r other.txt\n'));
  assert.ok(!claims('package.json', '{}'));
  assert.ok(!claims('selections.txt', 'adduser\tinstall\nbash\tinstall\n'));
  assert.ok(!claims('yarn.lock', ''));
});

test('the rewritten copy points at the gateway, line for line', async () => {
  const text = `--index-url https://a.test/simple
--extra-index-url https://b.test/simple
x-beta>=1
x-url[a] @ https://d.test/x_url-1.0-py3-none-any.whl ; python_version > "3"
`;
  const copy = await source.rewriteInput(
    { path: 'requirements.txt', text },
    'http://127.0.0.1:8470',
  );
  assert.equal(
    copy?.text,
    `--index-url http://127.0.0.1:8470/pypi/simple/

x-beta>=1
x-url[a]==1.0 ; python_version > "3"
`,
  );
  assert.equal(
    await source.rewriteInput({ path: 'r.txt', text: 'x-beta\n' }, 'http://g'),
    undefined,
  );
});

test('credentials come from variables, go to the fetching side, and stand nowhere else', async () => {
  const { requirements } = await read(
    `--index-url https://\${USER}:\${PASSWORD}@a.test/simple
--extra-index-url https://user:\${PASSWORD}@b.test/simple
x-url @ https://\${USER}:\${PASSWORD}@d.test/x_url-1.0-py3-none-any.whl
`,
  );
  assert.deepEqual(requirements.logins, [
    'https://u:p%40ss@a.test/simple',
    'https://user:p%40ss@b.test/simple',
    'https://u:p%40ss@d.test/x_url-1.0-py3-none-any.whl',
  ]);
  assert.ok(!JSON.stringify({ ...requirements, logins: [] }).includes('p%40ss'));
  for (const written of ['u:secret', 'secret', '${USER}:secret', 'a${USER}']) {
    const failure = await failureOf(read(`--index-url https://${written}@a.test/simple`));
    assert.match(
      failure.message,
      /^requirements\.txt:1:1: credentials stand in the address of a\.test$/,
    );
  }
  const other = await failureOf(read('--nonsense ${PASSWORD}'));
  assert.ok(!other.message.includes('p%40ss'));
});

test('a find-links folder stands beside the file that names it', async () => {
  const files = { 'sub/more.txt': '-f wheels', 'sub/deep/own.txt': '-f ../wheels' };
  const { requirements } = await read(
    '-f ./wheels\n-f https://a.test/links\n-r sub/more.txt\n-r sub/deep/own.txt',
    files,
    '/srv/project/requirements.txt',
  );
  const [first, second, third, fourth] = requirements.options.findLinks;
  assert.equal(first, 'file:///srv/project/wheels');
  assert.equal(second, 'https://a.test/links');
  // The nested files of this test are named relative to the folder that it runs in.
  assert.equal(third, pathToFileURL('sub/wheels').href);
  assert.equal(fourth, third);
});

test('a find-links place that is not beside its file is looked for in the working folder', async () => {
  const text = '-f wheels\n-f here\n-f nowhere\n-f /srv/here\n';
  const there = new Set(['file:///srv/project/wheels', pathToFileURL('here').href]);
  const { requirements } = await readRequirementsFile(
    { path: '/srv/project/requirements.txt', text },
    {
      readFile: () => Promise.reject(new Error('nothing is nested')),
      env: {},
      isThere: (url) => Promise.resolve(there.has(url)),
    },
  );
  assert.deepEqual(requirements.options.findLinks, [
    'file:///srv/project/wheels',
    pathToFileURL('here').href,
    'file:///srv/project/nowhere',
    'file:///srv/here',
  ]);
});

test('a pyproject.toml carries what builds it, and is refused where its dependencies are hidden', async () => {
  const names = async (text: string): Promise<string[]> => {
    const { requirements } = await read(text, {}, 'pyproject.toml');
    return requirements.requirements.map(({ requirement }) => requirement.name);
  };
  const project = '[project]\nname = "mine"\ndependencies = ["x-alpha"]\n';
  const build = '[build-system]\nrequires = ["setuptools>=61"]\n';
  assert.deepEqual(await names(project + build), ['x-alpha', 'setuptools', 'wheel']);
  assert.deepEqual(await names('[dependency-groups]\ndev = ["x-beta"]\n'), ['x-beta']);
  assert.deepEqual(await names(`[project]\nname = "mine"\ndynamic = ["version"]\n`), []);
  for (const [text, expected] of [
    [
      '[project]\nname = "mine"\ndynamic = ["version", "dependencies"]',
      /^pyproject\.toml:3:1: depen/,
    ],
    [
      '[project]\nname = "mine"\ndynamic = ["optional-dependencies"]',
      /^pyproject\.toml:3:1: optio/,
    ],
    ['[tool.poetry.dependencies]\npython = "^3.9"\nrequests = "*"', /no \[project\] table/],
    ['', /no \[project\] table/],
  ] as const) {
    const failure = await failureOf(read(text, {}, 'pyproject.toml'));
    assert.equal(failure.code, 'INPUT_MALFORMED', text);
    assert.match(failure.message, expected);
  }
});

test('a file that is named by its address on this machine is read', async () => {
  const { requirements } = await read('-r file:///srv/more%20of.txt\nx-beta', {
    '/srv/more of.txt': 'x-alpha',
  });
  assert.deepEqual(
    requirements.requirements.map(({ requirement }) => requirement.name),
    ['x-alpha', 'x-beta'],
  );
});
