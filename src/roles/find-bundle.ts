import { XError } from '../domain/errors.js';
import { nearest } from '../domain/nearest.js';
import type { BundleRecord, Catalog } from '../ports/catalog.js';

/**
 * The bundle that a user's word means: a name, or NAME@DID where several sources use one name.
 * @throws XError BUNDLE_NOT_FOUND with the nearest name; USAGE where it is not one.
 */
export function findBundle(catalog: Catalog, word: string): BundleRecord {
  const bundles = catalog.bundles();
  const matching = bundles.filter(({ id, name }) => id === word || name === word);
  const [only, other] = matching;
  if (only && !other) return only;
  if (only && other) {
    throw new XError('USAGE', `several sources have a bundle "${word}"`, {
      hint: `Say which: ${matching.map(({ id }) => id).join(' or ')}.`,
    });
  }
  const names = bundles.map(({ name }) => name);
  const near = nearest(word, names, 1)[0];
  throw new XError('BUNDLE_NOT_FOUND', `no bundle "${word}" is held here`, {
    hint:
      near !== undefined
        ? `Did you mean "${near}"?`
        : names.length > 0
          ? `Held here: ${names.join(', ')}.`
          : 'Bring one with `x client --master HOST` or `x import PATH`.',
  });
}
