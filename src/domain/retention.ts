import type { Sha256 } from './digest.js';

/** A bundle as far as keeping it goes. */
export interface RetainedBundle {
  id: string;
  name: string;
  /** ISO 8601. */
  signedAt: string;
  /** Signed here: its versions must go on rising, so it is never dropped by rule. */
  isOwn: boolean;
  isPinned: boolean;
  /** Somebody is being served from it. */
  isServed: boolean;
  /** The lengths of what is held of it, by content. */
  held: ReadonlyMap<Sha256, number>;
}

export interface RetentionPolicy {
  /** Bundles signed before it go. */
  signedBefore: Date | undefined;
  /** What all bundles together may hold; the ones signed first go until they do. */
  quotaBytes: number | undefined;
  /** Ids that are to go whatever the rules say. */
  named: ReadonlySet<string>;
}

export interface RetentionVerdict {
  dropped: { id: string; name: string; reason: string }[];
  /** What stays although a rule would have it gone, and why. */
  spared: { id: string; name: string; reason: string }[];
  /** What the bundles that stay hold together; a content of several counts once. */
  keptBytes: number;
}

/** Which bundles go. Pure: the same bundles and policy give the same verdict. */
export function decideRetention(
  bundles: readonly RetainedBundle[],
  { signedBefore, quotaBytes, named }: RetentionPolicy,
): RetentionVerdict {
  const oldestFirst = [...bundles].sort(
    (a, b) => compare(a.signedAt, b.signedAt) || compare(a.id, b.id),
  );
  const kept = new Set(oldestFirst);
  const dropped: RetentionVerdict['dropped'] = [];
  const spared: RetentionVerdict['spared'] = [];
  const drop = (bundle: RetainedBundle, reason: string): void => {
    const { id, name } = bundle;
    const why = named.has(id) ? undefined : protection(bundle);
    if (why !== undefined) {
      if (!spared.some((one) => one.id === id)) spared.push({ id, name, reason: why });
      return;
    }
    kept.delete(bundle);
    dropped.push({ id, name, reason });
  };
  for (const bundle of oldestFirst) {
    if (named.has(bundle.id)) drop(bundle, 'named');
    else if (signedBefore !== undefined && new Date(bundle.signedAt) < signedBefore)
      drop(bundle, `signed ${bundle.signedAt.slice(0, 10)}`);
  }
  const limit = quotaBytes ?? Infinity;
  for (const bundle of oldestFirst) {
    if (bytesOf(kept) <= limit) break;
    if (kept.has(bundle)) drop(bundle, 'over the quota');
  }
  return { dropped, spared, keptBytes: bytesOf(kept) };
}

function protection({ isOwn, isPinned, isServed }: RetainedBundle): string | undefined {
  if (isPinned) return 'pinned';
  if (isOwn) return 'signed on this machine';
  return isServed ? 'being served' : undefined;
}

function bytesOf(bundles: ReadonlySet<RetainedBundle>): number {
  const counted = new Set<Sha256>();
  let bytes = 0;
  for (const { held } of bundles) {
    for (const [sha256, lengthBytes] of held) {
      if (counted.has(sha256)) continue;
      counted.add(sha256);
      bytes += lengthBytes;
    }
  }
  return bytes;
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
