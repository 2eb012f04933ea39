import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { tarGzOf, zipOf, type ArchiveFile } from '../../../fixtures/upstream/pypi-archives.js';
import { readTarSdist, readZipSdist } from '../../../src/ecosystems/pypi/archive-metadata.js';
import { parseFilename, type SdistName } from '../../../src/ecosystems/pypi/filename.js';
import {
  describeSdist,
  type SdistDescription,
} from '../../../src/ecosystems/pypi/sdist-metadata.js';
import { planOf, failureOf, fixtureSource } from './fixture-source.js';
import { buildPypiFixture } from '../../../fixtures/upstream/pypi.js';

const NAME = parseFilename('x_old-1.0.tar.gz') as SdistName;
const TOP = 'x_old-1.0';
const OLD = 'Metadata-Version: 2.1\nName: x-old\nVersion: 1.0\nRequires-Python: >=3.6\n';
const SETUPTOOLS =
  '[build-system]\nrequires = ["setuptools"]\nbuild-backend = "setuptools.build_meta"\n';

async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield await Promise.resolve(bytes);
}

async function described(files: readonly ArchiveFile[]): Promise<SdistDescription | undefined> {
  const at = files.map(([path, body]): ArchiveFile => [`${TOP}/${path}`, body]);
  const ofTar = describeSdist(await readTarSdist(once(tarGzOf(at)), NAME, 'x'), NAME, 'x');
  const zip = zipOf(at);
  const reader = {
    lengthBytes: zip.length,
    read: (start: number, end: number) => Promise.resolve(zip.subarray(start, end)),
  };
  const ofZip = describeSdist(await readZipSdist(reader, NAME, 'x'), NAME, 'x');
  assert.deepEqual(ofTar, ofZip);
  return ofTar;
}

const requiresOf = (one: SdistDescription | undefined): string[] | undefined =>
  one?.metadata.requires.map(({ text }) => text);

test('build requirements: where nothing is said what every pip asks for; wheel wherever setuptools builds', async () => {
  const info = 'Metadata-Version: 2.2\nName: x-old\nVersion: 1.0\n';
  const of = async (pyproject?: string): Promise<readonly string[] | undefined> => {
    const files: ArchiveFile[] = [['PKG-INFO', info]];
    if (pyproject !== undefined) files.push(['pyproject.toml', pyproject]);
    return (await described(files))?.buildRequires;
  };
  const byDefault = ['setuptools>=40.8.0', 'wheel'];
  assert.deepEqual(await of(), byDefault);
  assert.deepEqual(await of('[project]\nname = "x"\n'), byDefault);
  assert.deepEqual(await of('[build-system]\nrequires = ["Setuptools >= 61"]\n'), [
    'Setuptools >= 61',
    'wheel',
  ]);
  const both = ['wheel>=0.40', 'setuptools<70'];
  assert.deepEqual(await of(`[build-system]\nrequires = ${JSON.stringify(both)}\n`), both);
  assert.deepEqual(await of('[build-system]\nrequires = ["flit_core"]\n'), ['flit_core']);
  assert.deepEqual(await of('[build-system]\nrequires = []\n'), []);
});

test('PKG-INFO of 2.2 counts, unless what matters is dynamic', async () => {
  const info = OLD.replace('2.1', '2.2');
  const still = await described([
    ['PKG-INFO', `${info}Requires-Dist: a>=1\nDynamic: License-File\n`],
  ]);
  assert.deepEqual(requiresOf(still), ['a>=1']);
  assert.equal(still?.hearsay, undefined);
  const dynamic = await described([
    ['PKG-INFO', `${info}Requires-Dist: a>=1\nDynamic: Requires-Dist\n`],
  ]);
  assert.equal(dynamic, undefined);
});

test('[project] of pyproject.toml counts where it hides nothing', async () => {
  const project = `[project]
name = "x-old"
dynamic = ["version"]
requires-python = ">=3.7"
dependencies = ["a>=1", "b ; python_version < '3.9'"]
[project.optional-dependencies]
Fast_Er = ["c", "d ; os_name == 'nt' or os_name == 'posix'"]
`;
  const one = await described([
    ['PKG-INFO', OLD],
    ['pyproject.toml', project],
  ]);
  assert.deepEqual(requiresOf(one), [
    'a>=1',
    "b ; python_version < '3.9'",
    'c ; extra == "fast-er"',
    "d ; (os_name == 'nt' or os_name == 'posix') and extra == \"fast-er\"",
  ]);
  assert.deepEqual([...(one?.metadata.extras ?? [])], ['fast-er']);
  assert.equal(one?.metadata.requiresPythonText, '>=3.7');
  assert.equal(one.hearsay, undefined);
  const hidden = await described([
    ['PKG-INFO', OLD],
    ['pyproject.toml', project.replace('"version"', '"version", "dependencies"')],
  ]);
  assert.equal(hidden, undefined);
});

test('setup.cfg counts where setup.py only calls setup()', async () => {
  const cfg = `[metadata]
name = x-old
[options]
python_requires = >=3.8
install_requires =
    a>=1
    # a comment
    b; python_version < "3.9"
[options.extras_require]
fast = c; d
`;
  const trivial =
    '#!/usr/bin/env python\nimport setuptools\n\nif __name__ == "__main__":\n    setuptools.setup()\n';
  for (const setupPy of [undefined, trivial, 'from setuptools import setup\nsetup()\n']) {
    const files: ArchiveFile[] = [
      ['PKG-INFO', OLD],
      ['setup.cfg', cfg],
    ];
    if (setupPy !== undefined) files.push(['setup.py', setupPy]);
    const one = await described(files);
    assert.deepEqual(requiresOf(one), [
      'a>=1',
      'b; python_version < "3.9"',
      'c ; extra == "fast"',
      'd ; extra == "fast"',
    ]);
    assert.equal(one?.metadata.requiresPythonText, '>=3.8');
  }
  const computed = 'from setuptools import setup\nsetup(install_requires=["z"])\n';
  const none = await described([
    ['PKG-INFO', OLD],
    ['setup.cfg', cfg],
    ['setup.py', computed],
  ]);
  assert.equal(none, undefined);
  const elsewhere = await described([
    ['PKG-INFO', OLD],
    ['setup.cfg', '[options]\ninstall_requires = file: requirements.txt\n'],
  ]);
  assert.equal(elsewhere, undefined);
});

test('egg-info is what the author’s build wrote down, and is said to be', async () => {
  const requires = `a>=1

[:python_version < "3.9"]
b

[fast]
c

[fast:os_name == "nt"]
d>2
`;
  for (const folder of ['x_old.egg-info', 'src/x_old.egg-info', 'src/X.Old.egg-info']) {
    const one = await described([
      ['PKG-INFO', OLD],
      ['setup.py', 'import os\n'],
      ['pyproject.toml', SETUPTOOLS],
      [`${folder}/SOURCES.txt`, ''],
      [`${folder}/requires.txt`, requires],
    ]);
    assert.deepEqual(requiresOf(one), [
      'a>=1',
      'b ; (python_version < "3.9")',
      'c ; extra == "fast"',
      'd>2 ; (os_name == "nt") and extra == "fast"',
    ]);
    assert.equal(one?.hearsay, 'egg-info');
    assert.equal(one.metadata.requiresPythonText, '>=3.6');
  }
  const bare = await described([
    ['PKG-INFO', OLD],
    ['setup.py', 'import os\n'],
    ['x_old.egg-info/SOURCES.txt', ''],
  ]);
  assert.deepEqual(requiresOf(bare), []);
  const foreign = await described([
    ['PKG-INFO', OLD],
    ['setup.py', 'import os\n'],
    ['other.egg-info/requires.txt', requires],
    ['../x_old.egg-info/requires.txt', requires],
  ]);
  assert.equal(foreign, undefined);
});

test('backends that compute nothing are believed, others must build', async () => {
  const info = `${OLD}Requires-Dist: a>=1\n`;
  const of = (backend: string): Promise<SdistDescription | undefined> =>
    described([
      ['PKG-INFO', info],
      ['pyproject.toml', `[build-system]\nrequires = []\nbuild-backend = "${backend}"\n`],
    ]);
  assert.deepEqual(requiresOf(await of('poetry.core.masonry.api')), ['a>=1']);
  assert.equal((await of('flit_core.buildapi'))?.hearsay, 'PKG-INFO');
  assert.equal(await of('mesonpy'), undefined);
  assert.equal(await of('own_backend'), undefined);
});

test('long names in a tar, as tar writes them in both ways', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'x-tar-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const deep = 'x'.repeat(90);
  const name = parseFilename(`${deep}-1.0.tar.gz`) as SdistName;
  const egg = join(folder, `${deep}-1.0`, 'src', `${deep}.egg-info`);
  execFileSync('mkdir', ['-p', egg]);
  writeFileSync(join(egg, 'requires.txt'), 'a>=1\n');
  writeFileSync(join(folder, `${deep}-1.0`, 'PKG-INFO'), OLD.replace('x-old', deep));
  for (const format of ['gnu', 'pax']) {
    const file = join(folder, `${format}.tar.gz`);
    execFileSync('tar', [`--format=${format}`, '-czf', file, '-C', folder, `${deep}-1.0`]);
    const files = await readTarSdist(once(readFileSync(file)), name, 'x');
    assert.equal(Buffer.from(files.eggInfo?.requires ?? '').toString(), 'a>=1\n', format);
  }
});

test('an sdist that must be built is refused with the ways out, and no older version stands in for it', async () => {
  const bytes = tarGzOf([
    [`${TOP.replace('1.0', '2.0')}/PKG-INFO`, OLD.replace('1.0', '2.0')],
    [`${TOP.replace('1.0', '2.0')}/setup.py`, 'import os\n'],
  ]);
  const fixture = buildPypiFixture(
    [{ name: 'x-old', version: '1.0' }],
    [{ project: 'x-old', filename: 'x_old-2.0.tar.gz', bytes }],
  );
  const source = fixtureSource({}, fixture);
  const failure = await failureOf(planOf(source, 'x-old\n'));
  assert.equal(failure.code, 'NO_ARTIFACT');
  assert.match(failure.message, /pip would build and take x_old-2\.0\.tar\.gz.* is 1\.0/);
  assert.match(failure.hint ?? '', /--find-links.*--only-binary x-old/);
  const wheel = await planOf(source, '--only-binary x-old\nx-old\n');
  assert.deepEqual(
    wheel.artifacts.map(({ filename }) => filename),
    ['x_old-1.0-py3-none-any.whl'],
  );
  const pinned = await failureOf(planOf(source, 'x-old==2.0\n'));
  assert.equal(pinned.code, 'NO_ARTIFACT');
  assert.match(pinned.hint ?? '', /--find-links/);
  assert.equal((await planOf(source, 'x-old<2\n')).artifacts.length, 1);
});

test('an sdist that must be there to be built is refused, with the way round', async () => {
  const sdistOf = (name: string, requires: string) => ({
    project: name,
    filename: `${name.replaceAll('-', '_')}-1.0.tar.gz`,
    bytes: tarGzOf([
      [
        `${name.replaceAll('-', '_')}-1.0/PKG-INFO`,
        `Metadata-Version: 2.2\nName: ${name}\nVersion: 1.0\n\n`,
      ],
      [
        `${name.replaceAll('-', '_')}-1.0/pyproject.toml`,
        `[build-system]\nrequires = ["${requires}"]\n`,
      ],
    ]),
  });
  const circles = [
    [sdistOf('x-self', 'x-self')],
    [sdistOf('x-self', 'x-other'), sdistOf('x-other', 'x-self')],
    [sdistOf('x-self', 'x-plugin')],
  ];
  for (const sdists of circles) {
    const wheels = [{ name: 'x-plugin', version: '1.0', requires: ['x-self'] }];
    const source = fixtureSource({}, buildPypiFixture(wheels, sdists));
    const failure = await failureOf(planOf(source, 'x-self\n'));
    assert.equal(failure.code, 'NOT_RESOLVABLE');
    assert.match(
      failure.message,
      /building .* needs the sdist itself: x-self 1\.0, which needs x-/,
    );
    assert.match(failure.hint ?? '', /--find-links/);
  }
  const open = fixtureSource({}, buildPypiFixture([], [sdistOf('x-self', 'x-backend')]));
  assert.equal((await planOf(open, 'x-self\n')).artifacts.length, 2);
});
