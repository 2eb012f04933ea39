import { BOUNDS } from '../domain/bounds.js';
import { XError } from '../domain/errors.js';
import type { MembersRule } from '../domain/membership.js';
import type { JsonObject } from '../domain/plan.js';

const SERIAL = /^[0-9a-f]{16}$/;

/** What a bundle for members carries in its signed `extra`. @param revoked Serials. */
export function membersExtra(revoked: Iterable<string>): JsonObject {
  return { members: { revoked: [...new Set(revoked)].sort() } };
}

/**
 * The rule in a bundle's signed `extra`; undefined where the bundle is open.
 * @throws XError METADATA_INVALID where one is there that cannot be read: then nobody may have it.
 */
export function readMembersRule(extra: JsonObject): MembersRule | undefined {
  const { members } = extra;
  if (members === undefined) return undefined;
  const revoked =
    typeof members === 'object' && members !== null && !Array.isArray(members)
      ? members['revoked']
      : undefined;
  const isSound =
    Array.isArray(revoked) &&
    revoked.length <= BOUNDS.revokedMemberships &&
    revoked.every((serial) => typeof serial === 'string' && SERIAL.test(serial));
  if (isSound) return { revoked: new Set(revoked as string[]) };
  throw new XError('METADATA_INVALID', 'what it says of its members cannot be read', {
    hint: 'A newer x may have signed it: use that one.',
  });
}
