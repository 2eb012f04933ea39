import { XError } from '../domain/errors.js';
import type { BundleRecord, Catalog } from '../ports/catalog.js';

/**
 * The bundle that a user means by a name or an id (`NAME@DID`).
 * @throws XError BUNDLE_NOT_FOUND, USAGE where several sources have one of the name.
 */
export function findBundle(
  catalog: Pick<Catalog, 'bundles' | 'bundle'>,
  nameOrId: string,
): BundleRecord {
  const byId = catalog.bundle(nameOrId);
  if (byId !== undefined) return byId;
  const all = catalog.bundles();
  const [first, ...others] = all.filter(({ name }) => name === nameOrId);
  if (first === undefined) {
    const names = [...new Set(all.map(({ name }) => name))].join(', ');
    throw new XError('BUNDLE_NOT_FOUND', `there is no bundle "${nameOrId}" here`, {
      hint: names === '' ? 'There is none at all yet.' : `There are: ${names}`,
    });
  }
  if (others.length > 0) {
    throw new XError('USAGE', `several sources have a bundle "${nameOrId}"`, {
      hint: `Say which: ${[first, ...others].map(({ id }) => id).join(' or ')}`,
    });
  }
  return first;
}
