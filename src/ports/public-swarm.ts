import type { Digests } from '../domain/digest.js';
import type { Origin } from '../domain/plan.js';
import type { Providers } from './passing.js';
import type { StoredBlob } from './store.js';
import type { UpstreamBody } from './upstream.js';

/** Why the official source was asked although the swarm was: nobody had it, or those who did were no use. */
export type FallBack = 'nobody' | 'silent' | 'slow' | 'liars';

/** The official source of one artifact: the last peer. */
export interface OfficialSource {
  /**
   * Its bytes from `offset` on, or from 0 where the server does no ranges, up to `end` where it takes such a
   * word. Goes on where the line breaks.
   * @throws XError as Upstream.open; the signal's reason.
   */
  open(
    offset: number,
    signal: AbortSignal,
    end?: number,
  ): Promise<Pick<UpstreamBody, 'offset' | 'lengthBytes' | 'stream'>>;
}

export interface WantedOfSwarm {
  /** At least one, as the publisher's index says; all are checked. */
  digests: Digests;
  sizeBytes: number | undefined;
  official: OfficialSource;
  /** Bytes of it that are here so far, verified or not; fewer than before where some were thrown away. */
  onProgress?: (bytes: number) => void;
  /** The official source is asked too: once at most. */
  onFallBack?: (reason: FallBack) => void;
}

export interface BroughtArtifact {
  blob: StoredBlob;
  /** Verified bytes by where they came from. */
  bytes: ReadonlyMap<Origin, number>;
}

/** The public swarm, for who has an official source to fall back on. */
export interface PublicSwarm extends Providers {
  /** Whether there is nobody to ask: then nothing is asked of it. */
  isAlone(): boolean;
  /** What will be fetched, public ones only, until the signal is given: who has it is looked for at once. */
  expect(all: Iterable<Digests>, signal: AbortSignal): void;
  /**
   * Fetches one public artifact from whoever is quickest, the official source among them. Undefined where
   * nobody has it, or the official source failed too: then it is asked as if there were no swarm.
   * @throws XError DISK_FULL, IO_FAILED; the signal's reason.
   */
  fetch(wanted: WantedOfSwarm, signal: AbortSignal): Promise<BroughtArtifact | undefined>;
}
