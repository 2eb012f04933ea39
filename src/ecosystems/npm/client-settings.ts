import type { ClientSettings, SettingsRequest } from '../../ports/ecosystem.js';

export const NPM_COMMANDS = ['npm', 'npx', 'pnpm', 'pnpx', 'yarn', 'yarnpkg'] as const;

/**
 * Points npm, pnpm and Yarn at the gateway for one command. Environment variables win over every
 * .npmrc, so the project's own registry settings do not lead outside; single scopes cannot be set
 * by a plain variable, so each scope that is held is set as npm's `npm_config_@scope:registry`.
 */
export function clientSettings(request: SettingsRequest): ClientSettings {
  const registry = `${request.gateway}/npm/`;
  return {
    env: {
      ...npmEnvironment(registry),
      ...scopeEnvironment(request, registry),
      ...yarnEnvironment(registry, request.gateway),
    },
    files: [
      { path: 'npm/userconfig', text: '' },
      { path: 'npm/globalconfig', text: '' },
    ],
    args: [],
  };
}

function npmEnvironment(registry: string): Record<string, string> {
  return {
    npm_config_registry: registry,
    npm_config_replace_registry_host: 'always',
    npm_config_audit: 'false',
    npm_config_fund: 'false',
    npm_config_update_notifier: 'false',
    // Two different files: npm refuses the same one twice.
    npm_config_userconfig: '{dir}/npm/userconfig',
    npm_config_globalconfig: '{dir}/npm/globalconfig',
    // What an earlier, connected run left in a cache must not decide what installs here.
    npm_config_cache: '{dir}/npm/cache',
    npm_config_store_dir: '{dir}/npm/pnpm-store',
    npm_config_proxy: '',
    npm_config_https_proxy: '',
    npm_config_prefer_online: 'true',
    npm_config_offline: 'false',
    npm_config_prefer_offline: 'false',
    npm_config_fetch_retries: '1',
    npm_config_min_release_age: '0',
    // An http gateway on this machine has no certificate to check; a file that is not there would fail.
    npm_config_cafile: '',
  };
}

/** A scope that a project's .npmrc sends elsewhere comes to the gateway where its packages are held. */
function scopeEnvironment(request: SettingsRequest, registry: string): Record<string, string> {
  const scopes: Record<string, string> = {};
  for (const name of request.view.names('npm')) {
    const scope = /^(@[a-z0-9~-][a-z0-9._~-]*)\//i.exec(name)?.[1];
    if (scope !== undefined) scopes[`npm_config_${scope}:registry`] = registry;
  }
  return scopes;
}

/** Yarn 1 reads YARN_REGISTRY, Yarn 2 and newer the rest; http needs leave. */
function yarnEnvironment(registry: string, gateway: string): Record<string, string> {
  return {
    YARN_REGISTRY: registry,
    YARN_CACHE_FOLDER: '{dir}/npm/yarn-cache',
    YARN_NPM_REGISTRY_SERVER: registry.replace(/\/$/, ''),
    YARN_UNSAFE_HTTP_WHITELIST: new URL(gateway).hostname,
    YARN_GLOBAL_FOLDER: '{dir}/npm/yarn',
    YARN_ENABLE_GLOBAL_CACHE: 'false',
    YARN_ENABLE_TELEMETRY: '0',
  };
}
