import { existsSync, rmSync, statSync } from 'node:fs';
import type { Sha256 } from '../domain/digest.js';
import type { DirectFiles } from '../ports/direct-files.js';
import type { BlobRows } from './blob-rows.js';
import type { DamagedRows } from './damaged-rows.js';
import type { CatalogDatabase } from './database.js';
import type { FileDigester } from './file-digester.js';
import type { Layout } from './layout.js';
import type { OpenFiles } from './open-files.js';
import type { PartialRows } from './partial-rows.js';
import { WriterLease } from './writer-lease.js';

/** What every part of one open store shares. */
export interface StoreContext {
  layout: Layout;
  db: CatalogDatabase;
  rows: BlobRows;
  partials: PartialRows;
  damaged: DamagedRows;
  files: OpenFiles;
  digester: FileDigester;
  /** Where there is none, everything is read through the page cache. */
  direct: DirectFiles | undefined;
  /** Taken at the first write: a process that only reads leaves no trace. */
  lease(): WriterLease;
  now(): Date;
  /** Told of every blob or piece that was held and turned out rotten or gone. */
  onDamage(damage: Damage): void;
}

export interface Damage {
  sha256: string;
  /** The piece, where only that one is lost. */
  piece: number | undefined;
  reason: string;
}

export function lazyLease(layout: Layout): { get: () => WriterLease; release: () => void } {
  let lease: WriterLease | undefined;
  return {
    get: () => (lease ??= WriterLease.take(layout.writers)),
    release: () => {
      lease?.release();
      lease = undefined;
    },
  };
}

/** Whether a blob is in the catalog, and its file, if it has one, is there in full length. */
export function isHeldOnDisk({ layout, rows }: StoreContext, sha256: Sha256): boolean {
  const row = rows.get(sha256);
  if (row === undefined) return false;
  if (row.place !== undefined) return existsSync(layout.pack(row.place.pack));
  const stat = statSync(layout.blob(sha256), { throwIfNoEntry: false });
  return stat?.size === row.lengthBytes;
}

export function removeFile(path: string): void {
  rmSync(path, { force: true });
}
