import { XError } from '../../domain/errors.js';
import { nearest } from '../../domain/nearest.js';
import { wordsOf } from './deb822.js';
import type { TableVersions } from './packages-table.js';
import type { DebianRequirement } from './requirements.js';
import type { Universe } from './resolver/universe.js';

/**
 * Requirements with what selects several packages replaced by one requirement for each of them.
 * @throws XError PACKAGE_NOT_FOUND where a selector finds none.
 */
export function expandSelectors(
  universe: Universe,
  indexes: readonly TableVersions[],
  requirements: readonly DebianRequirement[],
): DebianRequirement[] {
  return requirements.flatMap((requirement) => {
    const { selector } = requirement;
    if (selector === undefined) return [requirement];
    const names = namesOf(universe, indexes, requirement);
    if (names.length === 0) throw nothingFits(universe, requirement);
    return names.map((name) => ({ ...requirement, selector: undefined, name }));
  });
}

function namesOf(
  universe: Universe,
  indexes: readonly TableVersions[],
  { selector }: DebianRequirement,
): string[] {
  switch (selector?.kind) {
    case 'task':
      return tasked(universe, indexes, selector.task);
    case 'glob': {
      const pattern = globOf(selector.glob);
      return sorted([...universe.names()].filter((name) => pattern.test(name)));
    }
    case 'essential':
      return native(
        universe,
        indexes.flatMap((index) => index.base().filter(({ isEssential }) => isEssential)),
      );
    case 'priority': {
      const { priority } = selector;
      const field = `Priority: ${priority}`;
      return native(
        universe,
        indexes.flatMap((index) =>
          index.containing(field).filter((version) => version.field('Priority') === priority),
        ),
      );
    }
    case 'file':
    case undefined:
      return [];
  }
}

/** By the Task field, as Ubuntu has it; where none names it, the metapackage that Debian has. */
function tasked(universe: Universe, indexes: readonly TableVersions[], task: string): string[] {
  const tagged = indexes.flatMap((index) =>
    index.containing(task).filter((version) => {
      const tasks = wordsOf(version.field('Task')?.replaceAll(',', ' '));
      return tasks.includes(task);
    }),
  );
  const names = native(universe, tagged);
  if (names.length > 0) return names;
  const metapackage = `task-${task}`;
  return universe.nodesOf(metapackage).length > 0 ? [metapackage] : [];
}

function native(
  { nativeArchitecture }: Universe,
  versions: readonly { name: string; architecture: string }[],
): string[] {
  return sorted(
    versions
      .filter(({ architecture }) => ['all', nativeArchitecture].includes(architecture))
      .map(({ name }) => name),
  );
}

function sorted(names: readonly string[]): string[] {
  return [...new Set(names)].sort();
}

function globOf(glob: string): RegExp {
  const escaped = glob.replace(/[.+-]/g, '\\$&');
  return new RegExp(`^${escaped.replaceAll('*', '.*').replaceAll('?', '.')}$`);
}

const NEAR_NAMES = 5;

function nothingFits(universe: Universe, { text, where, selector }: DebianRequirement): XError {
  const what = selector?.kind === 'task' ? `task ${selector.task}` : `package that ${text} selects`;
  const near =
    selector?.kind === 'task' ? nearest(`task-${selector.task}`, universe.names(), NEAR_NAMES) : [];
  const hint =
    near.length > 0
      ? `Nearest names: ${near.join(', ')}.`
      : 'Look at the names in the archive, or add the suite or component that has them.';
  return new XError('PACKAGE_NOT_FOUND', `${where}: no source has a ${what}`, { hint });
}
