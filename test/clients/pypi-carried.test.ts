import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { metadataOf, tarGzOf, wheelOf } from '../../fixtures/upstream/pypi-archives.js';
import type { EcosystemPlan } from '../../src/domain/plan.js';
import { bundleOf } from '../ecosystems/pypi/fixture-source.js';
import { openGateway, type Gateway } from './pypi-gateway.js';
import { filesOf, newestPip, openPlanner, ownTarget, PIP, pipReport } from './pypi-pip.js';

const run = promisify(execFile);
const probe = await pipReport(['six']).catch((thrown: unknown) => String(thrown));
const skip =
  typeof probe === 'object' ? false : 'pip is not there, or no index of its configuration answers';
const own = typeof probe === 'object' ? await ownTarget(probe) : '';
const planner = await openPlanner();
const folder = await mkdtemp(join(tmpdir(), 'x-carried-'));
after(async () => {
  await planner.upstream.close();
  await rm(folder, { recursive: true });
});

/** A clean environment: nothing of this machine's pip configuration is left. Made-up files have no date. */
const BARE = {
  ...Object.fromEntries(
    Object.entries(process.env).filter(([name]) => !/^PIP_|_proxy$/i.test(name)),
  ),
  SOURCE_DATE_EPOCH: '1700000000',
};

/** Fetches a plan from this disk, seals it and serves it. */
async function served(plan: EcosystemPlan, targets: readonly string[]): Promise<Gateway> {
  const files = await Promise.all(
    plan.artifacts.map(async ({ filename, url }) => {
      const bytes = await readFile(fileURLToPath(url));
      return { filename, bytes, sha256: createHash('sha256').update(bytes).digest('hex') };
    }),
  );
  const { view, bytes } = await bundleOf(planner.source, plan, { files }, targets);
  return openGateway(view, bytes);
}

/** A foreign machine: as X names it, and as pip is told of it. */
interface Foreign {
  target: string;
  pip: readonly string[];
  wheel: string;
}

const platforms = (...names: string[]): string[] => names.flatMap((name) => ['--platform', name]);

const FOREIGN: readonly Foreign[] = [
  {
    target: 'windows/amd64,python=3.12',
    pip: [...platforms('win_amd64'), '--python-version', '3.12'],
    wheel: 'cp312-cp312-win_amd64',
  },
  {
    target: 'linux/arm64/glibc2.28,python=3.11',
    pip: [
      ...platforms('manylinux_2_28_aarch64', 'manylinux_2_17_aarch64', 'manylinux2014_aarch64'),
      ...['--python-version', '3.11'],
    ],
    wheel: 'cp311-cp311-manylinux_2_17_aarch64.manylinux2014_aarch64',
  },
  {
    target: 'linux/amd64/musl1.2,python=3.13',
    pip: [...platforms('musllinux_1_2_x86_64'), '--python-version', '3.13'],
    wheel: 'cp313-cp313-musllinux_1_2_x86_64',
  },
  {
    target: 'macos14/arm64,python=3.12',
    pip: [...platforms('macosx_14_0_arm64'), '--python-version', '3.12'],
    wheel: 'cp310-abi3-macosx_11_0_universal2',
  },
  {
    target: 'macos12/amd64,python=3.12',
    pip: [...platforms('macosx_12_0_x86_64'), '--python-version', '3.12'],
    wheel: 'cp310-abi3-macosx_11_0_universal2',
  },
];

test(
  'bundles for foreign platforms and Pythons: real pip, told of the platform, installs them from the gateway',
  { skip },
  async (t) => {
    const links = join(folder, 'foreign');
    await mkdir(links);
    for (const tag of new Set([
      ...FOREIGN.map(({ wheel }) => wheel),
      'cp311-cp311-manylinux_2_17_x86_64',
    ])) {
      const { filename, bytes } = wheelOf({ name: 'x-core', version: '2.0', tag });
      await writeFile(join(links, filename), bytes);
    }
    const app = wheelOf({
      name: 'x-app',
      version: '1.0',
      requires: ['x-core>=2', 'x-windows ; sys_platform == "win32"', 'click', 'idna', 'six'],
    });
    const windows = wheelOf({ name: 'x-windows', version: '1.0' });
    for (const { filename, bytes } of [app, windows]) await writeFile(join(links, filename), bytes);
    const asked = `--find-links ${pathToFileURL(links).href}\nx-app\n--only-binary :all:\n`;
    for (const { target, pip, wheel } of FOREIGN) {
      const plan = await planner.plan(asked, [target]).catch((thrown: unknown) => String(thrown));
      assert.ok(typeof plan === 'object', String(plan));
      assert.ok(
        plan.artifacts.some(({ filename }) => filename.endsWith(`-${wheel}.whl`)),
        `${target}: ${plan.artifacts.map(({ filename }) => filename).join(' ')}`,
      );
      assert.equal(
        plan.artifacts.some(({ name }) => name === 'x-windows'),
        target.startsWith('windows'),
      );
      const gateway = await served(plan, [target]);
      try {
        const report = await pipReport(['x-app'], {
          env: { ...BARE, ...gateway.env },
          args: [
            ...pip,
            '--implementation',
            'cp',
            '--only-binary',
            ':all:',
            '--target',
            join(folder, 'target'),
          ],
        });
        assert.ok(report !== undefined, `${target}: pip finds an answer`);
        const held = plan.artifacts.map(({ filename }) => filename).sort();
        // pip asks its own interpreter about markers: what only Windows needs, it does not ask for.
        const theirs = filesOf(report);
        assert.deepEqual(
          theirs,
          held.filter((name) => !name.startsWith('x_windows')),
        );
        t.diagnostic(`${target}: ${theirs.length} files`);
      } finally {
        gateway.close();
      }
    }
  },
);

/** Sdists of a made-up author, one for each of the backends that most authors use. */
const BACKENDS: readonly (readonly [string, string, string])[] = [
  ['setuptools', '["setuptools>=61"]', 'setuptools.build_meta'],
  ['flit', '["flit_core>=3.4"]', 'flit_core.buildapi'],
  ['hatch', '["hatchling"]', 'hatchling.build'],
  ['poetry', '["poetry-core>=1"]', 'poetry.core.masonry.api'],
];

function sdistOf(
  name: string,
  requires: string,
  backend: string,
): { filename: string; bytes: Buffer } {
  const project = `x-with-${name}`;
  const module = project.replaceAll('-', '_');
  const top = `${module}-1.0`;
  const pyproject = `[build-system]
requires = ${requires}
build-backend = "${backend}"
[project]
name = "${project}"
version = "1.0"
description = "made for tests"
dependencies = ["six"]
`;
  const files: [string, string][] = [
    [`${top}/PKG-INFO`, metadataOf({ name: project, version: '1.0', requires: ['six'] })],
    [`${top}/pyproject.toml`, pyproject],
    [`${top}/${module}/__init__.py`, '"""Made for tests."""\n'],
  ];
  return { filename: `${top}.tar.gz`, bytes: tarGzOf(files) };
}

test(
  'sdists of four backends: what building them needs is carried, and real pip builds them offline',
  { skip, timeout: 600_000 },
  async (t) => {
    const links = await mkdtemp(join(folder, 'sdists-'));
    for (const [name, requires, backend] of BACKENDS) {
      const { filename, bytes } = sdistOf(name, requires, backend);
      await writeFile(join(links, filename), bytes);
    }
    const names = BACKENDS.map(([name]) => `x-with-${name}`);
    const plan = await planner.plan(
      `--find-links ${pathToFileURL(links).href}\n${names.join('\n')}\n`,
      [own],
    );
    const carried = plan.artifacts.map(({ name }) => name);
    for (const needed of [
      'setuptools',
      'wheel',
      'flit-core',
      'hatchling',
      'pathspec',
      'pluggy',
      'poetry-core',
    ]) {
      assert.ok(carried.includes(needed), `${needed} in ${carried.join(' ')}`);
    }
    const gateway = await served(plan, [own]);
    try {
      const newest = await newestPip(planner, own);
      for (const pip of [PIP, ...(newest === undefined ? [] : [newest])]) {
        const into = await mkdtemp(join(folder, 'into-'));
        await run(
          pip.command,
          [...pip.args, 'install', '--quiet', '--no-cache-dir', '--target', into, ...names],
          {
            env: { ...BARE, ...gateway.env },
            timeout: 300_000,
          },
        );
        const installed = await readdir(into);
        for (const name of names)
          assert.ok(
            installed.includes(name.replaceAll('-', '_')),
            `${name}: ${installed.join(' ')}`,
          );
        t.diagnostic(`${pip.title}: ${names.length} sdists built`);
      }
    } finally {
      gateway.close();
    }
  },
);
