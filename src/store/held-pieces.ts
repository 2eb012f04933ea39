import { statSync } from 'node:fs';
import type { Sha256 } from '../domain/digest.js';
import { XError } from '../domain/errors.js';
import { pieceCount } from '../domain/piece.js';
import { removeFile, type StoreContext } from './context.js';
import type { PendingPieces } from './direct-run.js';
import type { FileStamp } from './file-stamp.js';
import {
  carryOver,
  clearBit,
  countBits,
  emptyBits,
  hasBit,
  setBit,
  type PartialRow,
} from './partial-rows.js';

/** The file that pieces went to, and its stamp where nobody else touched it. */
export interface WrittenFile {
  inode: number;
  stamp: FileStamp | undefined;
}

/** A blob's bytes under one tree. */
export interface PiecedBytes {
  sha256: Sha256;
  lengthBytes: number;
  /** Hex. */
  root: string;
  leaves: readonly Uint8Array[];
}

/**
 * Which pieces of a blob are held, as the catalog has it. Other processes may write the same blob: what
 * both have is joined there, under its lock, and what this one knows is as of its last look.
 */
export class HeldPieces {
  readonly #context: StoreContext;
  readonly #blob: PiecedBytes;
  #bits: Uint8Array;
  #count: number;

  constructor(context: StoreContext, blob: PiecedBytes) {
    this.#context = context;
    this.#blob = blob;
    this.#bits = this.#before();
    this.#count = countBits(this.#bits);
  }

  has(index: number): boolean {
    return hasBit(this.#bits, index);
  }

  get count(): number {
    return this.#count;
  }

  /** A bit a piece, lowest bit first. */
  get bits(): Uint8Array {
    return this.#bits;
  }

  /** Bytes that belong to another tree must not touch the file. */
  requireSameTree(): PartialRow | undefined {
    const { sha256, root } = this.#blob;
    const row = this.#context.partials.get(sha256);
    if (row === undefined || row.root === root) return row;
    throw new XError('INCOMPLETE', `blob ${sha256} was begun again under another tree`, {
      hint: 'Its pieces are being fetched under that one.',
    });
  }

  /** Marks pieces that are flushed. False where the file that was written is not the partial's any more. */
  async add(group: readonly PendingPieces[], written: WrittenFile): Promise<boolean> {
    const held = await this.#context.db.write(() => this.#enter(group, written));
    if (held !== undefined) this.#adopt(held);
    return held !== undefined;
  }

  /** Takes back the mark of a piece that is not there after all. */
  lose(index: number): void {
    const { db, partials } = this.#context;
    const { sha256, root } = this.#blob;
    const held = db.writeNow(() => {
      const row = partials.get(sha256);
      const bits = row?.held.slice() ?? this.#bits.slice();
      clearBit(bits, index);
      if (row?.root === root) partials.setHeld(sha256, bits);
      return bits;
    });
    this.#adopt(held);
  }

  /** Removes file and row. */
  async forget(): Promise<void> {
    const { db, layout, partials } = this.#context;
    const { sha256, lengthBytes } = this.#blob;
    await db.write(() => {
      removeFile(layout.partial(sha256));
      partials.delete(sha256);
    });
    this.#adopt(emptyBits(lengthBytes));
  }

  #adopt(held: Uint8Array): void {
    this.#bits = held;
    this.#count = countBits(held);
  }

  /** What an earlier process left, as far as this tree agrees with the one it was written under. */
  #before(): Uint8Array {
    const { db, partials, rows } = this.#context;
    const { sha256, root, lengthBytes, leaves } = this.#blob;
    const row = partials.get(sha256);
    if (row === undefined) return emptyBits(lengthBytes);
    if (row.root === root && row.lengthBytes === lengthBytes) return row.held.slice();
    return db.writeNow(() => {
      const held = carryOver(row, rows.tree(sha256) ?? [], leaves, lengthBytes);
      partials.save(sha256, this.#row(held, row.stamp), leaves);
      return held;
    });
  }

  #row(held: Uint8Array, stamp: FileStamp | undefined): PartialRow {
    const { lengthBytes, root } = this.#blob;
    return { lengthBytes, root, held, stamp };
  }

  /** Inside a transaction. Undefined where the file is not the partial's any more. */
  #enter(group: readonly PendingPieces[], { inode, stamp }: WrittenFile): Uint8Array | undefined {
    const { layout, partials, rows } = this.#context;
    const { sha256, lengthBytes, leaves } = this.#blob;
    const path = layout.partial(sha256);
    if (rows.get(sha256) !== undefined) {
      // Another process finished it: the file made here is one too many.
      removeFile(path);
      return fullBits(lengthBytes);
    }
    if (statSync(path, { throwIfNoEntry: false })?.ino !== inode) return undefined;
    const row = this.requireSameTree();
    const held = row?.held.slice() ?? emptyBits(lengthBytes);
    for (const { first, pieces } of group) {
      pieces.forEach((_, at) => {
        setBit(held, first + at);
      });
    }
    if (row === undefined) partials.save(sha256, this.#row(held, stamp), leaves);
    else {
      partials.setHeld(sha256, held);
      partials.setStamp(sha256, stamp);
    }
    return held;
  }
}

function fullBits(lengthBytes: number): Uint8Array {
  const bits = emptyBits(lengthBytes);
  for (let index = 0; index < pieceCount(lengthBytes); index += 1) setBit(bits, index);
  return bits;
}
