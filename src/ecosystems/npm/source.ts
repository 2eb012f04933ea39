import type { EcosystemSource } from '../../ports/ecosystem.js';
import type { NpmRegistry } from '../../ports/npm-registry.js';
import type { Upstream } from '../../ports/upstream.js';
import type { AdvisoryFeed } from './advisories/document.js';
import { kindOf } from './input-kind.js';
import type { NpmProject } from './project.js';
import type { RegistryKey } from './signatures.js';
import type { NpmWork } from './source-work.js';

export interface NpmSourceOptions {
  registry: NpmRegistry;
  /** Whether devDependencies are carried too; npm installs them unless told otherwise, so yes by default. */
  dev?: boolean;
  /** Registries that are public beside npm's official one. */
  publicIndexes?: readonly string[];
  /** The registries' signing keys; npm's own by default. */
  keys?: readonly RegistryKey[];
  /** The registries' keys for attestations; npm's own by default. */
  attestationKeys?: readonly RegistryKey[];
  /** What attestations are fetched with; without it none are. */
  upstream?: Pick<Upstream, 'read'>;
  /** What the bundle is to carry of them is what is about its packages. */
  advisories?: AdvisoryFeed | undefined;
}

/**
 * The source's half of npm: package.json, lockfiles and purls to a proved bundle. All but the look at
 * what an input is is loaded with the first of them.
 */
export function createNpmSource(options: NpmSourceOptions): EcosystemSource<NpmProject> {
  let opened: Promise<NpmWork> | undefined;
  const work = (): Promise<NpmWork> =>
    (opened ??= import('./source-work.js').then(({ openNpmWork }) => openNpmWork(options)));
  return {
    name: 'npm',
    purlType: 'npm',
    claims: (file) => kindOf(file) !== undefined,
    read: async (...asked) => (await work()).read(...asked),
    plan: async (request) => (await work()).plan(request),
    seal: async (request) => (await work()).seal(request),
    rewriteInput: async (...asked) => (await work()).rewriteInput(...asked),
  };
}
