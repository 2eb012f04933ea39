import assert from 'node:assert/strict';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { whyNoClient, whyNoNamespace } from '../../fixtures/namespace.js';
import { startFixtures, type Fixtures } from '../../fixtures/upstream/fixtures.js';
import { x } from '../../fixtures/x-process.js';
import { isolated, signedOf, xIn } from './e2e-world.js';

const noNamespace = whyNoNamespace();
const skipFor = (client: string): string | false => noNamespace ?? whyNoClient(client) ?? false;
/** Poetry takes its time: half a minute where nothing else runs. */
const DEADLINE_MS = 300_000;

/** A project as Poetry knows it, with an index of its own for one package. */
const PYPROJECT = `[tool.poetry]
name = "app"
version = "1.0.0"
description = ""
authors = ["nobody <nobody@example.invalid>"]
packages = [{ include = "app.py" }]

[[tool.poetry.source]]
name = "inside"
url = "http://index.invalid/simple/"
secondary = true

[tool.poetry.dependencies]
python = ">=3.9"
x-tool = "*"
x-large = { version = "*", source = "inside" }

[build-system]
requires = ["poetry-core"]
build-backend = "poetry.core.masonry.api"
`;

/** Standards alone: what uv reads. */
const PEP_621 = `[project]
name = "app"
version = "1.0.0"
requires-python = ">=3.9"
dependencies = ["x-tool"]
`;

describe('a project is installed without a network', { skip: noNamespace ?? false }, () => {
  let folder: string;
  let data: string;
  let fixtures: Fixtures;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'x-poetry-'));
    data = join(folder, 'data');
    fixtures = await startFixtures(join(folder, 'fixtures'));
    const list = join(folder, 'list.txt');
    await writeFile(list, 'x-tool\nx-large\n');
    const stick = join(folder, 'stick');
    const args = ['source', '-r', list, '--once', '--export', stick, '--json'];
    const made = await x([...args, '--data', join(folder, 'source')], { env: fixtures.allEnv });
    assert.equal(made.code, 0, made.stdout + made.stderr);
    const did = String(signedOf(made.stdout)['did']);
    const taken = await x(['import', stick, '--data', data, '--trust', did]);
    assert.equal(taken.code, 0, taken.stderr);
  });
  after(async () => {
    await fixtures.close();
    await rm(folder, { recursive: true, force: true });
  });

  /** A fresh project and home. */
  async function project(name: string, pyproject: string): Promise<string> {
    const place = join(folder, name);
    await mkdir(join(place, 'home'), { recursive: true });
    await writeFile(join(place, 'pyproject.toml'), pyproject);
    await writeFile(join(place, 'app.py'), 'import x_tool, x_alpha\nprint("app runs")\n');
    return place;
  }

  test('by poetry, from its lock file too', { skip: skipFor('poetry') }, async () => {
    const place = await project('poetry', PYPROJECT);
    const poetry = xIn(data)('run -- poetry');
    const { code, output } = await isolated(
      `export HOME='${place}/home' PYTHONPATH='${place}/own' POETRY_VIRTUALENVS_IN_PROJECT=true
unset VIRTUAL_ENV XDG_CACHE_HOME XDG_CONFIG_HOME XDG_DATA_HOME
${poetry} install -n
cp poetry.lock first.lock
${poetry} run python app.py
${poetry} run python -c 'import os; print("path", os.environ["PYTHONPATH"])'
rm -r .venv home/.cache
${poetry} install -n
cmp poetry.lock first.lock
.venv/bin/python app.py
${poetry} add -n x-nowhere || echo "poetry ended with $?"`,
      place,
      DEADLINE_MS,
    );
    assert.equal(code, 0, output);
    assert.equal(output.match(/^app runs$/gm)?.length, 2, output);
    assert.ok(output.includes(`path ${place}/own`), output);
    assert.match(output, /x: in no bundle on this machine: x-nowhere\n.*\npoetry ended with 1/);
    const lock = await readFile(join(place, 'poetry.lock'), 'utf8');
    assert.doesNotMatch(lock, /127\.0\.0\.1/);
    assert.match(lock, /url = "http:\/\/index\.invalid\/simple\/?"\nreference = "inside"/);
    assert.equal(lock.match(/\[package\.source\]/g)?.length, 1, lock);
  });

  test('by uv, which writes a lock file', { skip: skipFor('uv') }, async () => {
    const place = await project('uv', PEP_621);
    const { code, output } = await isolated(
      `export HOME='${place}/home' UV_PYTHON_DOWNLOADS=never
${xIn(data)('run -- uv sync')}
.venv/bin/python app.py`,
      place,
      DEADLINE_MS,
    );
    assert.equal(code, 0, output);
    assert.match(output, /^app runs$/m);
  });
});
