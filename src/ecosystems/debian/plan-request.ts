import { XError } from '../../domain/errors.js';
import type { EcosystemPlan } from '../../domain/plan.js';
import { formatTarget, type Target } from '../../domain/target.js';
import type { PlanRequest } from '../../ports/ecosystem.js';
import type { Report } from '../../ports/progress.js';
import { readAptSettings, sourcesFor } from './apt/settings.js';
import { installedOfStatus, type DebianBase } from './base.js';
import { readLocalPackages } from './local-packages.js';
import { compareSources, type DebianMachine } from './machine.js';
import { mergeArtifacts, planTarget, type TargetPlan } from './plan.js';
import {
  requirementOfPurl,
  type DebianRequirement,
  type DebianRequirements,
} from './requirements.js';
import type { DebianSourceDeps } from './source.js';
import { WorldLoader } from './world.js';

/**
 * Plans what was asked for, for each target.
 * @param planned takes each target's plan, by its id.
 */
export async function planRequest(
  deps: DebianSourceDeps,
  { requirements, purls, targets, now, report, signal }: PlanRequest<DebianRequirements>,
  planned: Map<string, TargetPlan>,
): Promise<EcosystemPlan> {
  const { upstream, store, parsed, seen, publicIndexes, machine, upgrade = false } = deps;
  const { apt, overrides = {} } = deps;
  const asked = [
    ...requirements.flatMap((list) => list.requirements),
    ...purls.map(requirementOfPurl),
  ];
  if (asked.length === 0 && !upgrade) return { artifacts: [], warnings: [] };
  deps.prepare?.();
  const settings = readAptSettings(apt, overrides);
  const host = { host: apt, settings, publicIndexes };
  const context = { upstream, store, parsed, seen, ...host, now, signal };
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
    const targetPlan = tellingWarnings(loader, report, () =>
      planTarget(world, wanted, { ...settings, upgrade }),
    );
    planned.set(id, targetPlan);
    warnings.push(...targetPlan.warnings);
  }
  const artifacts = mergeArtifacts([...planned.values()]);
  return { artifacts, warnings: [...loader.warnings, ...new Set(warnings)] };
}

/** What is missing from the sources may be why there is no answer: told then too. */
function tellingWarnings<T>({ warnings }: WorldLoader, report: Report, make: () => T): T {
  try {
    return make();
  } catch (error) {
    for (const message of warnings) report({ event: 'warning', message });
    throw error;
  }
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
