import { XError } from '../../domain/errors.js';
import type { InputFile } from '../../ports/ecosystem.js';
import type { Marker } from './marker.js';
import { admitsPython, holdsOn, type PythonTarget } from './python-target.js';
import { isProblem, parseMarker } from './requirement.js';
import { parseSpecifiers, type SpecifierSet } from './specifier.js';
import { placeOf } from './toml.js';

/** What a project or a lock file is made for. */
export interface Scope {
  python: { where: string; text: string; specifiers: SpecifierSet } | undefined;
  /** One of them must hold; none: everywhere. */
  environments: readonly { where: string; text: string; marker: Marker }[];
}

export const EVERYWHERE: Scope = { python: undefined, environments: [] };

/** @throws XError INPUT_MALFORMED. */
export function pythonScope(value: unknown, file: InputFile): Scope['python'] {
  if (value === undefined) return undefined;
  const specifiers = typeof value === 'string' ? parseSpecifiers(value) : undefined;
  const where = placeOf(file, 'requires-python');
  if (typeof value === 'string' && specifiers !== undefined)
    return { where, text: value, specifiers };
  throw new XError('INPUT_MALFORMED', `${where}: requires-python is no version specifier`, {
    hint: 'Write a text such as ">=3.10".',
  });
}

/** @throws XError INPUT_MALFORMED. */
export function environmentScope(value: unknown, file: InputFile): Scope['environments'] {
  if (value === undefined) return [];
  const texts: unknown[] = Array.isArray(value) ? value : [value];
  return texts.map((text) => {
    const where = placeOf(file, typeof text === 'string' ? text : 'environments');
    const marker = typeof text === 'string' ? parseMarker(text) : undefined;
    if (typeof text === 'string' && marker !== undefined && !isProblem(marker))
      return { where, text, marker };
    const problem = marker !== undefined && isProblem(marker) ? marker.message : 'not a text';
    throw new XError('INPUT_MALFORMED', `${where}: environments: ${problem}: ${String(text)}`);
  });
}

/**
 * pip refuses a project, and an installer of lock files a lock, on a target that it is not made for.
 * @throws XError NOT_RESOLVABLE.
 */
export function checkScope({ python, environments }: Scope, target: PythonTarget): void {
  if (python !== undefined && !admitsPython(python.specifiers, target)) {
    throw new XError(
      'NOT_RESOLVABLE',
      `${python.where}: requires-python is ${python.text}, which ${target.id} is not`,
      { hint: `Plan for another Python with --python, or change requires-python there.` },
    );
  }
  const [first] = environments;
  if (first === undefined || environments.some(({ marker }) => holdsOn(target, marker))) return;
  const all = environments.map(({ text }) => text).join(', or ');
  throw new XError(
    'NOT_RESOLVABLE',
    `${first.where}: this file was locked for ${all}, and ${target.id} is none of them`,
    { hint: 'Plan for such a target with --target, or lock again with this one among them.' },
  );
}
