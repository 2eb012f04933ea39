import { existsSync, renameSync } from 'node:fs';
import { mkdir, rename } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { Sha256 } from '../domain/digest.js';
import { XError } from '../domain/errors.js';
import type { StoredBlob } from '../ports/store.js';
import { storedBlob, type PackPlace } from './blob-rows.js';
import type { HashedBody } from './body-hasher.js';
import { removeFile, type StoreContext } from './context.js';
import { syncFolder, syncFolderNow } from './durable-file.js';
import { stampOf } from './file-stamp.js';

/**
 * Gives a complete, flushed file its final name and enters it into the catalog. Between the two a
 * note in the writer's folder says so: after a crash the sweep settles it (see settlePlacing).
 * @param also what else belongs to the same transaction.
 */
export async function placeFile(
  context: StoreContext,
  from: string,
  body: HashedBody,
  also?: () => void,
): Promise<StoredBlob> {
  const { layout, db } = context;
  const final = layout.blob(body.sha256);
  return placing(context, body, async () => {
    await rename(from, final);
    await syncFolder(dirname(final));
    await db.write(() => {
      // A removal holds the write lock while it unlinks, so here the file is there or it is not.
      if (!existsSync(final)) throw removedMeanwhile(final);
      enter(context, body, undefined);
      also?.();
    });
  });
}

/**
 * The same for a partial that is complete. Its file is known to other processes, who may be
 * completing it too: it moves under the catalog's lock, and the second finds it done.
 */
export async function placePartial(context: StoreContext, body: HashedBody): Promise<StoredBlob> {
  const { layout, db, rows } = context;
  const from = layout.partial(body.sha256);
  const final = layout.blob(body.sha256);
  return placing(context, body, async () => {
    await db.write(() => {
      if (rows.get(body.sha256) !== undefined) return;
      if (existsSync(from)) renameSync(from, final);
      else if (!existsSync(final)) throw removedMeanwhile(final);
      syncFolderNow(dirname(final));
      syncFolderNow(layout.partials);
      enter(context, body, undefined);
    });
  });
}

/** Inside a transaction: the blob is whole, so what there is of it in pieces goes. */
export function enter(
  { layout, rows, partials }: StoreContext,
  body: HashedBody,
  place: PackPlace | undefined,
): void {
  rows.insert(body, place, place === undefined ? stampOf(layout.blob(body.sha256)) : undefined);
  if (body.leaves.length < 2 || partials.get(body.sha256) === undefined) return;
  partials.delete(body.sha256);
  removeFile(layout.partial(body.sha256));
}

function removedMeanwhile(path: string): XError {
  return new XError('IO_FAILED', `${path} was removed by another process while it was stored`, {
    hint: 'Run the command again.',
  });
}

async function placing(
  context: StoreContext,
  body: HashedBody,
  work: () => Promise<void>,
): Promise<StoredBlob> {
  const { layout } = context;
  const lease = context.lease();
  lease.beginPlacing(body.sha256);
  try {
    const folder = layout.blobFolder(body.sha256);
    if ((await mkdir(folder, { recursive: true })) !== undefined) await syncFolder(layout.blobs);
    await work();
  } catch (error) {
    settlePlacing(context, body.sha256);
    lease.endPlacing(body.sha256);
    throw error;
  }
  lease.endPlacing(body.sha256);
  return storedBlob(body);
}

/**
 * Undoes a placing that did not reach the catalog: a partial's file goes back to where its pieces
 * are looked for, any other goes away.
 */
export function settlePlacing(context: StoreContext, sha256: Sha256): void {
  const { layout, db, rows, partials } = context;
  db.writeNow(() => {
    const final = layout.blob(sha256);
    if (rows.get(sha256) !== undefined || !existsSync(final)) return;
    const partial = layout.partial(sha256);
    if (partials.get(sha256) !== undefined && !existsSync(partial)) renameSync(final, partial);
    else removeFile(final);
  });
}
