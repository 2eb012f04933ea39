import type { Digests } from '../domain/digest.js';
import type { ReadableBlobs, StoredBlob } from './store.js';

/** An artifact that may be named to strangers and given to them. */
export interface PublicArtifact {
  /** All that are known. */
  digests: Digests;
  blob: StoredBlob;
  /** Where it is read: the store, or marked files. */
  blobs: ReadableBlobs;
}

/**
 * What this machine holds and may tell the world of: a proof of its publisher was verified against a
 * public anchor, or it came from the ecosystem's default index without credentials. A private artifact
 * is not held, to whoever asks here.
 */
export interface PublicArtifacts {
  /** By sha256 or sha512. */
  find(digests: Digests): PublicArtifact | undefined;
  /** All of them; what changes meanwhile may be missed. */
  all(): Iterable<PublicArtifact>;
  /** Told of what becomes public or goes. Returns the end of telling. */
  watch(
    listener: (change: { gained: readonly Digests[]; lost: readonly Digests[] }) => void,
  ): () => void;
}

/** The same, for who learns that something is public. */
export interface PublicRegister extends PublicArtifacts {
  /**
   * A public index names it, or its publisher's proof was verified against a public anchor: on this
   * machine it is public from now on, wherever its bytes lie. No more than BOUNDS.publicDigests.
   */
  note(artifact: Pick<StoredBlob, 'sha256' | 'sha512'>): Promise<void>;
}
