import type { EcosystemServer } from '../../ports/ecosystem.js';
import { checkProof } from './check-proof.js';
import { askedVersions, neverCarried } from './asked.js';
import { npmConfiguration } from './client-configuration.js';
import { clientSettings, NPM_COMMANDS } from './client-settings.js';
import { registryKeys } from './registry-keys.js';
import { respond } from './respond.js';
import type { RegistryKey } from './signatures.js';

export interface NpmServerOptions {
  /** The registries' signing keys; npm's own by default. */
  keys?: readonly RegistryKey[];
  /** The registries' keys for attestations; npm's own by default. */
  attestationKeys?: readonly RegistryKey[];
}

const LOCKFILES = ['package-lock.json', 'npm-shrinkwrap.json', 'yarn.lock', 'pnpm-lock.yaml'];

/** The isolated half of npm: a registry over what bundles hold, and npm pointed at it. */
export function createNpmServer(options: NpmServerOptions = {}): EcosystemServer {
  const keys = (): readonly RegistryKey[] => options.keys ?? registryKeys();
  return {
    name: 'npm',
    mount: 'npm',
    commands: NPM_COMMANDS,
    projectFiles: ['package.json', ...LOCKFILES],
    installCommand,
    respond: (request, view) => respond(request, view, keys),
    checkProof: (entry, view) =>
      checkProof(entry, view, {
        signatures: keys(),
        attestations: options.attestationKeys ?? registryKeys('npm:attestations'),
      }),
    settings: clientSettings,
    use: npmConfiguration,
    askedVersions,
    neverCarried,
  };
}

function installCommand(name: string, version: string, gateway?: string): string {
  const asked = `'${name}@${version}'`;
  if (gateway === undefined) return `x run -- npm install ${asked}`;
  return `npm install --registry ${gateway}/npm/ --replace-registry-host always ${asked}`;
}
