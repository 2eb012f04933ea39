import type { Targets } from '@tufjs/models';
import { BOUNDS } from '../domain/bounds.js';
import type { Did } from '../domain/bundle.js';
import { XError } from '../domain/errors.js';
import type { JsonObject } from '../domain/plan.js';
import { isDid } from './did.js';
import { readMark } from './mark.js';
import { readMembersRule } from './members-rule.js';
import { markOf } from './parse.js';
import { parseTime } from './time.js';

/** What the top-level targets role's `x` says of the bundle beside its mark. */
export interface TopLevelFields {
  /** ISO 8601, whole seconds. */
  signedAt: string;
  graceDays: number;
  /** Who may serve the bundle as a master. */
  masters: Did[];
  /** The ecosystems' and roles' own: signing keys' fingerprints, revoked serials. */
  extra: JsonObject;
}

/** @throws XError METADATA_INVALID. */
export function readTopLevelFields(file: string, signed: Targets): TopLevelFields {
  const x = markOf(signed) as Partial<Record<keyof TopLevelFields, unknown>>;
  const mark = readMark(x);
  const { signedAt, masters, extra } = x;
  const areDids =
    Array.isArray(masters) &&
    masters.length <= BOUNDS.masters &&
    masters.every((did) => typeof did === 'string' && isDid(did));
  const isObject = typeof extra === 'object' && extra !== null && !Array.isArray(extra);
  if (mark === undefined || typeof signedAt !== 'string' || parseTime(signedAt) === undefined) {
    throw new XError('METADATA_INVALID', `${file}: it does not say when it was signed`);
  }
  if (!areDids || !isObject) {
    throw new XError('METADATA_INVALID', `${file}: its masters are no list of DIDs`);
  }
  // Read where it is used; here so that what nobody can read is never accepted.
  readMembersRule(extra as JsonObject);
  return {
    signedAt,
    graceDays: mark.graceDays,
    masters: masters as Did[],
    extra: extra as JsonObject,
  };
}
