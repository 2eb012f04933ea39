import type Database from 'better-sqlite3';
import { isDigest, type Sha256 } from '../domain/digest.js';
import { pieceCount } from '../domain/piece.js';
import { key, type BlobRows } from './blob-rows.js';
import type { CatalogDatabase } from './database.js';
import type { FileStamp } from './file-stamp.js';

/** A partial as the catalog knows it. */
export interface PartialRow {
  lengthBytes: number;
  /** Hex. */
  root: string;
  /** A bit a piece, lowest bit first. */
  held: Uint8Array;
  /** The file's when what is held of it was last known to be right; undefined: it has to be read. */
  stamp: FileStamp | undefined;
}

interface RawPartial {
  sha256: Buffer;
  length: number;
  root: Buffer;
  held: Buffer;
  stamp: string | null;
}

/** The catalog's rows of blobs in pieces. Writes belong inside a transaction. */
export class PartialRows {
  readonly #db: CatalogDatabase;
  readonly #blobs: BlobRows;
  readonly #get: Database.Statement<[Buffer], RawPartial>;
  readonly #all: Database.Statement<[], RawPartial>;
  readonly #insert: Database.Statement<[Buffer, number, Buffer, Uint8Array, string | null]>;
  readonly #setHeld: Database.Statement<[Uint8Array, Buffer]>;
  readonly #setStamp: Database.Statement<[string | null, Buffer]>;
  readonly #delete: Database.Statement<[Buffer]>;

  constructor(db: CatalogDatabase, blobs: BlobRows) {
    const { sql } = db;
    this.#db = db;
    this.#blobs = blobs;
    this.#get = sql.prepare('SELECT * FROM partials WHERE sha256 = ?');
    this.#all = sql.prepare('SELECT * FROM partials ORDER BY sha256');
    this.#insert = sql.prepare(
      'INSERT OR REPLACE INTO partials (sha256, length, root, held, stamp) VALUES (?, ?, ?, ?, ?)',
    );
    this.#setHeld = sql.prepare('UPDATE partials SET held = ? WHERE sha256 = ?');
    this.#setStamp = sql.prepare('UPDATE partials SET stamp = ? WHERE sha256 = ?');
    this.#delete = sql.prepare('DELETE FROM partials WHERE sha256 = ?');
  }

  get(sha256: Sha256): PartialRow | undefined {
    if (!isDigest('sha256', sha256)) return undefined;
    const raw = this.#db.read(() => this.#get.get(key(sha256)));
    if (raw === undefined) return undefined;
    const { length: lengthBytes, root, held, stamp } = raw;
    return { lengthBytes, root: root.toString('hex'), held, stamp: stamp ?? undefined };
  }

  all(): { sha256: Sha256; lengthBytes: number; heldPieces: number }[] {
    return this.#db
      .read(() => this.#all.all())
      .map((raw) => ({
        sha256: raw.sha256.toString('hex'),
        lengthBytes: raw.length,
        heldPieces: countBits(raw.held),
      }));
  }

  save(sha256: Sha256, row: PartialRow, leaves: readonly Uint8Array[]): void {
    this.#insert.run(key(sha256), row.lengthBytes, key(row.root), row.held, row.stamp ?? null);
    this.#blobs.saveTree(sha256, leaves);
  }

  setHeld(sha256: Sha256, held: Uint8Array): void {
    this.#setHeld.run(held, key(sha256));
  }

  setStamp(sha256: Sha256, stamp: FileStamp | undefined): void {
    this.#setStamp.run(stamp ?? null, key(sha256));
  }

  /** Forgets the partial; its tree goes too unless the blob is whole. */
  delete(sha256: Sha256): void {
    this.#delete.run(key(sha256));
    if (this.#blobs.get(sha256) === undefined) this.#blobs.deleteTree(sha256);
  }
}

export function emptyBits(lengthBytes: number): Uint8Array {
  return new Uint8Array(Math.ceil(pieceCount(lengthBytes) / 8));
}

export function hasBit(bits: Uint8Array, index: number): boolean {
  return ((bits[index >> 3] ?? 0) & (1 << (index & 7))) !== 0;
}

export function setBit(bits: Uint8Array, index: number): void {
  bits[index >> 3] = (bits[index >> 3] ?? 0) | (1 << (index & 7));
}

export function clearBit(bits: Uint8Array, index: number): void {
  bits[index >> 3] = (bits[index >> 3] ?? 0) & ~(1 << (index & 7));
}

export function countBits(bits: Uint8Array): number {
  let count = 0;
  for (const byte of bits) for (let rest = byte; rest !== 0; rest &= rest - 1) count += 1;
  return count;
}

/** What of `row` still counts under another tree: the pieces whose leaves are the same. */
export function carryOver(
  row: PartialRow,
  before: readonly Uint8Array[],
  leaves: readonly Uint8Array[],
  lengthBytes: number,
): Uint8Array {
  const held = emptyBits(lengthBytes);
  leaves.forEach((leaf, index) => {
    const old = before[index];
    const same = old !== undefined && Buffer.compare(old, leaf) === 0;
    if (same && hasBit(row.held, index)) setBit(held, index);
  });
  return held;
}
