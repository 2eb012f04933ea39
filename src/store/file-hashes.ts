import { createHash, type Hash } from 'node:crypto';
import type { DigestAlgorithm } from '../domain/digest.js';
import type { FileDigests, HashedFile } from './file-digester.js';

/** The hashes of one file's bytes, as far as they have come in order. */
export class FileHashes {
  /** Those that are wanted. */
  readonly #hashes: Map<DigestAlgorithm, Hash>;
  #atBytes = 0;

  constructor({ digests }: HashedFile) {
    this.#hashes = new Map(digests.map((algorithm) => [algorithm, createHash(algorithm)] as const));
  }

  get atBytes(): number {
    return this.#atBytes;
  }

  update(bytes: Uint8Array): void {
    for (const hash of this.#hashes.values()) hash.update(bytes);
    this.#atBytes += bytes.length;
  }

  /** Once. */
  finish(): FileDigests {
    return {
      sha256: this.#hashes.get('sha256')?.digest('hex'),
      sha512: this.#hashes.get('sha512')?.digest('hex'),
    };
  }
}
