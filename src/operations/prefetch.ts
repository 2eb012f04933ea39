import PQueue from 'p-queue';
import { BOUNDS } from '../domain/bounds.js';
import type { PassedArtifact, Passing, Prefetch } from '../ports/passing.js';

export interface PrefetchPlace {
  named?: Prefetch['named'] | undefined;
  versions?: Prefetch['versions'] | undefined;
  /** What may be written now before the disk has no more left than what is left free of it. */
  roomBytes: () => number;
}

/**
 * Brings what is likely to be asked for, a few at a time and never more than BOUNDS.gatewayPrefetches
 * in waiting. Files known to be large are left until they are asked for, and on a disk that is all but
 * full everything is. What fails is met by who asks.
 */
export function createPrefetch(
  passing: Passing,
  signal: AbortSignal,
  told: PrefetchPlace,
): Prefetch {
  const queue = new PQueue({ concurrency: BOUNDS.parallelPrefetches });
  const later = (work: () => Promise<unknown>): void => {
    if (signal.aborted || queue.size >= BOUNDS.gatewayPrefetches) return;
    queue.add(work).catch(() => undefined);
  };
  signal.addEventListener('abort', () => queue.clear(), { once: true });
  let comingBytes = 0;
  const bring = async (artifact: PassedArtifact): Promise<void> => {
    if (passing.find(artifact) !== undefined) return;
    const { sizeBytes = BOUNDS.prefetchedBytes } = artifact;
    if (comingBytes + sizeBytes > told.roomBytes()) return;
    comingBytes += sizeBytes;
    try {
      const { stored } = await passing.receive(artifact);
      await stored;
    } finally {
      comingBytes -= sizeBytes;
    }
  };
  return {
    artifact(artifact) {
      const { sizeBytes } = artifact;
      if (sizeBytes !== undefined && sizeBytes > BOUNDS.prefetchedBytes) return;
      later(() => bring(artifact));
    },
    // What an index says is kept on the disk as well.
    index: (load) => later(async () => void (told.roomBytes() > 0 && (await load()))),
    named: (artifact, ...of) => {
      if (!artifact.isPrivate) told.named?.(artifact, ...of);
    },
    versions: (...seen) => told.versions?.(...seen),
  };
}
