import { createHash } from 'node:crypto';
import { closeSync, openSync, readSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';

/** A row of a data folder's catalog, and where its bytes lie. */
export interface Placed {
  path: string;
  sha256: string;
  lengthBytes: number;
  /** The file, and where in it. */
  file: string;
  offset: number;
}

/** The whole blobs of a data folder, by the path that its bundle gives them. */
export function placedBlobs(folder: string): Placed[] {
  return withCatalog(folder, (sql) =>
    sql
      .prepare<[], Row>(
        `SELECT entries.path, lower(hex(blobs.sha256)) AS sha256, blobs.length, pack, offset
           FROM blobs JOIN entries USING (sha256) ORDER BY entries.path`,
      )
      .all()
      .map(({ path, sha256, length, pack, offset }) => ({
        path,
        sha256,
        lengthBytes: length,
        file:
          pack === null
            ? join(folder, 'blobs', sha256.slice(0, 2), sha256)
            : join(folder, 'packs', `${pack}.pack`),
        offset: offset ?? 0,
      })),
  );
}

interface Row {
  path: string;
  sha256: string;
  length: number;
  pack: number | null;
  offset: number | null;
}

/** The blob of a bundle path that has this in it. */
export function blobOf(folder: string, word: string): Placed {
  const found = placedBlobs(folder).find(({ path }) => path.includes(word));
  if (found === undefined) throw new Error(`no whole blob of ${word} in ${folder}`);
  return found;
}

/** Held pieces, as `sha256 index`; a blob in a pack or of one piece has the index 0. */
export function heldPieces(folder: string): Set<string> {
  return withCatalog(folder, (sql) => {
    const held = new Set<string>();
    const blobs = sql.prepare<[], { sha256: string; length: number }>(
      'SELECT lower(hex(sha256)) AS sha256, length FROM blobs',
    );
    for (const { sha256, length } of blobs.all())
      for (let i = 0; i < Math.ceil(length / PIECE_BYTES); i++) held.add(`${sha256} ${i}`);
    const partials = sql.prepare<[], { sha256: string; length: number; held: Buffer }>(
      'SELECT lower(hex(sha256)) AS sha256, length, held FROM partials',
    );
    for (const row of partials.all())
      for (let i = 0; i < Math.ceil(row.length / PIECE_BYTES); i++)
        if (((row.held[i >> 3] ?? 0) >> (i & 7)) & 1) held.add(`${row.sha256} ${i}`);
    return held;
  });
}

export const PIECE_BYTES = 256 << 10;

/** Bytes of the pieces that are held. */
export function heldBytes(folder: string): number {
  return withCatalog(folder, (sql) => {
    let bytes = 0;
    for (const { length } of sql.prepare<[], { length: number }>('SELECT length FROM blobs').all())
      bytes += length;
    const partials = sql.prepare<[], { length: number; held: Buffer }>(
      'SELECT length, held FROM partials',
    );
    for (const { length, held } of partials.all())
      for (let i = 0; i * PIECE_BYTES < length; i++)
        if (((held[i >> 3] ?? 0) >> (i & 7)) & 1)
          bytes += Math.min(PIECE_BYTES, length - i * PIECE_BYTES);
    return bytes;
  });
}

function withCatalog<T>(folder: string, work: (sql: Database.Database) => T): T {
  const sql = new Database(join(folder, 'catalog.sqlite'), { readonly: true, timeout: 5_000 });
  try {
    return work(sql);
  } finally {
    sql.close();
  }
}

/** Flips the lowest bit of one byte, as a disk that rots would. */
export function flipBit(file: string, offset: number): void {
  const handle = openSync(file, 'r+');
  try {
    const byte = Buffer.alloc(1);
    if (readSync(handle, byte, 0, 1, offset) !== 1) throw new Error(`${file} ends at ${offset}`);
    byte[0] = (byte[0] ?? 0) ^ 1;
    writeSync(handle, byte, 0, 1, offset);
  } finally {
    closeSync(handle);
  }
}

/** Flips a bit in the middle of a blob. */
export function damage(blob: Placed): void {
  flipBit(blob.file, blob.offset + (blob.lengthBytes >> 1));
}

export function sha256Of(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}
