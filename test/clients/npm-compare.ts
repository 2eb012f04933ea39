import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, before, test } from 'node:test';
import { promisify } from 'node:util';
import { messageOf, XError } from '../../src/domain/errors.js';
import { parseTarget, type Target } from '../../src/domain/target.js';
import { nodePackageOf } from '../../src/ecosystems/npm/platform.js';
import { createNpmSource } from '../../src/ecosystems/npm/source.js';
import type { NpmRegistry } from '../../src/ports/npm-registry.js';
import { createNpmRegistry } from '../../src/upstream/npm-registry.js';
import { chosen } from '../ecosystems/npm/held.js';
import type { NpmSet } from './npm-sets.js';

const run = promisify(execFile);

/** Targets, and how npm is told of them. */
export const PLATFORMS = {
  'linux/amd64/glibc2.36': ['--os=linux', '--cpu=x64', '--libc=glibc'],
  'linux/arm64/musl1.2': ['--os=linux', '--cpu=arm64', '--libc=musl'],
  'windows/amd64': ['--os=win32', '--cpu=x64'],
  'macos14/arm64': ['--os=darwin', '--cpu=arm64'],
} as const;

export type Platform = keyof typeof PLATFORMS;

/** The npm versions that are compared with, from the registry. */
export const CLIENTS = ['10', '11'] as const;

/**
 * Each set is installed by each npm for each platform, scripts off, and what then lies in node_modules
 * must be X's plan, name@version by name@version: planned from the package.json, and from the lockfile
 * that the first of the installs wrote. Unless told to unpack all, only the first platform is unpacked; for
 * the others npm 11 says what it would add (`--dry-run`).
 */
export function compareSets(
  sets: readonly NpmSet[],
  only: { platforms?: readonly Platform[]; clients?: readonly string[]; unpackAll?: boolean } = {},
): void {
  const platforms = only.platforms ?? (Object.keys(PLATFORMS) as Platform[]);
  const clients = only.clients ?? CLIENTS;
  let folder = '';
  let unreachable: string | undefined;
  const programs = new Map<string, string>();
  const registry = createNpmRegistry({ env: process.env, folder: process.cwd() });

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
        const asked = { program, set, folder, unpacks: false };
        const project = await writeSet(asked);
        const planned = await planIn(registry, project, 'package.json', targets).catch(
          async (thrown: unknown) => {
            if (!(thrown instanceof XError && thrown.code === 'NOT_RESOLVABLE')) throw thrown;
            const [platform = 'linux/amd64/glibc2.36'] = platforms;
            await assert.rejects(
              npm('install', { ...asked, platform }),
              /ERESOLVE/,
              String(thrown),
            );
            return undefined;
          },
        );
        assert.equal(planned === undefined, set.refused === true, 'whether x and npm refuse it');
        if (planned === undefined) return t.diagnostic('x and npm refuse it alike');
        // npm 10 says of a dry run more than it installs, npm 11 less where packages bundle some of theirs.
        const unpacksAll = only.unpackAll === true || major === '10' || set.unpacked === true;
        const counts: number[] = [];
        let lockfile: string | undefined;
        for (const [at, platform] of platforms.entries()) {
          const unpacks = at === 0 || unpacksAll;
          const installed = await npm('install', { ...asked, platform, unpacks, wrote: lockfile });
          counts.push(installed.names.length);
          const differs = major === '10' ? (set.npm10Differs ?? []) : [];
          const compared = (names: string[] = []): string[] =>
            names.filter((name) => !differs.some((one) => one.test(name)));
          assert.deepEqual(
            compared(planned[at]),
            compared(installed.names),
            `${platform}, from package.json`,
          );
          lockfile ??= installed.lockfile;
        }
        await writeFile(join(project, 'package-lock.json'), lockfile ?? '');
        const locked = await planIn(registry, project, 'package-lock.json', targets);
        for (const [at, platform] of platforms.entries()) {
          // What a lockfile says of platforms shows on one like the first, and on one unlike it.
          if (at % 2 === 1) continue;
          const installed = await npm('ci', {
            ...asked,
            platform,
            unpacks: unpacksAll,
            lockfile,
            wrote: lockfile,
          }).catch((thrown: unknown) => {
            const isRefused = messageOf(thrown).includes('are in sync');
            if (!(isRefused && set.refusesItsOwn?.includes(major) === true)) throw thrown;
            t.diagnostic(`npm ${major} refuses the lockfile that it wrote itself`);
            return undefined;
          });
          if (installed === undefined) break;
          assert.deepEqual(locked[at], installed.names, `${platform}, from the lockfile`);
        }
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

/** A project of its own: nothing of an earlier install lies in it. */
async function writeSet({ set, folder, lockfile }: Asked): Promise<string> {
  const project = await mkdtemp(join(folder, 'set-'));
  const { manifest, folders = {} } = set;
  const all = { '': { name: 'project', version: '1.0.0', ...manifest }, ...folders };
  for (const [path, content] of Object.entries(all)) {
    const file = join(project, path, 'package.json');
    await mkdir(dirname(file), { recursive: true });
    await writeFile(file, JSON.stringify(content));
  }
  if (lockfile !== undefined) await writeFile(join(project, 'package-lock.json'), lockfile);
  return project;
}

/** name@version of what a plan has for each target. */
async function planIn(
  registry: NpmRegistry,
  project: string,
  name: string,
  targets: Target[],
): Promise<string[][]> {
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
  return targets.map((target) => {
    // Beside what npm installs lie the headers of Node, where something may be compiled.
    const headers = `${nodePackageOf(target) ?? ''}@${process.versions.node}`;
    return chosen(plan, target).filter((name) => name !== headers);
  });
}

interface HiddenLockfile {
  packages: Record<string, { name?: string; version?: string; link?: boolean; inBundle?: boolean }>;
}

interface Asked {
  program: string;
  set: NpmSet;
  folder: string;
  unpacks: boolean;
  lockfile?: string | undefined;
  /** A lockfile that npm wrote of the set: it says which names are aliases. */
  wrote?: string | undefined;
}

/** name@version of what npm puts into node_modules, and the lockfile that it writes. */
async function npm(
  command: 'install' | 'ci',
  asked: Asked & { platform: Platform },
): Promise<{ names: string[]; lockfile: string }> {
  const project = await writeSet(asked);
  const { program, platform, folder, unpacks } = asked;
  const quiet = ['--no-audit', '--no-fund', '--loglevel=error', '--prefer-offline'];
  const cache = `--cache=${join(folder, 'cache')}`;
  const args = [command, '--ignore-scripts', cache, ...quiet, ...PLATFORMS[platform]];
  const { stdout } = await run(
    process.execPath,
    [program, ...args, ...(unpacks ? [] : ['--dry-run'])],
    { cwd: project, maxBuffer: 1 << 26 },
  );
  const names = unpacks
    ? await unpackedIn(project)
    : addedOf(stdout, asked.set, aliasesOf(asked.wrote ?? '{}'));
  const lockfile = unpacks ? await readFile(join(project, 'package-lock.json'), 'utf8') : '';
  await rm(project, { recursive: true });
  return { names: [...new Set(names)].sort(), lockfile };
}

async function unpackedIn(project: string): Promise<string[]> {
  const hidden = await readFile(join(project, 'node_modules', '.package-lock.json'), 'utf8');
  const { packages } = JSON.parse(hidden) as HiddenLockfile;
  return Object.entries(packages).flatMap(([path, entry]) => {
    const at = path.lastIndexOf('node_modules/');
    if (at < 0 || entry.link === true || entry.inBundle === true) return [];
    const name = entry.name ?? path.slice(at + 'node_modules/'.length);
    return [`${name}@${entry.version ?? ''}`];
  });
}

/** What npm says it would unpack; its links of workspaces are none of it. */
function addedOf(
  said: string,
  { folders = {} }: NpmSet,
  aliases: ReadonlyMap<string, string>,
): string[] {
  const own = new Set(Object.values(folders).map((manifest) => manifest['name']));
  return [...said.matchAll(/^add (\S+) (\S+)$/gm)].flatMap(([, name = '', version = '']) => {
    const id = `${name}@${version}`;
    return own.has(name) ? [] : [aliases.get(id) ?? id];
  });
}

/** A dry run names folders: `alias@version` to the package that lies in it. */
function aliasesOf(lockfile: string): Map<string, string> {
  const { packages = {} } = JSON.parse(lockfile) as Partial<HiddenLockfile>;
  return new Map(
    Object.entries(packages).flatMap(([path, { name, version = '' }]): [string, string][] => {
      const at = path.lastIndexOf('node_modules/');
      if (at < 0 || name === undefined) return [];
      return [[`${path.slice(at + 'node_modules/'.length)}@${version}`, `${name}@${version}`]];
    }),
  );
}
