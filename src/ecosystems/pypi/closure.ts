import { XError } from '../../domain/errors.js';
import type { CoreMetadata } from './core-metadata.js';
import { admitsPython, holdsOn, type PythonTarget } from './python-target.js';
import { isProblem, parseRequirement, type Requirement } from './requirement.js';
import { satisfies } from './specifier.js';
import { parseFilename } from './filename.js';

/** A held distribution: what its own bytes say. */
export interface HeldDistribution {
  filename: string;
  metadata: CoreMetadata;
  /** What building it needs; empty for a wheel. */
  buildRequires: readonly string[];
  /** Requirements of the user that name it for this target. */
  asked: readonly string[];
  /** The user insists on it, whatever its Requires-Python says. */
  isPastPython: boolean;
}

/**
 * Proves that what is held can be installed: from what the user asked for, every requirement of every
 * file's own metadata is met by a held file that fits the target. Knows nothing of the resolver.
 * @throws XError NOT_RESOLVABLE naming each requirement that nothing meets.
 */
export function proveClosure(held: readonly HeldDistribution[], target: PythonTarget): void {
  const problems: string[] = [];
  const byName = Map.groupBy(held, ({ metadata }) => metadata.name);
  const pending: { text: string; by: string }[] = held.flatMap(({ asked }) =>
    asked.map((text) => ({ text, by: 'the input' })),
  );
  const seen = new Set<string>();
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    const requirement = read(next.text, next.by);
    const candidates = byName.get(requirement.name) ?? [];
    const meeting = candidates.filter(({ metadata }) =>
      satisfies(requirement.specifiers, metadata.version),
    );
    if (meeting.length === 0) problems.push(`${next.by} needs ${next.text}, which is not held`);
    for (const distribution of meeting) {
      for (const extra of ['', ...requirement.extras]) {
        const key = `${distribution.filename}\0${extra}`;
        if (seen.has(key)) continue;
        seen.add(key);
        const problem = misfit(distribution, target);
        if (problem !== undefined) problems.push(problem);
        pending.push(...needsOf(distribution, extra, target));
      }
    }
  }
  const orphans = held.filter(({ filename }) => !seen.has(`${filename}\0`));
  problems.push(...orphans.map(({ filename }) => `${filename} is held, but nothing needs it`));
  if (problems.length === 0) return;
  throw new XError(
    'NOT_RESOLVABLE',
    `what is held for ${target.id} is not whole: ${problems.join('; ')}`,
    {
      hint: 'Plan again: the index changed while the files were fetched, or its metadata is not that of its files.',
    },
  );
}

function read(text: string, by: string): Requirement {
  const parsed = parseRequirement(text);
  if (!isProblem(parsed)) return parsed;
  throw new XError('NOT_RESOLVABLE', `${by}: ${text}: ${parsed.message}`);
}

function needsOf(
  { metadata, filename, buildRequires }: HeldDistribution,
  extra: string,
  target: PythonTarget,
): { text: string; by: string }[] {
  const holds = ({ marker }: Requirement): boolean => holdsOn(target, marker, extra);
  const builds = buildRequires.map((text) => read(text, filename));
  return [...metadata.requires, ...builds]
    .filter(holds)
    .map(({ text }) => ({ text, by: filename }));
}

function misfit(
  { filename, metadata, isPastPython }: HeldDistribution,
  target: PythonTarget,
): string | undefined {
  const parsed = parseFilename(filename);
  if (parsed?.kind === 'wheel' && !parsed.tags.some((tag) => target.tags.has(tag))) {
    return `${filename} has no tag of the target`;
  }
  return isPastPython || admitsPython(metadata.requiresPython, target)
    ? undefined
    : `${filename} does not run on the target's Python`;
}
