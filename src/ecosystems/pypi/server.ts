import type { EcosystemServer } from '../../ports/ecosystem.js';
import { checkPypiProof } from './check-proof.js';
import { pypiConfiguration } from './client-configuration.js';
import { pypiClientSettings } from './client-settings.js';
import { rewriteLocalFile } from './rewrite-local.js';
import { RootPages } from './root-pages.js';
import { respondPypi } from './respond.js';

/** Python's isolated half: a simple index over what bundles hold, and settings for pip and uv. */
export function createPypiServer(): EcosystemServer {
  const roots = new RootPages();
  return {
    name: 'pypi',
    mount: 'pypi',
    commands: ['pip', 'pip3', 'uv', 'poetry', 'python', 'python3'],
    installCommand,
    respond: (request, view) => respondPypi(request, view, roots),
    prepare: (view) => void roots.of(view),
    checkProof: checkPypiProof,
    settings: pypiClientSettings,
    rewriteInput: rewriteLocalFile,
    use: (request) => pypiConfiguration(request),
  };
}

/** pip over plain HTTP wants a host that is not this machine named as trusted. */
function installCommand(name: string, version: string, gateway?: string): string {
  const asked = `'${name}==${version}'`;
  if (gateway === undefined) return `x run -- pip install ${asked}`;
  const { hostname, protocol } = new URL(gateway);
  const trusted = protocol === 'https:' ? '' : ` --trusted-host ${hostname}`;
  return `pip install --index-url ${gateway}/pypi/simple/${trusted} ${asked}`;
}
