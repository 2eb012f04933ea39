import { BOUNDS } from '../domain/bounds.js';
import { disagreements, type Sha256 } from '../domain/digest.js';
import { messageOf, XError } from '../domain/errors.js';
import type { Clock } from '../ports/clock.js';
import type {
  ComingArtifact,
  FoundArtifact,
  PassedArtifact,
  Passing,
  Providers,
} from '../ports/passing.js';
import type { PublicRegister } from '../ports/public-artifacts.js';
import type { Random } from '../ports/random.js';
import type { ReadableBlobs, Store, StoredBlob } from '../ports/store.js';
import type { Upstream, UpstreamBody } from '../ports/upstream.js';
import { continuedBody } from './continued-body.js';

export interface PassArtifactDeps {
  store: Pick<Store, 'stat' | 'findBySha512' | 'open' | 'leaves' | 'receive'>;
  /** Package files that lie on this machine already, read in place. */
  marked: ReadableBlobs;
  /** What is public is noted there; missing where nobody asks. */
  register?: Pick<PublicRegister, 'note'> | undefined;
  /** Asked before the official source. */
  providers?: Providers | undefined;
  upstream: Pick<Upstream, 'open'>;
  clock: Clock;
  random: Random;
  warn: (message: string) => void;
  /** Told of each blob that is read from the store. */
  onUsed: (sha256: Sha256) => void;
  /** Ends what is under way. */
  signal: AbortSignal;
}

/**
 * Finds a gateway's artifacts: in the store, in marked files, with providers, and at last at the
 * official source. What comes from outside is stored under way, once for all who ask for it at the same
 * time, and only if it has every digest that the index says.
 */
export class PassedArtifacts implements Passing {
  readonly #deps: PassArtifactDeps;
  readonly #coming = new Map<string, Promise<ComingArtifact>>();

  constructor(deps: PassArtifactDeps) {
    this.#deps = deps;
  }

  find(artifact: PassedArtifact): FoundArtifact | undefined {
    const { store, marked, onUsed } = this.#deps;
    const blob = findIn(store, artifact);
    if (blob !== undefined) {
      onUsed(blob.sha256);
      this.#note(artifact, blob);
      return { origin: 'store', blob, blobs: store };
    }
    const elsewhere = findIn(marked, artifact);
    if (elsewhere !== undefined) this.#note(artifact, elsewhere);
    return elsewhere && { origin: 'local', blob: elsewhere, blobs: marked };
  }

  receive(artifact: PassedArtifact): Promise<ComingArtifact> {
    const key = artifact.digests.sha256 ?? artifact.digests.sha512;
    if (key === undefined) throw new Error(`${artifact.name}: nothing to check it by`);
    const known = this.#coming.get(key);
    if (known !== undefined) return known;
    if (this.#coming.size >= BOUNDS.gatewayDownloads) {
      throw new XError('INCOMPLETE', `${BOUNDS.gatewayDownloads} other files are on their way`);
    }
    const coming = this.#begin(artifact);
    this.#coming.set(key, coming);
    void coming
      .then(({ stored }) => stored)
      .catch((error: unknown) => this.#tell(artifact, error))
      .finally(() => this.#coming.delete(key));
    return coming;
  }

  async #begin(artifact: PassedArtifact): Promise<ComingArtifact> {
    const { store } = this.#deps;
    const blob = await this.#fromProviders(artifact);
    if (blob !== undefined) {
      return {
        origin: 'swarm',
        lengthBytes: blob.lengthBytes,
        stored: Promise.resolve(blob),
        follow: (start) => store.open(blob.sha256, { start, end: blob.lengthBytes }),
      };
    }
    const body = await this.#open(artifact, 0);
    const lengthBytes = artifact.sizeBytes ?? body.lengthBytes;
    if (body.lengthBytes !== undefined && body.lengthBytes !== lengthBytes) {
      await leave(body);
      throw new XError(
        'DIGEST_MISMATCH',
        `${body.url} has ${body.lengthBytes} bytes, and its index says ${lengthBytes}`,
      );
    }
    const arrival = store.receive(this.#continued(artifact, body), {
      digests: artifact.digests,
      lengthBytes,
      maxBytes: lengthBytes === undefined ? BOUNDS.unsizedArtifactBytes : BOUNDS.artifactBytes,
    });
    const { stored } = arrival;
    stored.then(
      (blob) => this.#note(artifact, blob),
      // Told to whoever waits for it.
      () => undefined,
    );
    return { origin: 'upstream', lengthBytes, stored, follow: (start) => arrival.follow(start) };
  }

  async #fromProviders(artifact: PassedArtifact): Promise<StoredBlob | undefined> {
    const { providers, signal, store, warn } = this.#deps;
    if (providers === undefined || artifact.isPrivate) return undefined;
    try {
      return (await providers.bring(artifact, signal)) ? findIn(store, artifact) : undefined;
    } catch (error) {
      signal.throwIfAborted();
      warn(`${artifact.name}: the swarm does not have it: ${messageOf(error)}`);
      return undefined;
    }
  }

  async #open({ ecosystem, urls }: PassedArtifact, offset: number): Promise<UpstreamBody> {
    const { upstream, signal } = this.#deps;
    for (const [index, url] of urls.entries()) {
      try {
        return await upstream.open({ ecosystem, url, offset, signal });
      } catch (error) {
        const isMissing = error instanceof XError && error.code === 'PACKAGE_NOT_FOUND';
        if (!isMissing || index === urls.length - 1) throw error;
      }
    }
    throw new Error('an artifact without an address');
  }

  #continued(artifact: PassedArtifact, first: UpstreamBody): AsyncIterable<Uint8Array> {
    const open = (offset: number): Promise<UpstreamBody> => this.#open(artifact, offset);
    return continuedBody(open, first, this.#deps);
  }

  /** On this machine it is public from now on, and may be given to others. */
  #note({ isPrivate }: PassedArtifact, blob: StoredBlob): void {
    const { register, warn } = this.#deps;
    if (isPrivate || register === undefined) return;
    register.note(blob).catch((error: unknown) => warn(messageOf(error)));
  }

  #tell({ name }: PassedArtifact, error: unknown): void {
    const { warn, signal } = this.#deps;
    if (signal.aborted) return;
    if (error instanceof XError && error.code === 'DIGEST_MISMATCH') {
      warn(
        `${name}: what the official source sent is not what its index promises, and was not kept: ${error.message}`,
      );
    }
  }
}

/** By whichever digest is known, and only where every one agrees. */
function findIn(
  blobs: ReadableBlobs,
  { digests, sizeBytes }: Pick<PassedArtifact, 'digests' | 'sizeBytes'>,
): StoredBlob | undefined {
  const { sha256, sha512 } = digests;
  const blob =
    sha256 !== undefined
      ? blobs.stat(sha256)
      : sha512 === undefined
        ? undefined
        : blobs.findBySha512(sha512);
  if (blob === undefined || disagreements(digests, blob).length > 0) return undefined;
  if (sizeBytes !== undefined && blob.lengthBytes !== sizeBytes) return undefined;
  return blob;
}

/** Gives back the connection of a body that nobody reads. */
async function leave({ stream }: UpstreamBody): Promise<void> {
  await stream[Symbol.asyncIterator]().return?.();
}
