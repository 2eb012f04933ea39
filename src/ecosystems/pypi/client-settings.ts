import type { ClientSettings, SettingsRequest } from '../../ports/ecosystem.js';
import { poetrySettings } from './poetry-settings.js';

/**
 * Points pip, uv or Poetry at a gateway for one command. `PIP_CONFIG_FILE` at the null device makes pip pass
 * over every configuration file; an empty PIP_* counts as unset, so what the environment has is
 * emptied. uv is told the same in its own words; Poetry has none for it.
 */
export function pypiClientSettings(request: SettingsRequest): Promise<ClientSettings> {
  const index = `${request.gateway}/pypi/simple/`;
  const { hostname, protocol, host } = new URL(request.gateway);
  const isLoopback = /^(?:localhost|127\.[0-9.]+|\[::1\])$/.test(hostname);
  const isTrustNeeded = protocol === 'http:' && !isLoopback;
  const env: Record<string, string> = {
    PIP_CONFIG_FILE: process.platform === 'win32' ? 'nul' : '/dev/null',
    PIP_INDEX_URL: index,
    PIP_EXTRA_INDEX_URL: '',
    PIP_FIND_LINKS: '',
    PIP_NO_INDEX: '',
    PIP_TRUSTED_HOST: isTrustNeeded ? hostname : '',
    PIP_CERT: '',
    PIP_CLIENT_CERT: '',
    PIP_PROXY: '',
    PIP_DISABLE_PIP_VERSION_CHECK: '1',
    // A wheel that pip cached from elsewhere would be installed without being asked for here.
    PIP_NO_CACHE_DIR: '1',
    ...(isLoopback ? { NO_PROXY: hostname, no_proxy: hostname } : {}),
  };
  if (request.command === 'uv') {
    Object.assign(env, {
      UV_NO_CONFIG: '1',
      UV_DEFAULT_INDEX: index,
      UV_INDEX: '',
      UV_INDEX_URL: '',
      UV_EXTRA_INDEX_URL: '',
      UV_FIND_LINKS: '',
      UV_NO_CACHE: '1',
      ...(isTrustNeeded ? { UV_INSECURE_HOST: host } : {}),
    });
  }
  if (request.command === 'poetry') {
    const poetry = poetrySettings(index, request.env?.['PYTHONPATH']);
    return Promise.resolve({ ...poetry, env: { ...env, ...poetry.env } });
  }
  return Promise.resolve({ env, files: [], args: [] });
}
