import { BOUNDS } from '../domain/bounds.js';
import type { Digests } from '../domain/digest.js';
import { XError } from '../domain/errors.js';
import type { PieceEntry } from '../domain/bundle.js';
import type { Marked, MarkedFiles } from '../ports/marked-files.js';
import type { ReadableBlobs, Store, StoredBlob } from '../ports/store.js';

export interface TakeMarkedDeps {
  store: Pick<Store, 'put'>;
  marked: Pick<ReadableBlobs, 'open'>;
}

/**
 * Copies a marked file into the store. Undefined where it is no longer what it was, or has another of
 * the digests than is expected: then it has to come from elsewhere.
 * @throws XError DISK_FULL, IO_FAILED.
 */
export async function takeMarked(
  { store, marked }: TakeMarkedDeps,
  { sha256, lengthBytes }: Pick<StoredBlob, 'sha256' | 'lengthBytes'>,
  digests: Digests,
): Promise<StoredBlob | undefined> {
  try {
    return await store.put(marked.open(sha256), {
      digests: { ...digests, sha256 },
      lengthBytes,
      maxBytes: BOUNDS.artifactBytes,
    });
  } catch (error) {
    const isOther = error instanceof XError && /STORE_DAMAGED|DIGEST_MISMATCH/.test(error.code);
    if (isOther) return undefined;
    throw error;
  }
}

/** Copies what some entries name, the store lacks and marked files have. */
export async function takeAllMarked(
  deps: {
    store: Pick<Store, 'put' | 'stat'>;
    marked: Pick<MarkedFiles, 'open' | 'stat' | 'totals'>;
  },
  entries: Iterable<PieceEntry>,
  signal: AbortSignal,
): Promise<Marked> {
  const taken = { files: 0, bytes: 0 };
  if (deps.marked.totals().files === 0) return taken;
  for (const { sha256, sha512, lengthBytes } of entries) {
    if (signal.aborted) break;
    if (deps.store.stat(sha256) !== undefined) continue;
    const found = deps.marked.stat(sha256);
    if (found?.lengthBytes !== lengthBytes) continue;
    const blob = await takeMarked(deps, found, sha512 === undefined ? {} : { sha512 });
    if (blob === undefined) continue;
    taken.files += 1;
    taken.bytes += lengthBytes;
  }
  return taken;
}
