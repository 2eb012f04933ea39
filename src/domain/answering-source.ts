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

/** What checking its publisher's evidence says of an entry, as far as it decides between two. */
export type EvidenceVerdict = 'holds' | 'carried' | 'broken' | 'none';

/**
 * Of entries of several sources that are one file's name and other bytes each, the one that answers: a
 * verified publisher's proof wins, one whose proof is broken never does where another is there, else
 * the source known first.
 * @param candidates in the order in which their bundles were first saved; at least one.
 */
export function chooseAnswer<E>(
  candidates: readonly { entry: E; verdict: EvidenceVerdict }[],
): { entry: E; verdict: EvidenceVerdict } | undefined {
  return (
    candidates.find(({ verdict }) => verdict === 'holds') ??
    candidates.find(({ verdict }) => verdict !== 'broken') ??
    candidates[0]
  );
}
