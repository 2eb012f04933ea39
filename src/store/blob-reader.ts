import { createHash } from 'node:crypto';
import { existsSync, statSync } from 'node:fs';
import { open, type FileHandle } from 'node:fs/promises';
import type { Sha256 } from '../domain/digest.js';
import { systemCodeOf, XError } from '../domain/errors.js';
import { leafHash, PIECE_SIZE_BYTES, pieceLengthBytes } from '../domain/piece.js';
import { samePlace, type BlobRow } from './blob-rows.js';
import { asStoreError } from './disk-errors.js';
import { readExactly } from './durable-file.js';
import { removeFile, type StoreContext } from './context.js';

/** A piece as it came from the disk, with what was wrong with it. */
type ReadPiece = { bytes: Uint8Array } | { damage: string };

/** Reads whole blobs, and believes nothing that does not hash to its leaf. */
export class BlobReader {
  readonly #context: StoreContext;
  /** Packs stay open: opening costs more than reading a small blob. One is at most BOUNDS.packFileBytes. */
  readonly #packs = new Map<number, Promise<FileHandle>>();

  constructor(context: StoreContext) {
    this.#context = context;
  }

  /** @see Store.open */
  async *open(sha256: Sha256, range?: { start: number; end: number }): AsyncGenerator<Uint8Array> {
    const row = this.#rowOf(sha256);
    const start = Math.max(0, range?.start ?? 0);
    const end = Math.min(row.lengthBytes, range?.end ?? row.lengthBytes);
    if (start >= end) return;
    const file = await this.#fileOf(row);
    try {
      yield* this.#pieces(row, file, start, end);
    } finally {
      if (row.place === undefined) await file.close();
    }
  }

  /** Lets go of a pack that was deleted, so that its space is free. */
  async closePack(number: number): Promise<void> {
    const pack = this.#packs.get(number);
    this.#packs.delete(number);
    await (await pack)?.close();
  }

  async close(): Promise<void> {
    for (const number of [...this.#packs.keys()]) await this.closePack(number);
  }

  /** Hashes a whole blob again. False, and forgotten, where it is not what its name says. */
  async verify(sha256: Sha256): Promise<boolean> {
    const hash = createHash('sha256');
    try {
      for await (const bytes of this.open(sha256)) hash.update(bytes);
      if (hash.digest('hex') === sha256) return true;
      const path = this.#context.layout.blob(sha256);
      const inode = existsSync(path) ? statSync(path).ino : undefined;
      this.#drop(this.#rowOf(sha256), inode, 'its bytes do not hash to its name');
    } catch (error) {
      if (!(error instanceof XError) || error.code !== 'STORE_DAMAGED') throw error;
    }
    return false;
  }

  async *#pieces(
    row: BlobRow,
    file: FileHandle,
    start: number,
    end: number,
  ): AsyncGenerator<Uint8Array> {
    const leaves = this.#context.rows.leavesOf(row) ?? [];
    const last = Math.floor((end - 1) / PIECE_SIZE_BYTES);
    let index = Math.floor(start / PIECE_SIZE_BYTES);
    let next: Promise<ReadPiece> | undefined = this.#piece(row, file, index, leaves[index]);
    while (next !== undefined) {
      const piece = await next;
      // One piece is read ahead while the caller has this one.
      next = index < last ? this.#piece(row, file, index + 1, leaves[index + 1]) : undefined;
      if ('damage' in piece) throw this.#drop(row, await inodeOf(file), piece.damage);
      const at = index * PIECE_SIZE_BYTES;
      yield piece.bytes.subarray(Math.max(0, start - at), Math.min(piece.bytes.length, end - at));
      index += 1;
    }
  }

  async #piece(
    row: BlobRow,
    file: FileHandle,
    index: number,
    leaf: Uint8Array | undefined,
  ): Promise<ReadPiece> {
    const base = row.place?.offset ?? 0;
    const position = base + index * PIECE_SIZE_BYTES;
    const bytes = await readExactly(file, position, pieceLengthBytes(row.lengthBytes, index));
    if (bytes === undefined) return { damage: `the file ends inside piece ${String(index)}` };
    if (leaf === undefined || Buffer.compare(leafHash(bytes), leaf) !== 0) {
      return { damage: `piece ${String(index)} does not match its hash` };
    }
    return { bytes };
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

  async #fileOf(row: BlobRow): Promise<FileHandle> {
    const { layout } = this.#context;
    try {
      if (row.place === undefined) return await open(layout.blob(row.sha256), 'r');
      return await this.#packFile(row.place.pack);
    } catch (error) {
      if (systemCodeOf(error) !== 'ENOENT') throw asStoreError(error, layout.folder);
      throw this.#drop(row, undefined, 'its file is gone');
    }
  }

  async #packFile(number: number): Promise<FileHandle> {
    const known = this.#packs.get(number);
    if (known !== undefined) return known;
    const opening = open(this.#context.layout.pack(number), 'r');
    this.#packs.set(number, opening);
    try {
      return await opening;
    } catch (error) {
      this.#packs.delete(number);
      throw error;
    }
  }

  /**
   * Forgets a blob that was found damaged, unless somebody has replaced it since.
   * @param inode of the file that was read.
   * @returns the error to throw.
   */
  #drop(row: BlobRow, inode: number | undefined, reason: string): XError {
    const { layout, db, rows, damaged, onDamage } = this.#context;
    const path = layout.blob(row.sha256);
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

async function inodeOf(file: FileHandle): Promise<number> {
  return (await file.stat()).ino;
}
