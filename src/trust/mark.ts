import { isBundleName, type Did } from '../domain/bundle.js';
import { XError } from '../domain/errors.js';
import type { JsonObject } from '../domain/plan.js';
import { isDid } from './did.js';

/** The longest grace that metadata may grant itself, in days. */
const MAX_GRACE_DAYS = 3_650;

/** The `x` member of every role's signed part: whose metadata this is, so that no role serves another bundle. */
export interface RoleMark {
  bundle: string;
  source: Did;
  graceDays: number;
}

export function markJson({ bundle, source, graceDays }: RoleMark): JsonObject {
  return { bundle, source, graceDays };
}

/**
 * Reads a role's mark and holds it against the bundle and source that were asked for.
 * @throws XError WRONG_SOURCE; METADATA_INVALID where it is for another bundle or malformed.
 */
export function checkMark(
  file: string,
  x: unknown,
  expected: Pick<RoleMark, 'bundle' | 'source'>,
): RoleMark {
  const mark = readMark(x);
  if (mark === undefined) {
    throw new XError('METADATA_INVALID', `${file}: its "x" names no bundle, source and grace`);
  }
  if (mark.source !== expected.source) {
    throw new XError(
      'WRONG_SOURCE',
      `${file} is of the source ${mark.source}, not of ${expected.source}`,
      {
        hint: 'Check with the source’s operator; trust another source only by its own --trust DID.',
      },
    );
  }
  if (mark.bundle !== expected.bundle) {
    throw new XError(
      'METADATA_INVALID',
      `${file} belongs to the bundle ${JSON.stringify(mark.bundle.slice(0, 80))}, not to "${expected.bundle}"`,
    );
  }
  return mark;
}

/** A role's mark, unverified; undefined where it is malformed. */
export function readMark(x: unknown): RoleMark | undefined {
  if (typeof x !== 'object' || x === null) return undefined;
  const { bundle, source, graceDays } = x as Partial<Record<keyof RoleMark, unknown>>;
  // Names become parts of paths and lines on a terminal, so a signature does not excuse a bad one.
  if (typeof bundle !== 'string' || !isBundleName(bundle)) return undefined;
  if (typeof source !== 'string' || !isDid(source)) return undefined;
  if (typeof graceDays !== 'number' || !Number.isInteger(graceDays)) return undefined;
  if (graceDays < 0 || graceDays > MAX_GRACE_DAYS) return undefined;
  return { bundle, source, graceDays };
}
