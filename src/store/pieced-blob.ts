import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { constants, fstatSync } from 'node:fs';
import type { FileHandle } from 'node:fs/promises';
import { disagreements, type Digests, type Sha256 } from '../domain/digest.js';
import { systemCodeOf, XError } from '../domain/errors.js';
import {
  leafHash,
  lengthOf,
  partsOf,
  PIECE_SIZE_BYTES,
  pieceCount,
  pieceLengthBytes,
  treeRoot,
  type PieceBytes,
} from '../domain/piece.js';
import type { PartialBlob, StoredBlob } from '../ports/store.js';
import { storedBlob } from './blob-rows.js';
import { requireDigests, type HashedBody } from './body-hasher.js';
import { asStoreError } from './disk-errors.js';
import { GroupQueue } from './group-queue.js';
import { readExactly, syncFolder, writeAll } from './durable-file.js';
import { writePast, type PendingPieces, type Run } from './direct-run.js';
import { stampOfOpen } from './file-stamp.js';
import { FollowedDigests } from './followed-digests.js';
import { HeldPieces, type WrittenFile } from './held-pieces.js';
import type { PartialRow } from './partial-rows.js';
import type { StoreContext } from './context.js';
import { placePartial } from './placing.js';

/** How many pieces share one flush at most. */
const GROUP_PIECES = 128;
/** How often a write is repeated that another process's removal got in the way of. */
const ATTEMPTS = 3;

/**
 * A blob of several pieces on its way. Its file is sparse; a piece goes to its place, is flushed,
 * and only then marked in the catalog, so the mark is true after a kill or a power cut. File and
 * row begin with the first write. Two processes may write the same blob at once: both put the same
 * verified bytes in the same places, and marks are joined under the catalog's lock.
 */
export class PiecedBlob implements PartialBlob {
  readonly #context: StoreContext;
  readonly #root: string;
  readonly #path: string;
  readonly #held: HeldPieces;
  readonly #digests: FollowedDigests;
  readonly #queue: GroupQueue<PendingPieces>;
  #completing: Promise<StoredBlob> | undefined;

  constructor(
    context: StoreContext,
    readonly sha256: Sha256,
    readonly lengthBytes: number,
    readonly leaves: readonly Uint8Array[],
    expected: Digests = {},
  ) {
    assert.equal(leaves.length, pieceCount(lengthBytes), 'a leaf a piece');
    this.#context = context;
    this.#root = Buffer.from(treeRoot(leaves)).toString('hex');
    this.#path = context.layout.partial(sha256);
    this.#queue = new GroupQueue({
      maxWeight: GROUP_PIECES,
      weigh: ({ pieces }) => pieces.length,
      flush: (group) => this.#flush(group),
      failed: (error, group) => {
        const pieces = group.reduce((sum, one) => sum + one.pieces.length, 0);
        return asStoreError(error, context.layout.folder, pieces * PIECE_SIZE_BYTES);
      },
    });
    this.#held = new HeldPieces(context, { sha256, lengthBytes, root: this.#root, leaves });
    this.#digests = new FollowedDigests(context.digester, {
      sha256,
      path: this.#path,
      lengthBytes,
      pieces: leaves.length,
      withSha512: expected.sha512 !== undefined,
    });
  }

  holds(index: number): boolean {
    return this.#held.has(index);
  }

  heldCount(): number {
    return this.#held.count;
  }

  write(first: number, pieces: readonly PieceBytes[]): Promise<void> {
    pieces.forEach((piece, at) => {
      const expected = pieceLengthBytes(this.lengthBytes, first + at);
      assert.equal(lengthOf(piece), expected, `piece ${String(first + at)} has its length`);
    });
    return this.#queue.add({ first, pieces });
  }

  async read(index: number, into?: Uint8Array): Promise<Uint8Array> {
    assert.ok(this.holds(index), `piece ${String(index)} is held`);
    return this.#whileReading((file) => this.#readPiece(file, index, into));
  }

  /** @see Store.complete */
  complete(digests: Digests = {}): Promise<StoredBlob> {
    this.#completing ??= this.#complete(digests).finally(() => {
      this.#completing = undefined;
    });
    return this.#completing;
  }

  /** Removes file and row. Writes that are under way are waited for. */
  async forget(): Promise<void> {
    await this.#queue.idle();
    await this.#held.forget();
    this.#digests.again();
    this.#context.files.forget(this.#path);
  }

  async #flush(group: readonly PendingPieces[]): Promise<void> {
    for (let attempt = 1; ; attempt += 1) {
      const written = await this.#writePieces(group, this.#held.requireSameTree());
      if (await this.#held.add(group, written)) {
        this.#digests.follow(this.#held.bits, written.stamp);
        return;
      }
      this.#digests.again();
      if (attempt === ATTEMPTS) {
        throw new XError('IO_FAILED', `${this.#path} was removed again and again while written`, {
          hint: 'Another process is removing this blob; run the command again when it is done.',
        });
      }
    }
  }

  /** Puts pieces in their places and flushes them. */
  #writePieces(group: readonly PendingPieces[], before?: PartialRow): Promise<WrittenFile> {
    const { files, layout } = this.#context;
    return files.use(this.#path, constants.O_RDWR | constants.O_CREAT, async (file) => {
      const { size, ino } = fstatSync(file.fd);
      // Whatever somebody else did to the file meanwhile must show at the next audit.
      const isUntouched = before === undefined || before.stamp === stampOfOpen(file);
      if (!isUntouched) this.#digests.again();
      if (size !== this.lengthBytes) {
        await file.truncate(this.lengthBytes);
        await syncFolder(layout.partials);
      }
      const run = this.#digests.nextRun(group, this.#held.bits);
      const { direct } = this.#context;
      const past = run && direct && (await files.takePast(this.#path, direct));
      if (run === undefined || past === undefined) await writeCached(file, group);
      else await this.#writeRun(run, file, past.handle).finally(() => past.release());
      await file.datasync();
      return { inode: ino, stamp: isUntouched ? stampOfOpen(file) : undefined };
    });
  }

  /** Writes a run past the page cache while it is hashed, and the rest of its group as ever. */
  async #writeRun(run: Run, file: FileHandle, direct: FileHandle): Promise<void> {
    const { first, parts, rest } = run;
    // All are waited for, whatever fails: they look at memory that the caller has back then.
    const [taken, ...written] = await Promise.allSettled([
      this.#digests.take(run),
      writePast(direct, file, parts, first * PIECE_SIZE_BYTES),
      writeCached(file, rest),
    ]);
    const failed = written.find(({ status }) => status === 'rejected');
    if (failed === undefined && taken.status === 'fulfilled' && taken.value) {
      this.#digests.took(run);
    } else this.#digests.again();
    if (failed?.status === 'rejected') throw failed.reason;
  }

  /** Reads the partial's file, or the whole blob's where it was completed meanwhile. */
  async #whileReading<T>(work: (file: FileHandle | undefined) => Promise<T>): Promise<T> {
    const { files, layout } = this.#context;
    for (const path of [this.#path, layout.blob(this.sha256)]) {
      // Between looking and opening it may get its other name: then that is next.
      try {
        return await files.use(path, constants.O_RDONLY, work);
      } catch (error) {
        if (systemCodeOf(error) !== 'ENOENT') throw asStoreError(error, layout.folder);
      }
    }
    return work(undefined);
  }

  async #readPiece(
    file: FileHandle | undefined,
    index: number,
    into?: Uint8Array,
  ): Promise<Uint8Array> {
    const length = pieceLengthBytes(this.lengthBytes, index);
    const bytes = file && (await readExactly(file, index * PIECE_SIZE_BYTES, length, into));
    const leaf = this.leaves[index];
    if (bytes && leaf && Buffer.compare(leafHash(bytes), leaf) === 0) return bytes;
    throw this.#lose(index, file === undefined ? 'its file is gone' : 'it rotted on disk');
  }

  /** Takes back the mark of a piece that is not there after all. Returns the error to throw. */
  #lose(index: number, reason: string): XError {
    this.#held.lose(index);
    this.#digests.again();
    this.#context.onDamage({ sha256: this.sha256, piece: index, reason });
    return new XError(
      'STORE_DAMAGED',
      `piece ${String(index)} of blob ${this.sha256} was damaged on disk: ${reason}`,
      { hint: 'It is fetched again; check the disk.' },
    );
  }

  async #complete(digests: Digests): Promise<StoredBlob> {
    const { rows } = this.#context;
    await this.#queue.idle();
    const done = rows.get(this.sha256);
    if (done !== undefined) return storedBlob(done);
    const missing = pieceCount(this.lengthBytes) - this.#held.count;
    if (missing > 0) {
      throw new XError(
        'INCOMPLETE',
        `blob ${this.sha256} lacks ${String(missing)} of ${String(this.leaves.length)} pieces`,
      );
    }
    const expected = { ...digests, sha256: this.sha256 };
    const body = (await this.#hashAside(expected)) ?? (await this.#hashEveryPiece(expected));
    try {
      requireDigests(expected, body, `blob ${this.sha256}`);
    } catch (error) {
      await this.forget();
      throw error;
    }
    const placed = await placePartial(this.#context, body);
    this.#context.files.forget(this.#path);
    return placed;
  }

  /**
   * The body by the digests of the file's bytes, in the digester's thread. The pieces need no second
   * look where those are right. Undefined where they are not: which piece it is shows the slow way.
   */
  async #hashAside(expected: Digests): Promise<HashedBody | undefined> {
    const digests = await this.#digests.finish(expected);
    if (digests === undefined) return undefined;
    const body = this.#body(digests);
    return disagreements(expected, body).length === 0 ? body : undefined;
  }

  #hashEveryPiece(expected: Digests): Promise<HashedBody> {
    return this.#whileReading(async (file) => {
      const memory = Buffer.allocUnsafeSlow(PIECE_SIZE_BYTES);
      const sha256 = createHash('sha256');
      const sha512 = expected.sha512 === undefined ? undefined : createHash('sha512');
      for (let index = 0; index < this.leaves.length; index += 1) {
        const bytes = await this.#readPiece(file, index, memory);
        sha256.update(bytes);
        sha512?.update(bytes);
      }
      return this.#body({ sha256: sha256.digest('hex'), sha512: sha512?.digest('hex') });
    });
  }

  #body(digests: { sha256: string; sha512: string | undefined }): HashedBody {
    const { lengthBytes } = this;
    return { ...digests, lengthBytes, pieceRoot: this.#root, leaves: [...this.leaves] };
  }
}

async function writeCached(file: FileHandle, group: readonly PendingPieces[]): Promise<void> {
  for (const { first, pieces } of group) {
    await writeAll(file, pieces.flatMap(partsOf), first * PIECE_SIZE_BYTES);
  }
}
