import assert from 'node:assert/strict';
import { createHash, hash, type Hash } from 'node:crypto';
import type { Digests, Sha256 } from '../domain/digest.js';
import { disagreements, formatDigest } from '../domain/digest.js';
import { XError } from '../domain/errors.js';
import { leafHash, PIECE_SIZE_BYTES, TreeHasher, treeRoot } from '../domain/piece.js';
import type { StoredBlob } from '../ports/store.js';

/** A body's names and tree, computed from its bytes. */
export interface HashedBody extends StoredBlob {
  leaves: Uint8Array[];
}

/** sha256, sha512 and the piece tree in one pass over chunks of any size. */
export class BodyHasher {
  readonly #sha256 = createHash('sha256');
  #sha512: Hash | undefined = createHash('sha512');
  readonly #tree = new TreeHasher();
  #lengthBytes = 0;

  get lengthBytes(): number {
    return this.#lengthBytes;
  }

  update(chunk: Uint8Array): void {
    this.#sha256.update(chunk);
    this.#sha512?.update(chunk);
    this.#tree.update(chunk);
    this.#lengthBytes += chunk.length;
  }

  /** The sha512 is not computed here: it takes longer than everything else together. */
  leaveSha512(): void {
    this.#sha512 = undefined;
  }

  /** @param sha512 where it was left to somebody else; nobody may want it. */
  finish(sha512 = this.#sha512?.digest('hex')): HashedBody {
    return hashedBody(this.#sha256.digest('hex'), sha512, this.#lengthBytes, this.#tree.finish());
  }
}

/**
 * The same for bytes in memory; one-shot hashing is several times quicker for small ones.
 * @param pieceRoot of bytes of one piece, where it is known.
 */
export function hashBytes(
  bytes: Uint8Array,
  pieceRoot?: Sha256,
  { withSha512 = true } = {},
): HashedBody {
  if (bytes.length > PIECE_SIZE_BYTES) {
    const hasher = new BodyHasher();
    if (!withSha512) hasher.leaveSha512();
    hasher.update(bytes);
    return hasher.finish();
  }
  const leaf = pieceRoot === undefined ? leafHash(bytes) : Buffer.from(pieceRoot, 'hex');
  const leaves = bytes.length === 0 ? [] : [leaf];
  const sha512 = withSha512 ? hash('sha512', bytes) : undefined;
  return hashedBody(hash('sha256', bytes), sha512, bytes.length, leaves);
}

function hashedBody(
  sha256: Sha256,
  sha512: string | undefined,
  lengthBytes: number,
  leaves: Uint8Array[],
): HashedBody {
  const pieceRoot = Buffer.from(treeRoot(leaves)).toString('hex');
  return { sha256, sha512, lengthBytes, pieceRoot, leaves };
}

/** @throws XError DIGEST_MISMATCH naming what was expected and what came. */
export function requireDigests(expected: Digests, actual: StoredBlob, what: string): void {
  const isJudged = expected.sha512 === undefined || actual.sha512 !== undefined;
  assert.ok(isJudged, `${what}: every digest that is expected of it was computed`);
  const [wrong] = disagreements(expected, actual);
  if (wrong === undefined) return;
  throw new XError(
    'DIGEST_MISMATCH',
    `${what}: expected ${formatDigest(wrong, expected[wrong] ?? '')}, got ${formatDigest(wrong, actual[wrong] ?? '')}`,
    { hint: 'The bytes are not the ones that were promised. Nothing of them was kept.' },
  );
}
