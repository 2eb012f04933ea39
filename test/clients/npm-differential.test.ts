import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { promisify } from 'node:util';
import { messageOf } from '../../src/domain/errors.js';
import { parseTarget } from '../../src/domain/target.js';
import { createNpmRegistry } from '../../src/upstream/npm-registry.js';
import { chosen, planOf } from '../ecosystems/npm/held.js';

const run = promisify(execFile);

/** Real dependency sets, with the platform they are wanted for. */
const SETS: Record<
  string,
  { manifest: Record<string, unknown>; os?: string; cpu?: string; libc?: string }
> = {
  express: { manifest: { dependencies: { express: '^4' } } },
  'react and vite': {
    manifest: { dependencies: { react: '*', 'react-dom': '*' }, devDependencies: { vite: '*' } },
  },
  eslint: { manifest: { devDependencies: { eslint: '^9' } }, cpu: 'arm64' },
  typescript: { manifest: { devDependencies: { typescript: '~5.6', '@types/node': '^20' } } },
  webpack: { manifest: { devDependencies: { webpack: '^5', 'webpack-cli': '*' } } },
  jest: { manifest: { devDependencies: { jest: '^29' } } },
  'esbuild for another C library': {
    manifest: { dependencies: { esbuild: '^0.25' } },
    libc: 'musl',
  },
  'sharp for arm64 and musl': {
    manifest: { dependencies: { sharp: '*' } },
    cpu: 'arm64',
    libc: 'musl',
  },
  'sharp for Windows': { manifest: { dependencies: { sharp: '^0.33' } }, os: 'win32' },
  'a scope': { manifest: { dependencies: { '@babel/core': '^7', '@babel/preset-env': '^7' } } },
  'peers that disagree': {
    manifest: {
      dependencies: {
        react: '^17',
        'react-dom': '^17',
        '@testing-library/react': '^12',
        'react-redux': '^7',
      },
    },
  },
  'overrides and an alias': {
    manifest: {
      dependencies: { express: '^4.18', old: 'npm:lodash@^3' },
      overrides: { qs: '6.11.0' },
    },
  },
  'a package that bundles its own': { manifest: { dependencies: { npm: '^10' } } },
  'old packages': {
    manifest: { dependencies: { request: '*', underscore: '~1.8', 'socket.io': '^2' } },
  },
};

const OS_OF: Record<string, string> = { linux: 'linux', win32: 'windows' };
const CPU_OF: Record<string, string> = { x64: 'amd64', arm64: 'arm64' };

let folder: string;
let npmNode = '';
let unreachable: string | undefined;

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'x-npm-differential-'));
  try {
    const { stdout } = await run('npm', ['version', '--json'], { env: systemEnvironment() });
    npmNode = (JSON.parse(stdout) as { node: string }).node;
    await createNpmRegistry({ env: process.env, folder }).release('express', '4.18.0');
  } catch (thrown) {
    unreachable = `npm or its registry cannot be reached: ${messageOf(thrown)}`;
  }
});

after(() => rm(folder, { recursive: true }));

for (const [title, { manifest, os = 'linux', cpu = 'x64', libc = 'glibc' }] of Object.entries(
  SETS,
)) {
  test(`${title}: the plan is what npm would install`, { timeout: 120_000 }, async (t) => {
    if (unreachable !== undefined) return t.skip(unreachable);
    const project = await mkdtemp(join(folder, 'set-'));
    await writeFile(join(project, 'package.json'), JSON.stringify(manifest));
    const platform = [`--os=${os}`, `--cpu=${cpu}`, ...(os === 'linux' ? [`--libc=${libc}`] : [])];
    const asked = run(
      'npm',
      ['install', '--dry-run', '--ignore-scripts', '--no-audit', '--no-fund', ...platform],
      { cwd: project, env: systemEnvironment(), maxBuffer: 1 << 24 },
    );
    const suffix = os === 'linux' ? `/${libc}${libc === 'musl' ? '1.2' : '2.36'}` : '';
    const target = parseTarget(`${OS_OF[os]}/${CPU_OF[cpu]}${suffix},node=${npmNode}`);
    const registry = createNpmRegistry({ env: process.env, folder: project });
    const [{ stdout }, plan] = await Promise.all([
      asked,
      planOf({ registry }, { files: { 'package.json': manifest }, targets: [target] }),
    ]);
    const installed = [...stdout.matchAll(/^add (\S+) (\S+)$/gm)].map(
      ([, name, version]) => `${name}@${version}`,
    );
    assert.ok(installed.length > 0, stdout);
    assert.deepEqual(aliasesResolved(chosen(plan), manifest), [...new Set(installed)].sort());
  });
}

/** npm prints an alias's own name. */
function aliasesResolved(names: string[], manifest: Record<string, unknown>): string[] {
  const aliases = Object.entries((manifest['dependencies'] ?? {}) as Record<string, string>)
    .filter(([, spec]) => spec.startsWith('npm:'))
    .map(([alias, spec]) => [spec.slice(4, spec.lastIndexOf('@')), alias] as const);
  return names
    .map((name) => {
      const found = aliases.find(([real]) => name.startsWith(`${real}@`));
      return found === undefined ? name : name.replace(found[0], found[1]);
    })
    .sort();
}

/** The system's own npm on its own Node, not this project's. */
function systemEnvironment(): Record<string, string | undefined> {
  const path = (process.env['PATH'] ?? '')
    .split(':')
    .filter((part) => !part.includes('node_modules'));
  return { ...process.env, PATH: path.join(':') };
}
