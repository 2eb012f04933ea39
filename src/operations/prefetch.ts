import PQueue from 'p-queue';
import { BOUNDS } from '../domain/bounds.js';
import type { PassedArtifact, Passing, Prefetch } from '../ports/passing.js';

/**
 * Brings what is likely to be asked for, a few at a time and never more than BOUNDS.gatewayPrefetches
 * in waiting. Files known to be large are left until they are asked for. What fails is met by who asks.
 */
export function createPrefetch(
  passing: Passing,
  signal: AbortSignal,
  told: { named?: Prefetch['named'] | undefined; versions?: Prefetch['versions'] | undefined } = {},
): Prefetch {
  const queue = new PQueue({ concurrency: BOUNDS.parallelPrefetches });
  const later = (work: () => Promise<unknown>): void => {
    if (signal.aborted || queue.size >= BOUNDS.gatewayPrefetches) return;
    queue.add(work).catch(() => undefined);
  };
  signal.addEventListener('abort', () => queue.clear(), { once: true });
  const bring = async (artifact: PassedArtifact): Promise<void> => {
    if (passing.find(artifact) !== undefined) return;
    const { stored } = await passing.receive(artifact);
    await stored;
  };
  return {
    artifact(artifact) {
      const { sizeBytes } = artifact;
      if (sizeBytes !== undefined && sizeBytes > BOUNDS.prefetchedBytes) return;
      later(() => bring(artifact));
    },
    index: later,
    named: (artifact, ...of) => {
      if (!artifact.isPrivate) told.named?.(artifact, ...of);
    },
    versions: (...seen) => told.versions?.(...seen),
  };
}
