import type { EcosystemPlan } from '../../domain/plan.js';
import { XError } from '../../domain/errors.js';
import { formatTarget, type Target } from '../../domain/target.js';
import type { AptHost, ParsedIndexes, SeenReleases } from '../../ports/apt.js';
import type { EcosystemSource, PlanRequest } from '../../ports/ecosystem.js';
import type { Upstream } from '../../ports/upstream.js';
import { readAptSettings, sourcesFor, type AptOverrides } from './apt/settings.js';
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
import { installedOfStatus, type DebianBase } from './base.js';
import { readLocalPackages, type OpenFile } from './local-packages.js';
import { compareSources, type DebianMachine } from './machine.js';
import type { RepositorySigner } from './repository-key.js';
import type { IndexStore } from './suite-loader.js';

export interface DebianSourceDeps {
  upstream: Upstream;
  /** Keeps indexes by digest, so that a later run fetches only what changed. */
  store: IndexStore;
  /** Indexes that an earlier run parsed. */
  parsed?: ParsedIndexes | undefined;
  /** Release files that earlier runs accepted. */
  seen?: SeenReleases | undefined;
  /** How this machine's apt is set. */
  apt: AptHost;
  /** What flags say instead. */
  overrides?: AptOverrides | undefined;
  /** What a target has already; a minimal install where it is not said. */
  baseOf?: ((target: Target) => DebianBase) | undefined;
  /** The isolated machine that is planned for, as its request says. */
  machine?: DebianMachine | undefined;
  /** Upgrade what is installed too, as `apt-get dist-upgrade` would. */
  upgrade?: boolean | undefined;
  /** Opens a .deb that a list names; without it such lines are refused. */
  openFile?: OpenFile | undefined;
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
  deps: DebianSourceDeps,
  { requirements, purls, targets, now, report, signal }: PlanRequest<DebianRequirements>,
  planned: Map<string, TargetPlan>,
): Promise<EcosystemPlan> {
  const { upstream, store, parsed, seen, apt, machine, overrides = {}, upgrade = false } = deps;
  const asked = [
    ...requirements.flatMap((list) => list.requirements),
    ...purls.map(requirementOfPurl),
  ];
  if (asked.length === 0 && !upgrade) return { artifacts: [], warnings: [] };
  const settings = readAptSettings(apt, overrides);
  const context = { upstream, store, parsed, seen, host: apt, settings, now, signal };
  const loader = new WorldLoader(context, overrides);
  const local = await readLocalPackages(asked, deps.openFile ?? refuseFile);
  const warnings: string[] = [];
  for (const target of targets) {
    const id = formatTarget(target);
    const wanted = [
      ...asked.filter((requirement) => requirement.selector?.kind !== 'file'),
      ...local.map(({ requirement }) => requirement),
    ].filter((requirement) => isFor(requirement, target));
    if (target.os !== 'linux' || (wanted.length === 0 && !upgrade)) {
      warnings.push(`none of the Debian packages asked for is for ${id}`);
      continue;
    }
    report({ event: 'step', text: `Resolving Debian packages for ${id}` });
    const base = machine ? baseOfMachine(machine) : (deps.baseOf?.(target) ?? { kind: 'minbase' });
    if (machine !== undefined) {
      warnings.push(...compareSources(machine, sourcesFor(settings, overrides, target)));
    }
    const foreign = foreignArchitectures(wanted, base, target);
    const versions = local.map(({ version }) => version);
    const world = await loader.load(target, base, foreign, versions);
    const targetPlan = planTarget(world, wanted, { ...settings, upgrade });
    planned.set(id, targetPlan);
    warnings.push(...targetPlan.warnings);
  }
  const artifacts = mergeArtifacts([...planned.values()]);
  return { artifacts, warnings: [...loader.warnings, ...new Set(warnings)] };
}

function baseOfMachine({ status, architectures }: DebianMachine): DebianBase {
  return { kind: 'status', text: status, architectures };
}

/** Architectures beside the target's own: asked for, configured on it, or installed there. */
function foreignArchitectures(
  wanted: readonly DebianRequirement[],
  base: DebianBase,
  target: Target,
): string[] {
  const asked = wanted.flatMap(({ architecture }) => architecture ?? []);
  const there =
    base.kind === 'status'
      ? [
          ...(base.architectures ?? []),
          ...installedOfStatus(base.text).versions.map(({ architecture }) => architecture),
        ]
      : [];
  return [...new Set([...asked, ...there])].filter(
    (name) => name !== target.arch && name !== 'all',
  );
}

function refuseFile(path: string): never {
  throw new XError('INPUT_UNREADABLE', `${path}: local packages cannot be read here`);
}

function isFor({ distro }: DebianRequirement, target: Target): boolean {
  return distro === undefined || target.debian === undefined || distro === target.debian;
}
