import type { BundleEntry, Did } from './bundle.js';

/** An entry with the bundle that signed it. */
interface HeldEntry extends Pick<BundleEntry, 'private'> {
  bundleId: string;
}

/**
 * Of the entries that hold one name, those that may answer for it, order kept: a name that is private
 * to one source is answered from that source alone, so that no other can put a file under it.
 */
export function answeringEntries<E extends HeldEntry>(
  entries: readonly E[],
  bundles: readonly { id: string; source: Did }[],
): E[] {
  const owner = entries.find((entry) => entry.private);
  if (owner === undefined) return [...entries];
  const sources = new Map(bundles.map(({ id, source }) => [id, source]));
  return entries.filter((entry) => sources.get(entry.bundleId) === sources.get(owner.bundleId));
}
