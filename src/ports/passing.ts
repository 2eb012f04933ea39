import type { Digests } from '../domain/digest.js';
import type { EcosystemName, Origin } from '../domain/plan.js';
import type { ReadableBlobs, StoredBlob } from './store.js';

/** A file of the official source that a gateway passes on. */
export interface PassedArtifact {
  ecosystem: EcosystemName;
  /** Without credentials; the next is asked where one does not have it. */
  urls: readonly string[];
  /** At least one, as an index says: what has others is neither kept nor sent to its end. */
  digests: Digests;
  /** Undefined where the index does not say. */
  sizeBytes: number | undefined;
  /** For messages. */
  name: string;
  /** Neither asked of strangers nor answered to them. */
  isPrivate: boolean;
}

/** Who may have an artifact before the official source is asked: the public swarm. */
export interface Providers {
  /**
   * Brings an artifact into the store, where every digest held before it is visible; false where nobody
   * has it, or not in time. Only public ones are asked for.
   */
  bring(
    artifact: Pick<PassedArtifact, 'digests' | 'sizeBytes'>,
    signal: AbortSignal,
  ): Promise<boolean>;
}

/** An artifact that is here, and where it is read. */
export interface FoundArtifact {
  origin: Extract<Origin, 'store' | 'local'>;
  blob: StoredBlob;
  blobs: ReadableBlobs;
}

/** An artifact on its way from the official source. */
export interface ComingArtifact {
  origin: Extract<Origin, 'swarm' | 'upstream'>;
  /** As the index or the server says; undefined where neither does. */
  lengthBytes: number | undefined;
  /** @see Arrival */
  stored: Promise<StoredBlob>;
  follow(start: number): AsyncIterable<Uint8Array>;
}

/** Where a gateway's artifacts come from. */
export interface Passing {
  /** Undefined where it has to come first. */
  find(artifact: PassedArtifact): FoundArtifact | undefined;
  /**
   * Begins to bring it, or joins those who have; resolves when its first bytes are near.
   * @throws XError UPSTREAM_*, PACKAGE_NOT_FOUND, DIGEST_MISMATCH; the signal's reason.
   */
  receive(artifact: PassedArtifact): Promise<ComingArtifact>;
}

/** What a fetched index makes likely is brought before it is asked for, within bounds; failures are nobody's. */
export interface Prefetch {
  artifact(artifact: PassedArtifact): void;
  index(load: () => Promise<unknown>): void;
  /** A public index names this, of that package, which requires those: nothing is fetched for it. */
  named?(artifact: PassedArtifact, packageName: string, requires: readonly string[]): void;
  /** A public index, asked just now, names these versions of a package, and whether each is taken back. */
  versions?(
    ecosystem: EcosystemName,
    packageName: string,
    versions: ReadonlyMap<string, boolean>,
  ): void;
}
