import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, before, test } from 'node:test';
import { promisify } from 'node:util';
import { messageOf } from '../../src/domain/errors.js';
import { parseTarget, type Target } from '../../src/domain/target.js';
import { createNpmSource } from '../../src/ecosystems/npm/source.js';
import { createNpmRegistry } from '../../src/upstream/npm-registry.js';
import { chosen } from '../ecosystems/npm/held.js';
import type { NpmSet } from './npm-sets.js';

const run = promisify(execFile);

/** Targets, and how npm is told of them. */
const PLATFORMS = {
  'linux/amd64/glibc2.36': ['--os=linux', '--cpu=x64', '--libc=glibc'],
  'linux/arm64/musl1.2': ['--os=linux', '--cpu=arm64', '--libc=musl'],
  'windows/amd64': ['--os=win32', '--cpu=x64'],
  'macos14/arm64': ['--os=darwin', '--cpu=arm64'],
} as const;

/** The npm versions that are compared with, from the registry. */
const CLIENTS = ['10', '11'] as const;

/**
 * Each set is installed by each npm for each platform, scripts off, and what then lies in node_modules
 * must be X's plan, name@version by name@version: planned from the package.json, and from the lockfile
 * that the first of the installs wrote.
 */
export function compareSets(
  sets: readonly NpmSet[],
  only: { platforms?: readonly (keyof typeof PLATFORMS)[]; clients?: readonly string[] } = {},
): void {
  const platforms = only.platforms ?? (Object.keys(PLATFORMS) as (keyof typeof PLATFORMS)[]);
  const clients = only.clients ?? CLIENTS;
  let folder = '';
  let unreachable: string | undefined;
  const programs = new Map<string, string>();

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'x-npm-differential-'));
    try {
      for (const major of clients) programs.set(major, await bringNpm(folder, major));
    } catch (thrown) {
      unreachable = `npm or its registry cannot be reached: ${messageOf(thrown)}`;
    }
  });
  after(() => rm(folder, { recursive: true, force: true }));

  const targets = platforms.map((platform) =>
    parseTarget(`${platform},node=${process.versions.node}`),
  );
  for (const set of sets) {
    for (const major of clients) {
      test(`${set.title}: the plan is what npm ${major} installs`, async (t) => {
        if (unreachable !== undefined) return t.skip(unreachable);
        const program = programs.get(major) ?? '';
        const project = await mkdtemp(join(folder, 'set-'));
        await writeSet(project, set);
        const planned = await planIn(project, 'package.json', targets);
        const counts: number[] = [];
        let lockfile: string | undefined;
        for (const [at, platform] of platforms.entries()) {
          const installed = await install(program, project, PLATFORMS[platform], folder);
          counts.push(installed.length);
          assert.deepEqual(planned[at], installed, `${platform}, from package.json`);
          lockfile ??= await readFile(join(project, 'package-lock.json'), 'utf8');
          await rm(join(project, 'node_modules'), { recursive: true });
          await rm(join(project, 'package-lock.json'));
        }
        await writeFile(join(project, 'package-lock.json'), lockfile ?? '');
        const locked = await planIn(project, 'package-lock.json', targets);
        for (const [at, platform] of platforms.entries())
          assert.deepEqual(locked[at], planned[at], `${platform}, from the lockfile`);
        await rm(project, { recursive: true });
        t.diagnostic(`${counts.join(', ')} packages`);
      });
    }
  }
}

async function bringNpm(folder: string, major: string): Promise<string> {
  const place = join(folder, `npm-${major}`);
  await mkdir(place);
  await run('npm', [
    'install',
    '--prefix',
    place,
    '--ignore-scripts',
    '--no-audit',
    `npm@${major}`,
  ]);
  return join(place, 'node_modules', 'npm', 'bin', 'npm-cli.js');
}

async function writeSet(project: string, { manifest, folders = {} }: NpmSet): Promise<void> {
  const all = { '': { name: 'project', version: '1.0.0', ...manifest }, ...folders };
  for (const [path, content] of Object.entries(all)) {
    const file = join(project, path, 'package.json');
    await mkdir(dirname(file), { recursive: true });
    await writeFile(file, JSON.stringify(content));
  }
}

/** name@version of what a plan has for each target. */
async function planIn(project: string, name: string, targets: Target[]): Promise<string[][]> {
  const registry = createNpmRegistry({ env: process.env, folder: project });
  const source = createNpmSource({ registry });
  const read = async (path: string) => ({
    path: join(project, path),
    text: await readFile(join(project, path), 'utf8'),
  });
  const { requirements } = await source.read(await read(name), read);
  const plan = await source.plan({
    requirements: [requirements],
    purls: [],
    targets,
    now: new Date(),
    report: () => undefined,
  });
  return targets.map((target) => chosen(plan, target));
}

interface HiddenLockfile {
  packages: Record<string, { name?: string; version?: string; link?: boolean; inBundle?: boolean }>;
}

/** name@version of what lies in node_modules after an install. */
async function install(
  program: string,
  project: string,
  platform: readonly string[],
  folder: string,
): Promise<string[]> {
  const quiet = ['--no-audit', '--no-fund', '--loglevel=error', '--prefer-offline'];
  const cache = `--cache=${join(folder, 'cache')}`;
  await run(
    process.execPath,
    [program, 'install', '--ignore-scripts', cache, ...quiet, ...platform],
    {
      cwd: project,
      maxBuffer: 1 << 26,
    },
  );
  const hidden = await readFile(join(project, 'node_modules', '.package-lock.json'), 'utf8');
  const { packages } = JSON.parse(hidden) as HiddenLockfile;
  const installed = Object.entries(packages).flatMap(([path, entry]) => {
    const at = path.lastIndexOf('node_modules/');
    if (at < 0 || entry.link === true || entry.inBundle === true) return [];
    const name = entry.name ?? path.slice(at + 'node_modules/'.length);
    return [`${name}@${entry.version ?? ''}`];
  });
  return [...new Set(installed)].sort();
}
