import { ADVISORIES_PATH } from './advisories/document.js';
import { packageEntries } from './held-packages.js';
import { NODE_FOLDER, nodeHeaders } from './node-headers.js';
import { YARN_MIRROR, yarnMirror } from './yarn-mirror.js';
import type { ClientSettings, HeldView, SettingsRequest } from '../../ports/ecosystem.js';

export const NPM_COMMANDS = ['npm', 'npx', 'pnpm', 'pnpx', 'yarn', 'yarnpkg', 'corepack'] as const;

/**
 * Points npm, pnpm and Yarn at the gateway for one command. Environment variables win over every
 * .npmrc, so a project's own registry settings do not lead outside, those for single scopes included
 * where packages of the scope are held.
 */
export async function clientSettings(request: SettingsRequest): Promise<ClientSettings> {
  const registry = `${request.gateway}/npm/`;
  const host = new URL(request.gateway).hostname;
  const headers = await nodeHeaders(await request.node?.(), request.view);
  const files = [
    { path: 'npm/userconfig', text: '' },
    { path: 'npm/globalconfig', text: '' },
    ...headers,
  ];
  const common = { NO_PROXY: host, no_proxy: host };
  const npm = {
    ...npmEnvironment(registry, host, request.env?.['HOME']),
    ...scopeEnvironment(request, registry),
    ...auditEnvironment(request),
    ...corepackEnvironment(request, registry),
    // node-gyp asks its maker's servers for headers unless it is told where they are.
    ...(headers.length > 0 ? { npm_config_nodedir: `{dir}/${NODE_FOLDER}` } : {}),
  };
  switch (request.command) {
    case 'yarn':
    case 'yarnpkg':
      return yarnSettings(request, { env: { ...common, ...npm }, files, args: [] }, registry);
    case 'pnpm':
    case 'pnpx':
      return {
        env: { ...common, ...npm, ...pnpmEnvironment(registry, request.view) },
        files,
        args: [],
      };
    default:
      return { env: { ...common, ...npm }, files, args: [] };
  }
}

function npmEnvironment(
  registry: string,
  host: string,
  home: string | undefined,
): Record<string, string> {
  return {
    npm_config_registry: registry,
    npm_config_replace_registry_host: 'always',
    npm_config_fund: 'false',
    npm_config_update_notifier: 'false',
    // Two different files: npm refuses the same one twice.
    npm_config_userconfig: '{dir}/npm/userconfig',
    npm_config_globalconfig: '{dir}/npm/globalconfig',
    // What an earlier, connected run left in a cache must not decide what installs here.
    npm_config_cache: '{dir}/npm/cache',
    // npm names its log where it fails: one that is still there when the run is over.
    ...(home === undefined ? {} : { npm_config_logs_dir: `${home}/.npm/_logs` }),
    npm_config_noproxy: host,
    npm_config_offline: 'false',
    npm_config_prefer_offline: 'false',
    npm_config_fetch_retries: '1',
  };
}

/** Where no bundle carries advisories an audit has nothing to go by. */
function auditEnvironment({ bundles, view }: SettingsRequest): Record<string, string> {
  const isCarried = bundles.some(({ id }) => view.entryByPath(id, ADVISORIES_PATH) !== undefined);
  return isCarried ? {} : { npm_config_audit: 'false' };
}

/** Corepack, which may stand behind the names of pnpm and yarn, fetches the clients that projects pin. */
function corepackEnvironment(
  { view }: Pick<SettingsRequest, 'view'>,
  registry: string,
): Record<string, string> {
  const unsigned = isUnsigned(view, ['npm', 'pnpm', 'yarn', '@yarnpkg/cli-dist']);
  return {
    COREPACK_NPM_REGISTRY: registry.replace(/\/$/, ''),
    COREPACK_ENABLE_DOWNLOAD_PROMPT: '0',
    COREPACK_DEFAULT_TO_LATEST: '0',
    // It refuses a client whose registry gave no signature; x checked the bytes by the signed bundle.
    ...(unsigned ? { COREPACK_INTEGRITY_KEYS: '0' } : {}),
  };
}

/** Whether a registry gave no signature of a client that is held. */
function isUnsigned(view: HeldView, names: readonly string[]): boolean {
  return names.some((name) =>
    packageEntries(view, name).some(({ proof }) => proof === 'index-hash'),
  );
}

/** npm reads `npm_config_@scope:registry` as it reads `@scope:registry` in a file. */
function scopeEnvironment(request: SettingsRequest, registry: string): Record<string, string> {
  const scopes = [...heldScopes(request.view)];
  return Object.fromEntries(scopes.map((scope) => [`npm_config_${scope}:registry`, registry]));
}

/** `@scope` of every held package that has one. */
export function heldScopes(view: HeldView): Set<string> {
  const scopes = new Set<string>();
  for (const name of view.names('npm')) {
    const scope = /^(@[a-z0-9~-][a-z0-9._~-]*)\//.exec(name)?.[1];
    if (scope !== undefined) scopes.add(scope);
  }
  return scopes;
}

/**
 * pnpm up to 10 reads npm's variables, from 11 on its own. From 11.3 on it can take a lockfile at its word;
 * else it asks the registry when each locked package was published, those of other platforms too.
 */
function pnpmEnvironment(registry: string, view: HeldView): Record<string, string> {
  return {
    npm_config_store_dir: '{dir}/npm/pnpm-store',
    npm_config_cache_dir: '{dir}/npm/pnpm-cache',
    pnpm_config_registry: registry,
    pnpm_config_store_dir: '{dir}/npm/pnpm-store',
    pnpm_config_cache_dir: '{dir}/npm/pnpm-cache',
    pnpm_config_update_notifier: 'false',
    pnpm_config_trust_lockfile: 'true',
    // It hands over to no release that it finds no signature of, and stops: then it does the work itself.
    ...(isUnsigned(view, ['pnpm', '@pnpm/exe']) ? { pnpm_config_pm_on_fail: 'ignore' } : {}),
  };
}

/** The mirror is named where Yarn 1 needs it alone: newer Yarns refuse settings that they do not know. */
async function yarnSettings(
  { view, projectFile }: SettingsRequest,
  settings: ClientSettings,
  registry: string,
): Promise<ClientSettings> {
  const lockfile = await projectFile?.('yarn.lock');
  const blobs = yarnMirror(lockfile, view);
  const mirror = blobs.length === 0 ? {} : { YARN_YARN_OFFLINE_MIRROR: `{dir}/${YARN_MIRROR}` };
  const { hostname } = new URL(registry);
  return {
    ...settings,
    env: {
      ...settings.env,
      ...yarnEnvironment(registry, hostname),
      ...checksumEnvironment(lockfile),
      ...mirror,
    },
    blobs,
  };
}

/**
 * Newer Yarns write a checksum of the archive that they make of a repository themselves, which no tarball
 * has. Where one stands in for it the signed bundle's digest counts.
 */
function checksumEnvironment(lockfile: string | undefined): Record<string, string> {
  const isStandIn = /^ {2}resolution: "[^"]+@https?:[^"]*\/npm\/[^"]*\/-\/[^"]*\.tgz"/m;
  return isStandIn.test(lockfile ?? '') ? { YARN_CHECKSUM_BEHAVIOR: 'ignore' } : {};
}

/** Yarn 1 reads YARN_REGISTRY, Yarn 2 and newer the rest; plain http needs leave. */
function yarnEnvironment(registry: string, host: string): Record<string, string> {
  return {
    YARN_REGISTRY: registry,
    YARN_CACHE_FOLDER: '{dir}/npm/yarn-cache',
    YARN_NPM_REGISTRY_SERVER: registry.replace(/\/$/, ''),
    YARN_UNSAFE_HTTP_WHITELIST: host,
    YARN_GLOBAL_FOLDER: '{dir}/npm/yarn',
    YARN_ENABLE_GLOBAL_CACHE: 'false',
    YARN_ENABLE_TELEMETRY: '0',
  };
}
