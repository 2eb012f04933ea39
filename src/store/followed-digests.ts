import type { Digests, Sha256 } from '../domain/digest.js';
import { lengthOf, PIECE_SIZE_BYTES } from '../domain/piece.js';
import { runFrom, type PendingPieces, type Run } from './direct-run.js';
import type { FileDigester, HashedFile } from './file-digester.js';
import { stampOf, type FileStamp } from './file-stamp.js';
import { hasBit } from './partial-rows.js';

/** From this length on a blob's digests are worth a thread… */
const ASIDE_BYTES = 1 << 20;
/** …which is told of so many new pieces at once… */
const FOLLOW_PIECES = 16;
/** …or takes so many from memory: fewer are not worth a write past the page cache. */
const RUN_PIECES = 4;

/** Counts the objects, of which each follows its file for itself. */
let views = 0;

/** The file of a blob on its way, and what is wanted of it. */
export interface FollowedFile {
  sha256: Sha256;
  path: string;
  lengthBytes: number;
  pieces: number;
  /** Whether it is asked for from the start. */
  withSha512: boolean;
}

/**
 * The digests of a file that pieces go to: the digester follows what is held from the start on, so
 * that little is left at the end.
 */
export class FollowedDigests {
  readonly #digester: FileDigester;
  readonly #file: FollowedFile;
  /** The digester's word for this object's view of the file. */
  readonly #name: string;
  /** How many pieces from the start the digester was told of. */
  #followed = 0;
  /** The file's after the last flush. */
  #stamp: FileStamp | undefined;

  constructor(digester: FileDigester, file: FollowedFile) {
    this.#digester = digester;
    this.#file = file;
    this.#name = `${file.sha256} ${String((views += 1))}`;
  }

  /**
   * Of a group what the digester can take next, from memory, so that nothing needs it in the page cache;
   * undefined where that is not worth a write of its own.
   * @param held A bit a piece.
   */
  nextRun(group: readonly PendingPieces[], held: Uint8Array): Run | undefined {
    if (this.#file.lengthBytes < ASIDE_BYTES) return undefined;
    const run = runFrom(this.#heldUpTo(held), group);
    return run.parts.length < RUN_PIECES ? undefined : run;
  }

  /** Hashes a run from memory, which must stay as it is meanwhile: whether it was done. */
  take({ first, parts }: Run): Promise<boolean> {
    const at = first * PIECE_SIZE_BYTES;
    if (first > this.#followed) this.#digester.advance(this.#hashed(at));
    return this.#digester.take(this.#hashed(at + lengthOf(parts)), at, parts);
  }

  /** It was done, and the run is in the file. */
  took({ first, parts }: Run): void {
    this.#followed = first + parts.length;
  }

  /** Goes on as far as it is worth it. @param held A bit a piece. @param stamp The file's after the flush. */
  follow(held: Uint8Array, stamp: FileStamp | undefined): void {
    this.#stamp = stamp;
    const { lengthBytes, pieces } = this.#file;
    if (lengthBytes < ASIDE_BYTES) return;
    const upTo = this.#heldUpTo(held);
    if (upTo - this.#followed < FOLLOW_PIECES || upTo === pieces) return;
    this.#followed = upTo;
    this.#digester.advance(this.#hashed(upTo * PIECE_SIZE_BYTES));
  }

  /** What was hashed of the file may not be what is in it now. */
  again(): void {
    this.#followed = 0;
    this.#digester.forget(this.#name);
  }

  /**
   * The digests of the whole file; undefined where they are not worth it, were not asked for from the
   * start, or the file changes meanwhile.
   */
  async finish(
    expected: Digests,
  ): Promise<{ sha256: string; sha512: string | undefined } | undefined> {
    const { lengthBytes, path, withSha512 } = this.#file;
    if (lengthBytes < ASIDE_BYTES) return undefined;
    if (expected.sha512 !== undefined && !withSha512) return undefined;
    const stamp = stampOf(path);
    if (stamp !== this.#stamp) this.again();
    const digests = await this.#digester.finish(this.#hashed(lengthBytes));
    if (digests?.sha256 === undefined || stampOf(path) !== stamp) return undefined;
    return { sha256: digests.sha256, sha512: digests.sha512 };
  }

  /** The first piece, from those that were followed on, that is not held. */
  #heldUpTo(held: Uint8Array): number {
    let first = this.#followed;
    while (first < this.#file.pieces && hasBit(held, first)) first += 1;
    return first;
  }

  #hashed(endBytes: number): HashedFile {
    const { path, lengthBytes, withSha512 } = this.#file;
    const digests = withSha512 ? (['sha256', 'sha512'] as const) : (['sha256'] as const);
    return { name: this.#name, path, lengthBytes, endBytes, digests };
  }
}
