import { BOUNDS } from '../domain/bounds.js';
import { XError } from '../domain/errors.js';
import type { Catalog, CatalogEntry } from '../ports/catalog.js';
import type { ServedView } from '../ports/ecosystem.js';
import type { Store } from '../ports/store.js';

/** Brings an entry's bytes here; rejects where nobody has them. */
export type Want = (entry: CatalogEntry, signal?: AbortSignal) => Promise<void>;

/** What ecosystems may see of the catalog and the store. */
export function createHeldView(catalog: Catalog, store: Store, want: Want): ServedView {
  // The request behind a read may be over long before anybody has the bytes; its waiter must end too.
  const bring = (entry: CatalogEntry): Promise<void> =>
    want(entry, AbortSignal.timeout(BOUNDS.gatewayWaitForPieceMs));
  return {
    generation: () => catalog.generation(),
    bundles: () => catalog.bundles(),
    entriesByName: (ecosystem, name) => catalog.entriesByName(ecosystem, name),
    entryByPath: (bundleId, path) => catalog.entryByPath(bundleId, path),
    entriesBySha256: (sha256) => catalog.entriesBySha256(sha256),
    names: (ecosystem) => catalog.names(ecosystem),
    async read(entry, maxBytes) {
      if (store.stat(entry.sha256) === undefined) await bring(entry);
      try {
        return await store.read(entry.sha256, maxBytes);
      } catch (error) {
        if (!(error instanceof XError) || error.code !== 'STORE_DAMAGED') throw error;
        // The store has dropped the rotten copy; a sibling or the master may have a good one.
        await bring(entry);
        return await store.read(entry.sha256, maxBytes);
      }
    },
  };
}

/** The `want` of a process that is connected to nobody. */
export const nobodyToAsk: Want = (entry) =>
  Promise.reject(
    new XError('INCOMPLETE', `${entry.path} of bundle ${entry.bundleName} is not here yet`, {
      hint: 'Run `x client --master HOST` or `x import` to bring the rest.',
    }),
  );
