import assert from 'node:assert/strict';
import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { run, type Ran } from '../../fixtures/namespace.js';

/** The clients that are tried, at versions that do not move. */
const CLIENTS = {
  npm10: 'npm@10.9.4',
  npm11: 'npm@11.6.2',
  pnpm8: 'pnpm@8.15.9',
  pnpm: 'pnpm@10.20.0',
  pnpm11: 'pnpm@11.19.0',
  yarn1: 'yarn@1.22.22',
  yarn4: '@yarnpkg/cli-dist@4.10.3',
} as const;

export type Client = keyof typeof CLIENTS;

/** Installs every client into a folder of its own, from the registry that npm is configured with. */
export async function installClients(folder: string): Promise<void> {
  const flags = ['--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error'];
  await Promise.all(
    Object.entries(CLIENTS).map(async ([client, spec]) => {
      const place = join(folder, client);
      await mkdir(place, { recursive: true });
      await writeFile(join(place, 'package.json'), '{"private": true}');
      const installed = await run('npm', ['install', ...flags, spec], { cwd: place });
      assert.equal(installed.code, 0, installed.output);
    }),
  );
}

/** A PATH with one client first, on this project's Node. */
export function pathOf(folder: string, client: Client): string {
  return `${join(folder, client, 'node_modules/.bin')}:${dirname(process.execPath)}:/usr/bin:/bin`;
}

/** What makes each client's lockfile where there is a network; nothing is built or run. */
const LOCKING: Record<Exclude<Client, 'npm11' | 'pnpm8' | 'pnpm11'>, string[]> = {
  npm10: ['npm', 'install', '--package-lock-only', '--ignore-scripts', '--no-audit', '--no-fund'],
  pnpm: ['pnpm', 'install', '--lockfile-only', '--ignore-scripts'],
  yarn1: ['yarn', 'install', '--ignore-scripts', '--ignore-engines', '--no-bin-links'],
  yarn4: ['yarn', 'install', '--mode=update-lockfile'],
};

/** Makes a project's lockfile with a client of `folder`. */
export async function lock(
  folder: string,
  client: keyof typeof LOCKING,
  project: string,
  registry: string,
): Promise<Ran> {
  // A yarn.lock of its own says that a folder above it is not the project.
  if (client === 'yarn4') await writeFile(join(project, 'yarn.lock'), '');
  const [program = '', ...args] = LOCKING[client];
  const options = {
    cwd: project,
    deadlineMs: 240_000,
    env: {
      PATH: pathOf(folder, client),
      npm_config_registry: registry,
      YARN_REGISTRY: registry,
      YARN_CACHE_FOLDER: join(folder, 'yarn-cache', client),
      YARN_NPM_REGISTRY_SERVER: registry.replace(/\/$/, ''),
      YARN_ENABLE_TELEMETRY: '0',
    },
  };
  const first = await run(program, args, options);
  // On a slow line Yarn 4 stumbles over its own timeouts; what it fetched is in its cache.
  return first.code === 0 ? first : await run(program, args, options);
}
