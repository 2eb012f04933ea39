import type { Target } from '../../domain/target.js';
import type { AptHost, ParsedIndexes, SeenReleases } from '../../ports/apt.js';
import type { EcosystemSource } from '../../ports/ecosystem.js';
import type { Upstream } from '../../ports/upstream.js';
import type { AptOverrides } from './apt/settings.js';
import type { TargetPlan } from './plan.js';
import { isSelections, parseRequirements, type DebianRequirements } from './requirements.js';
import type { DebianBase } from './base.js';
import type { OpenFile } from './local-packages.js';
import type { DebianMachine } from './machine.js';
import type { RepositorySigner } from './repository-key.js';
import type { IndexStore } from './suite-loader.js';

export interface DebianSourceDeps {
  upstream: Upstream;
  /** Keeps indexes by digest, so that a later run fetches only what changed. */
  store: IndexStore;
  /** Indexes that an earlier run parsed. */
  parsed?: ParsedIndexes | undefined;
  /** Gets the process ready for a hundred thousand stanzas, before the first is read. */
  prepare?: (() => void) | undefined;
  /** Release files that earlier runs accepted. */
  seen?: SeenReleases | undefined;
  /** How this machine's apt is set. */
  apt: AptHost;
  /** What flags say instead. */
  overrides?: AptOverrides | undefined;
  /** Mirrors whose packages may be named in public, beside what the distributions' own keys sign. */
  publicIndexes?: readonly string[] | undefined;
  /** What a target has already; a minimal install where it is not said. */
  baseOf?: ((target: Target) => DebianBase) | undefined;
  /** The isolated machine that is planned for, as its request says. */
  machine?: DebianMachine | undefined;
  /** Upgrade what is installed too, as `apt-get dist-upgrade` would. */
  upgrade?: boolean | undefined;
  /** Opens a .deb that a list names; without it such lines are refused. */
  openFile?: OpenFile | undefined;
  /** Signs the pruned repositories; asked for when a bundle is sealed. */
  signer: () => Promise<RepositorySigner>;
}

/**
 * The source's half of Debian: apt's sources read, resolved as apt would, proved and pruned. What plans
 * and what seals is loaded by who asks for it.
 */
export function createDebianSource(deps: DebianSourceDeps): EcosystemSource<DebianRequirements> {
  /** By target id, from the last plan: what the seal's second walk starts from. */
  const planned = new Map<string, TargetPlan>();
  return {
    name: 'debian',
    purlType: 'deb',
    claims: ({ path, text }) => path.endsWith('.apt') || isSelections(text),
    read(file) {
      const requirements = parseRequirements(file.text, file.path);
      return Promise.resolve({ requirements, nested: [], purls: requirements.purls });
    },
    async plan(request) {
      planned.clear();
      const { planRequest } = await import('./plan-request.js');
      return planRequest(deps, request, planned);
    },
    async seal(request) {
      const [{ seal }, signer] = await Promise.all([import('./seal.js'), deps.signer()]);
      const { apt, overrides = {} } = deps;
      return seal(request, { signer, apt, planned, overrides });
    },
    rewriteInput: () => Promise.resolve(undefined),
  };
}
