import type { Manifest } from '../domain/bundle.js';
import type { BundleRecord, Catalog } from '../ports/catalog.js';

/** The manifest that the catalog holds for a bundle. */
export function manifestOf(record: BundleRecord, catalog: Catalog): Manifest {
  return {
    bundle: record.name,
    source: record.source,
    version: record.version,
    digest: record.manifestDigest,
    signedAt: record.signedAt,
    expiresAt: record.expiresAt,
    graceDays: record.graceDays,
    entries: [...catalog.entries(record.id)],
  };
}
