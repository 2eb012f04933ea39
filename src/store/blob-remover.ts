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

  /** Returns the pack that went with it, if one did. */
  remove(sha256: Sha256): Promise<number | undefined> {
    const { layout, db, rows } = this.#context;
    return db.write(() => {
      const row = rows.get(sha256);
      if (row === undefined) return undefined;
      rows.delete(sha256);
      if (row.place === undefined) removeFile(layout.blob(sha256));
      else if (this.#emptyPack.get(row.place.pack, row.place.pack) !== undefined) {
        removeFile(layout.pack(row.place.pack));
        return row.place.pack;
      }
      return undefined;
    });
  }
}
