import type { EcosystemServer } from '../../ports/ecosystem.js';
import { checkPypiProof } from './check-proof.js';
import { pypiClientSettings } from './client-settings.js';
import { respondPypi } from './respond.js';

/** Python's isolated half: a simple index over what bundles hold, and settings for pip and uv. */
export function createPypiServer(): EcosystemServer {
  return {
    name: 'pypi',
    mount: 'pypi',
    commands: ['pip', 'pip3', 'uv', 'python', 'python3'],
    respond: respondPypi,
    checkProof: checkPypiProof,
    settings: pypiClientSettings,
  };
}
