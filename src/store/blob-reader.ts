import { createHash } from 'node:crypto';
import { constants, existsSync, fstatSync, statSync } from 'node:fs';
import type { FileHandle } from 'node:fs/promises';
import { BOUNDS } from '../domain/bounds.js';
import type { Sha256 } from '../domain/digest.js';
import { systemCodeOf, XError } from '../domain/errors.js';
import { joined, PIECE_SIZE_BYTES } from '../domain/piece.js';
import type { DirectFiles } from '../ports/direct-files.js';
import { key, samePlace, type BlobRow } from './blob-rows.js';
import { CheckedPieces, whatIsWrong, type RunOfPieces } from './checked-pieces.js';
import { asStoreError } from './disk-errors.js';
import { readUpTo } from './durable-file.js';
import { removeFile, type StoreContext } from './context.js';
import type { TakenFile } from './open-files.js';
import { extentsOf, isPacked, type PackExtent } from './pack-extents.js';
import { RunMemory } from './run-memory.js';

/** From this length on a blob is read from the disk itself by who goes through it once. */
const DIRECT_BYTES = 4 << 20;

/** Runs that are read before they are asked for, where their memory is lent. */
const RUNS_AHEAD = 3;
/** The page cache answers at once. */
const SHARED_RUNS_AHEAD = 1;

interface DirectBlob extends Pick<DirectFiles, 'take' | 'give'> {
  handle: FileHandle;
}

/** Reads whole blobs, and believes nothing that does not hash to its leaf. */
export class BlobReader {
  readonly #context: StoreContext;
  readonly #memory = new RunMemory(BOUNDS.runBytes);
  readonly #pieces: CheckedPieces;
  /** Reads that are under way. */
  #readers = 0;

  constructor(context: StoreContext) {
    this.#context = context;
    this.#pieces = new CheckedPieces(() => context.now());
  }

  /** @see Store.open */
  open(
    sha256: Sha256,
    range?: { start: number; end: number },
    into?: Uint8Array,
  ): AsyncGenerator<Uint8Array> {
    return this.#read(sha256, range, { memory: undefined, isNoted: true, into });
  }

  /** @see Store.stream */
  stream(
    sha256: Sha256,
    range?: { start: number; end: number },
    isShared = false,
  ): AsyncGenerator<Uint8Array> {
    // Who goes through a blob once wants what is on the disk, and nothing of it counts as checked lately.
    return this.#read(sha256, range, {
      memory: this.#memory,
      isNoted: isShared,
      into: undefined,
    });
  }

  /** @see Store.readSmall */
  async readSmall(sha256s: readonly Sha256[]): Promise<(Uint8Array | undefined)[]> {
    const rows = this.#context.rows.getAll(sha256s).filter((row) => row !== undefined);
    const found = new Map<Sha256, Uint8Array>();
    await Promise.all([
      ...extentsOf(rows.filter(isPacked)).map((extent) => this.#readExtent(extent, found)),
      ...rows.filter((row) => !isPacked(row)).map((row) => this.#readAlone(row, found)),
    ]);
    return sha256s.map((sha256) => found.get(sha256));
  }

  async #readExtent(extent: PackExtent, found: Map<Sha256, Uint8Array>): Promise<void> {
    const bytes = await this.#bytesOf(extent);
    for (const row of extent.blobs) {
      const start = row.place.offset - extent.offset;
      const piece = bytes.subarray(start, start + row.lengthBytes);
      // What is wrong with one is found out, and the blob dropped, by reading it alone.
      if (whatIsWrong(row, 0, piece, key(row.pieceRoot)) === undefined)
        found.set(row.sha256, piece);
      else await this.#readAlone(row, found);
    }
  }

  /** Fewer where the pack ends before, or cannot be read. */
  async #bytesOf({ blobs, offset, lengthBytes }: PackExtent): Promise<Uint8Array> {
    const { layout, files } = this.#context;
    const path = layout.pack(blobs[0]?.place.pack ?? -1);
    return files
      .use(path, constants.O_RDONLY, (file) => readUpTo(file, offset, lengthBytes))
      .catch(() => new Uint8Array(0));
  }

  async #readAlone({ sha256 }: BlobRow, found: Map<Sha256, Uint8Array>): Promise<void> {
    try {
      const pieces: Uint8Array[] = [];
      for await (const piece of this.open(sha256)) pieces.push(piece);
      found.set(sha256, joined(pieces));
    } catch (error) {
      // Whatever the reason, what cannot be read is not held.
      if (!(error instanceof XError)) throw error;
    }
  }

  async *#read(
    sha256: Sha256,
    range: { start: number; end: number } | undefined,
    { memory, isNoted, into: partMemory }: WayOfReading,
  ): AsyncGenerator<Uint8Array> {
    const row = this.#rowOf(sha256);
    const start = Math.max(0, range?.start ?? 0);
    const end = Math.min(row.lengthBytes, range?.end ?? row.lengthBytes);
    if (start >= end) return;
    // First, since a damaged catalog throws here, and a file that was taken must be released.
    const leaves = this.#context.rows.packedLeavesOf(row) ?? new Uint8Array(0);
    const file = await this.#take(row);
    const part = memory
      ? undefined
      : await this.#pieces
          .readPart(row, file.handle, leaves, { start, end, into: partMemory })
          .catch(letGo(file));
    if (part !== undefined) {
      file.release();
      yield part;
      return;
    }
    const direct = isNoted ? undefined : await this.#openDirect(row, file);
    const last = Math.floor((end - 1) / PIECE_SIZE_BYTES);
    const lent = direct ?? memory;
    const ahead = isNoted ? SHARED_RUNS_AHEAD : RUNS_AHEAD;
    const mine = lent === undefined ? [] : Array.from({ length: ahead + 1 }, () => lent.take());
    const reading: Promise<RunOfPieces>[] = [];
    let next = Math.floor(start / PIECE_SIZE_BYTES);
    const readAhead = (): void => {
      // Where many read at once, each has less in memory.
      const isCrowded = lent === undefined && this.#readers > BOUNDS.readersOfLongRuns;
      const count = isCrowded ? 1 : BOUNDS.runPieces;
      for (; next <= last && reading.length < ahead; next += count) {
        // The one that was used longest ago: what the caller has is the last that was read.
        const into = mine.shift();
        if (into !== undefined) mine.push(into);
        const from = { first: next, last, count, into, direct: direct?.handle, isNoted };
        const run = this.#pieces.readRun(row, file.handle, leaves, from);
        // Its turn comes to be awaited; until then a failure is not unhandled.
        run.catch(() => undefined);
        reading.push(run);
      }
    };
    this.#readers += 1;
    try {
      readAhead();
      for (let run = reading.shift(); run !== undefined; run = reading.shift()) {
        const { pieces, damage } = await run;
        if (!damage) readAhead();
        for (const { bytes, at } of pieces) {
          yield bytes.subarray(Math.max(0, start - at), Math.min(bytes.length, end - at));
        }
        if (damage) throw this.#drop(row, file.inode, damage);
      }
    } finally {
      this.#readers -= 1;
      // A caller that stops early leaves reads under way, which may fail.
      await Promise.allSettled(reading);
      for (const run of mine) lent?.give(run);
      await direct?.handle.close();
      file.release();
    }
  }

  /** Hashes a whole blob again. False, and forgotten, where it is not what its name says. */
  async verify(sha256: Sha256): Promise<boolean> {
    this.#pieces.forget(sha256);
    const hash = createHash('sha256');
    try {
      for await (const bytes of this.stream(sha256)) hash.update(bytes);
      if (hash.digest('hex') === sha256) return true;
      const path = this.#context.layout.blob(sha256);
      const inode = existsSync(path) ? statSync(path).ino : undefined;
      this.#drop(this.#rowOf(sha256), inode, 'its bytes do not hash to its name');
    } catch (error) {
      if (!(error instanceof XError) || error.code !== 'STORE_DAMAGED') throw error;
    }
    return false;
  }

  #rowOf(sha256: Sha256): BlobRow {
    const row = this.#context.rows.get(sha256);
    if (row === undefined) {
      throw new XError('STORE_DAMAGED', `blob ${sha256} is not held`, {
        hint: 'Pull or import it again.',
      });
    }
    return row;
  }

  async #take(row: BlobRow): Promise<TakenFile> {
    const { layout, files } = this.#context;
    const path = row.place === undefined ? layout.blob(row.sha256) : layout.pack(row.place.pack);
    try {
      return await files.take(path, constants.O_RDONLY);
    } catch (error) {
      if (systemCodeOf(error) !== 'ENOENT') throw asStoreError(error, layout.folder);
      throw this.#drop(row, undefined, 'its file is gone');
    }
  }

  /** The same file past the page cache, where that is worth it and can be. */
  async #openDirect(row: BlobRow, file: TakenFile): Promise<DirectBlob | undefined> {
    const { direct, layout } = this.#context;
    if (direct === undefined || row.place !== undefined || row.lengthBytes < DIRECT_BYTES) return;
    // Whatever is wrong shows in the read through the cache.
    const handle = await direct.open(layout.blob(row.sha256)).catch(() => undefined);
    if (handle === undefined) return undefined;
    // What has the name now may be another file than the one that was taken.
    if (fstatSync(handle.fd).ino === file.inode) {
      return { handle, take: () => direct.take(), give: (run) => direct.give(run) };
    }
    await handle.close();
    return undefined;
  }

  /**
   * Forgets a blob that was found damaged, unless somebody has replaced it since.
   * @param inode of the file that was read.
   * @returns the error to throw.
   */
  #drop(row: BlobRow, inode: number | undefined, reason: string): XError {
    const { layout, db, rows, damaged, onDamage } = this.#context;
    const path = layout.blob(row.sha256);
    this.#pieces.forget(row.sha256);
    db.writeNow(() => {
      const current = rows.get(row.sha256);
      if (current === undefined || !samePlace(current.place, row.place)) return;
      if (row.place === undefined) {
        if (existsSync(path) && statSync(path).ino !== inode) return;
        removeFile(path);
      }
      rows.delete(row.sha256);
      damaged.note(row.sha256, reason);
    });
    onDamage({ sha256: row.sha256, piece: undefined, reason });
    return new XError('STORE_DAMAGED', `blob ${row.sha256} was damaged on disk: ${reason}`, {
      hint: 'It was dropped from the store; pull or import it again, and check the disk.',
    });
  }
}

interface WayOfReading {
  /** Lends memory for runs. */
  memory: RunMemory | undefined;
  /** Whether what was verified counts as such for a moment. */
  isNoted: boolean;
  /** Memory for a part of one piece. */
  into: Uint8Array | undefined;
}

/** Releases a file where its use failed. */
function letGo(file: TakenFile): (error: unknown) => never {
  return (error) => {
    file.release();
    throw error;
  };
}
