import type { PieceManifest } from '../domain/bundle.js';
import { PieceEntries } from '../domain/piece-entries.js';
import type { BundleRecord, Catalog } from '../ports/catalog.js';

/** The manifest that the catalog holds for a bundle, as far as those need it who move it. */
export function manifestOf(record: BundleRecord, catalog: Catalog): PieceManifest {
  return {
    bundle: record.name,
    source: record.source,
    version: record.version,
    digest: record.manifestDigest,
    signedAt: record.signedAt,
    expiresAt: record.expiresAt,
    graceDays: record.graceDays,
    entries: PieceEntries.of(catalog.pieceEntries(record.id)),
  };
}
