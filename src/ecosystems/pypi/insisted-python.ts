import type { OfferedFile } from './indexes.js';
import { admitsPython, type PythonTarget } from './python-target.js';
import { isPinned, satisfies, type Specifier, type SpecifierSet } from './specifier.js';
import type { Version } from './version.js';
import type { Wanted } from './wanted.js';

/** Versions that the user pins, by name. */
export type Pins = ReadonlyMap<string, readonly SpecifierSet[]>;

/** The detail of an entry that lists the targets for which that was done. */
export const PAST_PYTHON = 'past-requires-python';

/**
 * Under `--policy explicit` the user's own words count for more than a publisher's guess: a version that
 * is pinned is taken past the upper bound of its Requires-Python, never below the lower one.
 */
export function pinsOf({ requirements }: Pick<Wanted, 'requirements'>): Pins {
  const pinned = requirements.map(({ requirement }) => requirement);
  return new Map(
    [...Map.groupBy(pinned, ({ name }) => name)].map(([name, own]) => [
      name,
      own.map(({ specifiers }) => specifiers).filter(isPinned),
    ]),
  );
}

/** Whether a version of a name is taken although its Requires-Python ends below the target's Python. */
export function isInsisted(
  { parsed: { name, version } }: Pick<OfferedFile, 'parsed'>,
  requiresPython: SpecifierSet | undefined,
  target: PythonTarget,
  pins: Pins,
): boolean {
  const isPinnedHere = (pins.get(name) ?? []).some((set) => satisfies(set, version));
  return isPinnedHere && admitsPython((requiresPython ?? []).flatMap(lowerBound), target);
}

/** What a clause says of the oldest Python. */
function lowerBound(clause: Specifier): readonly Specifier[] {
  const { operator, version } = clause;
  if (operator === '>' || operator === '>=') return [clause];
  const isExact = operator === '==' || operator === '~=';
  return isExact && version !== undefined ? [atLeast(version)] : [];
}

function atLeast(version: Version): Specifier {
  return { operator: '>=', operand: version.text, version, isPrefix: false };
}
