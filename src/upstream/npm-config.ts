import { existsSync, realpathSync, statSync } from 'node:fs';
import { delimiter, dirname, join } from 'node:path';
import { createRequire } from 'node:module';
import Config from '@npmcli/config';
import definitionParts from '@npmcli/config/lib/definitions/index.js';
import getAuth from 'npm-registry-fetch/lib/auth.js';
import { BOUNDS } from '../domain/bounds.js';
import { messageOf, XError } from '../domain/errors.js';

/** npm's configuration as its libraries take it, with what X never lets them do taken away. */
export interface NpmConfig {
  /** Options for npm-registry-fetch, pacote and arborist; credentials under their `//host/:key`. */
  options: Record<string, unknown>;
  registry: string;
  /** The registry that npm asks where nothing is configured. */
  officialRegistry: string;
  /** Where npm keeps what it fetched. */
  cacheFolder: string | undefined;
}

export type Environment = Readonly<Record<string, string | undefined>>;

/** Nothing from upstream is executed, and no file of this machine is a package. */
const NEVER = {
  ignoreScripts: true,
  ignoreExtension: true,
  dangerouslyAllowAllScripts: false,
  allowFile: 'none',
  audit: false,
  global: false,
  force: false,
  workspaces: [],
  workspacesEnabled: true,
  installStrategy: 'hoisted',
  offline: false,
  // Every plan sees the registry as it is now; npm's own cache stays npm's.
  cache: undefined,
};

/**
 * Reads .npmrc as npm does: environment, project, user, global, npm's builtin file.
 * @param project the folder whose .npmrc counts as the project's.
 * @throws XError INPUT_MALFORMED where npm would refuse the configuration.
 */
export async function loadNpmConfig(project: string, env: Environment): Promise<NpmConfig> {
  const native = findNpm(env);
  const config = new Config({
    ...definitionParts,
    npmPath: native.npmPath,
    argv: [],
    // npm's reader writes npm_config_* variables into the environment that it is given.
    env: { ...env },
    execPath: native.execPath,
    cwd: project,
    warn: false,
  });
  try {
    await config.load();
  } catch (cause) {
    throw new XError('INPUT_MALFORMED', `npm's configuration: ${messageOf(cause)}`, {
      hint: 'Run "npm config list" in the same folder; npm refuses it too.',
      cause,
    });
  }
  const flat = config.flat;
  // npm 12 refuses both unless told otherwise; X is asked to carry what older ones install.
  const allowed = (key: string): unknown => (config.isDefault(key) ? 'all' : config.get(key));
  const registry = stringOr(flat['registry'], stringOr(config.defaults['registry'], ''));
  return {
    options: {
      ...flat,
      ...NEVER,
      allowGit: allowed('allow-git'),
      allowRemote: allowed('allow-remote'),
      registry,
      timeout: BOUNDS.idleTimeoutMs,
      retry: retryOf(flat),
    },
    registry,
    officialRegistry: stringOr(config.defaults['registry'], registry),
    cacheFolder: typeof flat['cache'] === 'string' ? flat['cache'] : undefined,
  };
}

/** npm's own waits between attempts are 10 s and up; a source that asks thousands of names needs an answer sooner. */
function retryOf(flat: Record<string, unknown>): Record<string, number> {
  const retries = typeof flat['fetchRetries'] === 'number' ? flat['fetchRetries'] : 2;
  return {
    retries: Math.min(retries, BOUNDS.requestAttempts),
    factor: 4,
    minTimeout: BOUNDS.requestBackoffMs,
    maxTimeout: BOUNDS.connectTimeoutMs,
  };
}

/** The registry that npm asks for a package: its scope's, else the default. */
export function registryOf(name: string, config: NpmConfig): string {
  const scope = /^(@[^/]+)\//.exec(name)?.[1];
  const own = scope === undefined ? undefined : config.options[`${scope}:registry`];
  return stringOr(own, config.registry);
}

/**
 * The Authorization header that npm would send to this address, from the same host's credentials in
 * .npmrc (`//host/path/:_authToken`); undefined for every other host.
 */
export function authorizationFor(url: string, config: NpmConfig): string | undefined {
  const auth = getAuth(url, config.options);
  if (auth.token !== null) return `Bearer ${auth.token}`;
  if (auth.auth !== null) return `Basic ${auth.auth}`;
  return undefined;
}

/** Whether an address belongs to npm's official registry and is asked without credentials. */
export function isPublicRegistry(url: string, config: NpmConfig): boolean {
  return (
    new URL(url).host === new URL(config.officialRegistry).host &&
    authorizationFor(url, config) === undefined
  );
}

/**
 * The tarball's address after npm's `replace-registry-host`: official addresses in another registry's
 * answers (or all, with `always`) move to that registry's host.
 */
export function tarballAddress(tarball: string, registry: string, config: NpmConfig): string {
  const url = new URL(tarball);
  const setting = stringOr(config.options['replaceRegistryHost'], 'npmjs');
  const replaced = setting === 'npmjs' ? new URL(config.officialRegistry).host : setting;
  if (setting === 'never' || (setting !== 'always' && replaced !== url.host)) return url.href;
  return new URL(url.pathname, registry).href;
}

/**
 * Where this machine's npm keeps its global and builtin files is told by its place. Started from
 * node_modules/.bin, this process runs on another Node than npm does.
 */
function findNpm(env: Environment): { npmPath: string; execPath: string } {
  for (const folder of (env['PATH'] ?? '').split(delimiter)) {
    if (folder === '' || folder.includes('node_modules')) continue;
    const npm = join(folder, 'npm');
    if (!isFile(npm)) continue;
    return { npmPath: dirname(dirname(realpathSync(npm))), execPath: join(folder, 'node') };
  }
  const npmPath = dirname(createRequire(import.meta.url).resolve('@npmcli/config/package.json'));
  return { npmPath, execPath: process.execPath };
}

function isFile(path: string): boolean {
  // A folder on the path that this user may not look into has nothing for this user.
  return existsSync(path) && statSync(path).isFile();
}

function stringOr(value: unknown, otherwise: string): string {
  return typeof value === 'string' && value !== '' ? value : otherwise;
}
