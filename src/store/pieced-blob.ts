import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { constants, fstatSync, statSync } from 'node:fs';
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
import { runFrom, writePast, type PendingPieces, type Run } from './direct-run.js';
import type { HashedFile } from './file-digester.js';
import { stampOf, stampOfOpen, type FileStamp } from './file-stamp.js';
import {
  carryOver,
  clearBit,
  countBits,
  emptyBits,
  hasBit,
  setBit,
  type PartialRow,
} from './partial-rows.js';
import { removeFile, type StoreContext } from './context.js';
import { placePartial } from './placing.js';

/** How many pieces share one flush at most. */
const GROUP_PIECES = 128;
/** How often a write is repeated that another process's removal got in the way of. */
const ATTEMPTS = 3;
/** From this length on a blob's digests are worth a thread… */
const ASIDE_BYTES = 1 << 20;
/** …which is told of so many new pieces at once… */
const FOLLOW_PIECES = 16;
/** …or takes so many from memory: fewer are not worth a write past the page cache. */
const RUN_PIECES = 4;

/** Counts the objects, of which each follows its file for itself. */
let views = 0;

/** The file that pieces went to, and its stamp where nobody else touched it. */
interface WrittenFile {
  inode: number;
  stamp: FileStamp | undefined;
}

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
  #held: Uint8Array;
  #heldCount: number;
  readonly #queue: GroupQueue<PendingPieces>;
  #completing: Promise<StoredBlob> | undefined;
  /** How many pieces from the start the digester was told of. */
  #followed = 0;
  /** The file's after the last flush. */
  #stamp: FileStamp | undefined;
  /** The digester's word for this object's view of the file. */
  readonly #name: string;
  /** Whether the digester is asked for it from the start. */
  readonly #withSha512: boolean;

  constructor(
    context: StoreContext,
    readonly sha256: Sha256,
    readonly lengthBytes: number,
    readonly leaves: readonly Uint8Array[],
    expected: Digests = {},
  ) {
    this.#withSha512 = expected.sha512 !== undefined;
    assert.equal(leaves.length, pieceCount(lengthBytes), 'a leaf a piece');
    this.#context = context;
    this.#root = Buffer.from(treeRoot(leaves)).toString('hex');
    this.#path = context.layout.partial(sha256);
    this.#name = `${sha256} ${String((views += 1))}`;
    this.#queue = new GroupQueue({
      maxWeight: GROUP_PIECES,
      weigh: ({ pieces }) => pieces.length,
      flush: (group) => this.#flush(group),
      failed: (error, group) => {
        const pieces = group.reduce((sum, one) => sum + one.pieces.length, 0);
        return asStoreError(error, context.layout.folder, pieces * PIECE_SIZE_BYTES);
      },
    });
    this.#held = this.#heldBefore();
    this.#heldCount = countBits(this.#held);
  }

  holds(index: number): boolean {
    return hasBit(this.#held, index);
  }

  heldCount(): number {
    return this.#heldCount;
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
    await this.#context.db.write(() => {
      removeFile(this.#path);
      this.#context.partials.delete(this.sha256);
    });
    this.#adopt(emptyBits(this.lengthBytes));
    this.#hashAgain();
    this.#context.files.forget(this.#path);
  }

  /** What an earlier process left, as far as this tree agrees with the one it was written under. */
  #heldBefore(): Uint8Array {
    const { db, partials, rows } = this.#context;
    const row = partials.get(this.sha256);
    if (row === undefined) return emptyBits(this.lengthBytes);
    if (row.root === this.#root && row.lengthBytes === this.lengthBytes) return row.held.slice();
    return db.writeNow(() => {
      const held = carryOver(row, rows.tree(this.sha256) ?? [], this.leaves, this.lengthBytes);
      partials.save(this.sha256, this.#row(held, row.stamp), this.leaves);
      return held;
    });
  }

  #row(held: Uint8Array, stamp: FileStamp | undefined): PartialRow {
    return { lengthBytes: this.lengthBytes, root: this.#root, held, stamp };
  }

  #adopt(held: Uint8Array): void {
    this.#held = held;
    this.#heldCount = countBits(held);
  }

  async #flush(group: readonly PendingPieces[]): Promise<void> {
    for (let attempt = 1; ; attempt += 1) {
      const written = await this.#writePieces(group, this.#requireSameTree());
      const held = await this.#context.db.write(() => this.#mark(group, written));
      if (held !== undefined) {
        this.#adopt(held);
        this.#stamp = written.stamp;
        this.#follow();
        return;
      }
      this.#hashAgain();
      if (attempt === ATTEMPTS) {
        throw new XError('IO_FAILED', `${this.#path} was removed again and again while written`, {
          hint: 'Another process is removing this blob; run the command again when it is done.',
        });
      }
    }
  }

  /** Bytes that belong to another tree must not touch the file. */
  #requireSameTree(): PartialRow | undefined {
    const row = this.#context.partials.get(this.sha256);
    if (row === undefined || row.root === this.#root) return row;
    throw new XError('INCOMPLETE', `blob ${this.sha256} was begun again under another tree`, {
      hint: 'Its pieces are being fetched under that one.',
    });
  }

  /** Puts pieces in their places and flushes them. */
  #writePieces(group: readonly PendingPieces[], before?: PartialRow): Promise<WrittenFile> {
    const { files, layout } = this.#context;
    return files.use(this.#path, constants.O_RDWR | constants.O_CREAT, async (file) => {
      const { size, ino } = fstatSync(file.fd);
      // Whatever somebody else did to the file meanwhile must show at the next audit.
      const isUntouched = before === undefined || before.stamp === stampOfOpen(file);
      if (!isUntouched) this.#hashAgain();
      if (size !== this.lengthBytes) {
        await file.truncate(this.lengthBytes);
        await syncFolder(layout.partials);
      }
      const run = this.#nextRun(group);
      const { direct } = this.#context;
      const past = run && direct && (await files.takePast(this.#path, direct));
      if (run === undefined || past === undefined) await writeCached(file, group);
      else await this.#writeRun(run, file, past.handle).finally(() => past.release());
      await file.datasync();
      return { inode: ino, stamp: isUntouched ? stampOfOpen(file) : undefined };
    });
  }

  /**
   * Of a group what the digester can take next, from memory, so that nothing needs it in the page cache;
   * undefined where that is not worth a write of its own.
   */
  #nextRun(group: readonly PendingPieces[]): Run | undefined {
    if (this.lengthBytes < ASIDE_BYTES) return undefined;
    let first = this.#followed;
    while (first < this.leaves.length && this.holds(first)) first += 1;
    const run = runFrom(first, group);
    return run.parts.length < RUN_PIECES ? undefined : run;
  }

  /** Writes a run past the page cache while it is hashed, and the rest of its group as ever. */
  async #writeRun(
    { first, parts, rest }: Run,
    file: FileHandle,
    direct: FileHandle,
  ): Promise<void> {
    const { digester } = this.#context;
    const at = first * PIECE_SIZE_BYTES;
    if (first > this.#followed) digester.advance(this.#hashed(at));
    // All are waited for, whatever fails: they look at memory that the caller has back then.
    const [taken, ...written] = await Promise.allSettled([
      digester.take(this.#hashed(at + lengthOf(parts)), at, parts),
      writePast(direct, file, parts, at),
      writeCached(file, rest),
    ]);
    const failed = written.find(({ status }) => status === 'rejected');
    if (failed === undefined && taken.status === 'fulfilled' && taken.value) {
      this.#followed = first + parts.length;
    } else this.#hashAgain();
    if (failed?.status === 'rejected') throw failed.reason;
  }

  /** Inside a transaction. Undefined where the file that was written is not the partial's any more. */
  #mark(group: readonly PendingPieces[], { inode, stamp }: WrittenFile): Uint8Array | undefined {
    const { partials, rows } = this.#context;
    if (rows.get(this.sha256) !== undefined) {
      // Another process finished it: the file made here is one too many.
      removeFile(this.#path);
      return fullBits(this.lengthBytes);
    }
    if (statSync(this.#path, { throwIfNoEntry: false })?.ino !== inode) return undefined;
    const row = this.#requireSameTree();
    const held = row?.held.slice() ?? emptyBits(this.lengthBytes);
    for (const { first, pieces } of group) {
      pieces.forEach((_, at) => {
        setBit(held, first + at);
      });
    }
    if (row === undefined) partials.save(this.sha256, this.#row(held, stamp), this.leaves);
    else {
      partials.setHeld(this.sha256, held);
      partials.setStamp(this.sha256, stamp);
    }
    return held;
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
    const { db, partials, onDamage } = this.#context;
    const held = db.writeNow(() => {
      const row = partials.get(this.sha256);
      const bits = row?.held.slice() ?? this.#held.slice();
      clearBit(bits, index);
      if (row?.root === this.#root) partials.setHeld(this.sha256, bits);
      return bits;
    });
    this.#adopt(held);
    this.#hashAgain();
    onDamage({ sha256: this.sha256, piece: index, reason });
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
    const missing = pieceCount(this.lengthBytes) - this.#heldCount;
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

  /** Lets the digests follow what is held from the start on, so that little is left at the end. */
  #follow(): void {
    if (this.lengthBytes < ASIDE_BYTES) return;
    let held = this.#followed;
    while (held < this.leaves.length && this.holds(held)) held += 1;
    if (held - this.#followed < FOLLOW_PIECES || held === this.leaves.length) return;
    this.#followed = held;
    this.#context.digester.advance(this.#hashed(held * PIECE_SIZE_BYTES));
  }

  /** What was hashed of the file may not be what is in it now. */
  #hashAgain(): void {
    this.#followed = 0;
    this.#context.digester.forget(this.#name);
  }

  /**
   * The body by the digests of the file's bytes, in the digester's thread. The pieces need no second
   * look where those are right. Undefined where they are not: which piece it is shows the slow way.
   */
  async #hashAside(expected: Digests): Promise<HashedBody | undefined> {
    if (this.lengthBytes < ASIDE_BYTES) return undefined;
    if (expected.sha512 !== undefined && !this.#withSha512) return undefined;
    const { digester } = this.#context;
    const stamp = stampOf(this.#path);
    if (stamp !== this.#stamp) this.#hashAgain();
    const digests = await digester.finish(this.#hashed(this.lengthBytes));
    if (digests?.sha256 === undefined || stampOf(this.#path) !== stamp) return undefined;
    const body = this.#body({ sha256: digests.sha256, sha512: digests.sha512 });
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

  #hashed(endBytes: number): HashedFile {
    const digests = this.#withSha512 ? (['sha256', 'sha512'] as const) : (['sha256'] as const);
    return { name: this.#name, path: this.#path, lengthBytes: this.lengthBytes, endBytes, digests };
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

function fullBits(lengthBytes: number): Uint8Array {
  const bits = emptyBits(lengthBytes);
  for (let index = 0; index < pieceCount(lengthBytes); index += 1) setBit(bits, index);
  return bits;
}
