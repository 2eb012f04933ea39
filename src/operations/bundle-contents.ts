import type { BundleEntry, Manifest } from '../domain/bundle.js';
import { XError } from '../domain/errors.js';
import type { Catalog } from '../ports/catalog.js';
import type { Clock } from '../ports/clock.js';
import type { OpenVolume, VolumeReader } from '../ports/volume.js';
import { checkMetadata, type CheckedMetadata } from '../trust/check.js';
import { isPinned } from './accept-metadata.js';
import { trustedNow } from './trusted-now.js';
import { findBundle } from './find-bundle.js';
import { volumeClaim, volumeMetadata } from './volume-content.js';

export interface ContentsDeps {
  catalog: Catalog;
  clock: Pick<Clock, 'now'>;
  reader: VolumeReader;
}

/** What the signed metadata of one version of a bundle says, wherever it lies. */
export interface BundleContents {
  /** As the user named it. */
  what: string;
  bundle: string;
  source: string;
  version: number;
  signedAt: string;
  expiresAt: string;
  /** SHA-256 of the snapshot: names this exact set. */
  digest: string;
  /** Whether this machine trusts the source. */
  isPinned: boolean;
  entries: readonly BundleEntry[];
}

/**
 * Reads what a bundle holds: one of this machine by its name or id, or volumes and folders of them,
 * whose signatures are checked. Of several versions in a folder the newest counts.
 * @throws XError BUNDLE_NOT_FOUND, INPUT_NOT_FOUND, USAGE where a folder holds several bundles, and
 *   as checkMetadata.
 */
export async function readContents(
  deps: ContentsDeps,
  what: { bundle: string } | { path: string },
): Promise<BundleContents> {
  return 'bundle' in what ? heldContents(deps, what.bundle) : volumeContents(deps, what.path);
}

function heldContents({ catalog }: ContentsDeps, name: string): BundleContents {
  const record = findBundle(catalog, name);
  return {
    ...fieldsOf({ ...record, digest: record.manifestDigest }),
    what: name,
    isPinned: true,
    bundle: record.name,
    entries: [...catalog.entries(record.id)].sort((a, b) => (a.path < b.path ? -1 : 1)),
  };
}

async function volumeContents(deps: ContentsDeps, path: string): Promise<BundleContents> {
  const { reader, catalog } = deps;
  const volumes = await reader.list(path);
  let newest: Manifest | undefined;
  for (const file of volumes) {
    const volume = await reader.open(file);
    try {
      const manifest = await manifestOf(deps, volume);
      if (newest !== undefined && isOther(newest, manifest)) throw severalBundles(path);
      if (newest === undefined || manifest.version > newest.version) newest = manifest;
    } finally {
      await volume.close();
    }
  }
  if (newest === undefined) {
    throw new XError('INPUT_NOT_FOUND', `no volumes in ${path}`, {
      hint: 'Volumes are the *.x.zip files that x export writes.',
    });
  }
  return {
    ...fieldsOf(newest),
    what: path,
    isPinned: isPinned(catalog, newest.source),
    bundle: newest.bundle,
    entries: newest.entries,
  };
}

function fieldsOf(from: Omit<Manifest, 'entries' | 'bundle'>) {
  const { source, version, signedAt, expiresAt, digest } = from;
  return { source, version, signedAt, expiresAt, digest };
}

async function manifestOf(deps: ContentsDeps, volume: OpenVolume): Promise<Manifest> {
  const { now } = trustedNow(deps);
  const claim = await volumeClaim(volume);
  const files = volumeMetadata(volume);
  const checked = await checkMetadata({ ...claim, files, now, acceptStale: true });
  return (checked as CheckedMetadata).manifest;
}

function isOther(a: Manifest, b: Manifest): boolean {
  return a.bundle !== b.bundle || a.source !== b.source;
}

function severalBundles(path: string): XError {
  return new XError('USAGE', `${path} holds volumes of several bundles`, {
    hint: 'Name one volume instead of the folder.',
  });
}
