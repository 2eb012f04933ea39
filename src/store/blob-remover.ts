import type Database from 'better-sqlite3';
import type { Sha256 } from '../domain/digest.js';
import { removeFile, type StoreContext } from './context.js';

/**
 * Forgets whole blobs. The file goes while the catalog's write lock is held, so no other process can
 * enter the same blob in between. A blob in a pack leaves a hole; the pack's last one takes it along,
 * unless somebody is still appending to it.
 */
export class BlobRemover {
  readonly #context: StoreContext;
  readonly #emptyPack: Database.Statement<[number, number], { number: number }>;

  constructor(context: StoreContext) {
    this.#context = context;
    this.#emptyPack = context.db.sql.prepare(
      `DELETE FROM packs WHERE number = ? AND writer IS NULL
         AND NOT EXISTS (SELECT 1 FROM blobs WHERE pack = ?)
       RETURNING number`,
    );
  }

  async remove(sha256: Sha256): Promise<void> {
    const { layout, db, rows, files } = this.#context;
    const removed = await db.write(() => {
      const row = rows.get(sha256);
      if (row === undefined) return undefined;
      rows.delete(sha256);
      const { pack } = row.place ?? {};
      if (pack !== undefined && this.#emptyPack.get(pack, pack) === undefined) return undefined;
      const path = pack === undefined ? layout.blob(sha256) : layout.pack(pack);
      removeFile(path);
      return path;
    });
    if (removed !== undefined) files.forget(removed);
  }
}
