import { comparePaths, isSafePath } from '../domain/bundle.js';
import { BOUNDS } from '../domain/bounds.js';
import { XError } from '../domain/errors.js';
import type { EcosystemPlan, Plan, PlannedArtifact } from '../domain/plan.js';
import { formatTarget, type Target } from '../domain/target.js';
import type { Clock } from '../ports/clock.js';
import type { EcosystemSource, PlanRequest } from '../ports/ecosystem.js';
import type { Report } from '../ports/progress.js';
import type { Inputs } from './read-inputs.js';

export interface PlanBundleDeps {
  sources: readonly EcosystemSource[];
  clock: Clock;
  report: Report;
}

export interface PlanBundleInput {
  name: string;
  inputs: Inputs;
  targets: Target[];
  /** Nothing that was published after it. */
  notNewerThan?: Date | undefined;
  signal?: AbortSignal | undefined;
}

/**
 * Resolves the closure of every ecosystem that the inputs name, all at once, into one plan.
 * @throws XError NOTHING_ASKED where it is empty, LIMIT_EXCEEDED, CONFLICT, UPSTREAM_MALFORMED; what
 *   the ecosystems' plans throw.
 */
export async function planBundle(deps: PlanBundleDeps, input: PlanBundleInput): Promise<Plan> {
  const now = deps.clock.now();
  const plans = await allOrFirstFailure(deps.sources, deps.report, input.signal, (source, rest) => {
    const asked = input.inputs.byEcosystem.get(source.name);
    if (!asked) return Promise.resolve({ artifacts: [], warnings: [] });
    const { targets, notNewerThan } = input;
    return source.plan({ ...asked, targets, now, notNewerThan, ...rest });
  });
  const artifacts = plans.flatMap((plan) => plan.artifacts);
  const warnings = plans.flatMap((plan) => plan.warnings);
  if (artifacts.length === 0) throw nothingToCarry(input, warnings);
  if (artifacts.length > BOUNDS.planArtifacts) {
    throw new XError(
      'LIMIT_EXCEEDED',
      `the plan has ${artifacts.length} artifacts; at most ${BOUNDS.planArtifacts} are carried`,
    );
  }
  checkPaths(artifacts);
  artifacts.sort((a, b) => comparePaths(a.path, b.path));
  return {
    name: input.name,
    targets: input.targets.map(formatTarget),
    artifacts,
    warnings,
  };
}

/** Plans everything at once. The first failure stops the others, waits for them, and is the one that is told. */
async function allOrFirstFailure(
  sources: readonly EcosystemSource[],
  report: Report,
  signal: AbortSignal | undefined,
  planOne: (
    source: EcosystemSource,
    rest: Pick<PlanRequest<unknown>, 'report' | 'signal'>,
  ) => Promise<EcosystemPlan>,
): Promise<EcosystemPlan[]> {
  const failed = new AbortController();
  const stopped = signal ? AbortSignal.any([signal, failed.signal]) : failed.signal;
  const whileWanted: Report = (event) => {
    if (!failed.signal.aborted) report(event);
  };
  const settled = await Promise.allSettled(
    sources.map(async (source) => {
      try {
        const planned = planOne(source, { report: whileWanted, signal: stopped });
        return await orAborted(planned, signal);
      } catch (error) {
        if (!failed.signal.aborted) failed.abort(error);
        throw error;
      }
    }),
  );
  if (failed.signal.aborted) throw failed.signal.reason;
  return settled.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []));
}

/** Not every resolver listens to a signal all the time: a user who wants out does not wait for it. */
async function orAborted<T>(work: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return await work;
  let stop: (() => void) | undefined;
  try {
    return await Promise.race([
      work,
      new Promise<never>((_, reject) => {
        stop = () => reject(signal.reason as Error);
        signal.addEventListener('abort', stop, { once: true });
        if (signal.aborted) stop();
      }),
    ]);
  } finally {
    if (stop) signal.removeEventListener('abort', stop);
  }
}

function nothingToCarry({ inputs, targets }: PlanBundleInput, warnings: readonly string[]): XError {
  const files = inputs.files.map(({ path }) => path).join(', ');
  const what = `${files}: nothing is asked for that ${targets.map(formatTarget).join(' or ')} needs`;
  return new XError('NOTHING_ASKED', [what, ...warnings.slice(0, BOUNDS.shownHints)].join('\n'), {
    hint: 'Look at the markers in the files, at --target, and at --debian-base.',
  });
}

/** Names in an index are its author's: none may become a path that leaves the bundle or hides another. */
function checkPaths(artifacts: readonly PlannedArtifact[]): void {
  const seen = new Set<string>();
  for (const { path, purl } of artifacts) {
    if (!isSafePath(path)) {
      throw new XError(
        'UPSTREAM_MALFORMED',
        `${purl}: the index gives it the file name "${path}", which is not safe to carry`,
      );
    }
    const folded = path.toLowerCase();
    if (seen.has(folded)) {
      throw new XError('CONFLICT', `${purl}: two artifacts of the plan would both be ${path}`, {
        hint: 'The configured indexes offer different files under one name; leave one of them out.',
      });
    }
    seen.add(folded);
  }
}
