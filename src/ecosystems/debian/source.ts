import type { EcosystemPlan } from '../../domain/plan.js';
import { formatTarget, type Target } from '../../domain/target.js';
import type { AptHost, ParsedIndexes } from '../../ports/apt.js';
import type { EcosystemSource, PlanRequest } from '../../ports/ecosystem.js';
import type { Upstream } from '../../ports/upstream.js';
import { readAptSettings, type AptOverrides } from './apt/settings.js';
import { mergeArtifacts, planTarget, type TargetPlan } from './plan.js';
import {
  isSelections,
  parseRequirements,
  requirementOfPurl,
  type DebianRequirement,
  type DebianRequirements,
} from './requirements.js';
import { seal } from './seal.js';
import { WorldLoader } from './world.js';
import type { DebianBase } from './base.js';
import type { RepositorySigner } from './repository-key.js';
import type { IndexStore } from './suite-loader.js';

export interface DebianSourceDeps {
  upstream: Upstream;
  /** Keeps indexes by digest, so that a later run fetches only what changed. */
  store: IndexStore;
  /** Indexes that an earlier run parsed. */
  parsed?: ParsedIndexes | undefined;
  /** How this machine's apt is set. */
  apt: AptHost;
  /** What flags say instead. */
  overrides?: AptOverrides | undefined;
  /** What a target has already; a minimal install where it is not said. */
  baseOf?: ((target: Target) => DebianBase) | undefined;
  /** Signs the pruned repositories. */
  signer: RepositorySigner;
}

/** The source's half of Debian: apt's sources read, resolved as apt would, proved and pruned. */
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
      return plan(deps, request, planned);
    },
    seal: (request) =>
      seal(request, {
        signer: deps.signer,
        apt: deps.apt,
        planned,
        overrides: deps.overrides ?? {},
      }),
    rewriteInput: () => undefined,
  };
}

async function plan(
  { upstream, store, parsed, apt, overrides = {}, baseOf }: DebianSourceDeps,
  { requirements, purls, targets, now, report, signal }: PlanRequest<DebianRequirements>,
  planned: Map<string, TargetPlan>,
): Promise<EcosystemPlan> {
  const asked = [
    ...requirements.flatMap((list) => list.requirements),
    ...purls.map(requirementOfPurl),
  ];
  if (asked.length === 0) return { artifacts: [], warnings: [] };
  const settings = readAptSettings(apt, overrides);
  const context = { upstream, store, parsed, host: apt, settings, now, signal };
  const loader = new WorldLoader(context, overrides);
  const warnings: string[] = [];
  for (const target of targets) {
    const id = formatTarget(target);
    const wanted = asked.filter((requirement) => isFor(requirement, target));
    if (target.os !== 'linux' || wanted.length === 0) {
      warnings.push(`none of the Debian packages asked for is for ${id}`);
      continue;
    }
    report({ event: 'step', text: `Resolving Debian packages for ${id}` });
    const foreign = wanted.flatMap(({ architecture }) => architecture ?? []);
    const architectures = [...new Set(foreign)].filter((name) => name !== target.arch);
    const world = await loader.load(target, baseOf?.(target) ?? { kind: 'minbase' }, architectures);
    const targetPlan = planTarget(world, wanted, settings);
    planned.set(id, targetPlan);
    warnings.push(...targetPlan.warnings);
  }
  const artifacts = mergeArtifacts([...planned.values()]);
  return { artifacts, warnings: [...loader.warnings, ...new Set(warnings)] };
}

function isFor({ distro }: DebianRequirement, target: Target): boolean {
  return distro === undefined || target.debian === undefined || distro === target.debian;
}
