import { join } from 'node:path';
import type { BundleEntry } from '../domain/bundle.js';
import { sha256, type Sha256 } from '../domain/digest.js';
import { XError } from '../domain/errors.js';
import { packLeaves, PIECE_SIZE_BYTES } from '../domain/piece.js';
import type { BundleRecord, Catalog, MetadataFiles } from '../ports/catalog.js';
import type { Clock } from '../ports/clock.js';
import type { ExportLog } from '../ports/export-log.js';
import type { Report } from '../ports/progress.js';
import type { Store } from '../ports/store.js';
import type { OpenVolume, VolumeItem, VolumeReader, VolumeWriter } from '../ports/volume.js';
import { findBundle } from './find-bundle.js';
import type { Recipient } from './find-recipient.js';
import { sha256Of } from './stream-digest.js';
import { volumeClaim } from './volume-content.js';
import {
  blobName,
  INFO_NAME,
  metadataName,
  sliceName,
  treeName,
  VOLUME_FORMAT,
  volumeFileName,
} from './volume-layout.js';
import { planVolumes, type VolumePart } from './volume-plan.js';

/** The largest file that FAT32 holds, what most sticks are sold with. */
export const DEFAULT_VOLUME_BYTES = 2 ** 32 - 1;

/** Room for x-volume.json, whatever its numbers. */
const INFO_BYTES = 1024;

export interface ExportDeps {
  store: Pick<Store, 'stat' | 'open' | 'leaves'>;
  exportLog: Pick<ExportLog, 'noteSent'>;
  clock: Pick<Clock, 'now'>;
  catalog: Pick<Catalog, 'bundles' | 'bundle' | 'entries' | 'metadata'>;
  writer: VolumeWriter;
  reader: VolumeReader;
  report: Report;
}

export interface ExportRequest {
  /** A bundle's name or id. */
  bundle: string;
  /** The folder for the volumes; made where it is missing. */
  to: string;
  volumeSizeBytes?: number | undefined;
  /** For whom it is: what is held there is left out. */
  recipient?: Pick<Recipient, 'name' | 'holds'> | undefined;
  signal?: AbortSignal | undefined;
}

export interface ExportResult {
  record: BundleRecord;
  /** In order; `kept` ones were whole already. */
  volumes: { path: string; sizeBytes: number; state: 'written' | 'kept' }[];
  /** What the recipient holds and the volumes leave out. */
  leftOut: { files: number; bytes: number };
}

/**
 * Writes a bundle as volumes, each usable alone. Run again after a stop, it keeps what is whole.
 * @throws XError BUNDLE_NOT_FOUND, INCOMPLETE where blobs are missing here, USAGE for a volume size
 *   that is too small or a folder that holds another source's volumes, DISK_FULL, IO_FAILED, STORE_DAMAGED.
 */
export async function exportBundle(
  deps: ExportDeps,
  request: ExportRequest,
): Promise<ExportResult> {
  const record = findBundle(deps.catalog, request.bundle);
  const metadata = deps.catalog.metadata(record.id);
  const { recipient } = request;
  const held = heldBlobs(deps, record);
  const blobs = held.filter(({ sha256 }) => recipient?.holds(sha256) !== true);
  const { writer } = deps;
  const fixed = [INFO_NAME, ...[...metadata.keys()].map(metadataName)];
  const fixedBytes =
    fixed.reduce((sum, name) => sum + writer.itemOverheadBytes(name), writer.volumeOverheadBytes) +
    [...metadata.values()].reduce((sum, bytes) => sum + bytes.length, INFO_BYTES);
  const plan = planVolumes({
    blobs,
    volumeSizeBytes: request.volumeSizeBytes ?? DEFAULT_VOLUME_BYTES,
    fixedBytes,
    itemOverheadBytes: (name) => writer.itemOverheadBytes(name),
  });
  const volumes: ExportResult['volumes'] = [];
  const series = recipient && seriesOf(recipient.name, record, blobs);
  for (const [at, parts] of plan.entries()) {
    request.signal?.throwIfAborted();
    const name = volumeFileName(record.name, record.version, at + 1, series);
    const path = join(request.to, name);
    const items = itemsOf(deps, record, metadata, parts, { index: at + 1, count: plan.length });
    const keptBytes = await keptVolume(deps.reader, record, path, items);
    deps.report({ event: 'step', text: `Writing ${name} (${at + 1} of ${plan.length})` });
    if (keptBytes !== undefined) volumes.push({ path, sizeBytes: keptBytes, state: 'kept' });
    else volumes.push({ path, ...(await writer.write(path, items)), state: 'written' });
  }
  if (recipient) {
    const digests = blobs.map(({ sha256 }) => sha256);
    deps.exportLog.noteSent(recipient.name, digests, deps.clock.now().toISOString());
  }
  const left = held.filter((blob) => !blobs.includes(blob));
  const leftBytes = left.reduce((sum, { lengthBytes }) => sum + lengthBytes, 0);
  return { record, volumes, leftOut: { files: left.length, bytes: leftBytes } };
}

/**
 * What tells an export for somebody from others of the same version: for whom, and what it carries.
 * Two that carry different things must not overwrite each other on one stick.
 */
function seriesOf(recipient: string, record: BundleRecord, blobs: readonly BundleEntry[]): string {
  const content = [record.manifestDigest, ...blobs.map(({ sha256 }) => sha256)].join('\n');
  const whom = recipient.startsWith('did:') ? recipient.slice(-8) : recipient;
  return `${whom}-${sha256(content).slice(0, 8)}`;
}

/** Every blob once, in path order. */
function heldBlobs(deps: ExportDeps, record: BundleRecord): BundleEntry[] {
  const blobs = new Map<Sha256, BundleEntry>();
  const missing: string[] = [];
  for (const entry of deps.catalog.entries(record.id)) {
    if (blobs.has(entry.sha256)) continue;
    if (deps.store.stat(entry.sha256) === undefined) missing.push(entry.path);
    blobs.set(entry.sha256, entry);
  }
  if (missing.length > 0) {
    throw new XError(
      'INCOMPLETE',
      `"${record.name}" is not whole here: ${missing.length} of ${blobs.size} files are missing, ${missing[0]} for one`,
      { hint: 'Pull or import the rest first; x verify names what is missing.' },
    );
  }
  return [...blobs.values()];
}

function itemsOf(
  { store }: ExportDeps,
  record: BundleRecord,
  metadata: MetadataFiles,
  parts: readonly VolumePart[],
  place: { index: number; count: number },
): VolumeItem[] {
  const { name: bundle, source, version } = record;
  const info = { format: VOLUME_FORMAT, bundle, source, version, ...place };
  const items = [inMemory(INFO_NAME, Buffer.from(`${JSON.stringify(info)}\n`))];
  for (const [file, bytes] of metadata) items.push(inMemory(metadataName(file), bytes));
  for (const part of parts) {
    const { sha256, lengthBytes } = part;
    if (part.kind === 'blob') {
      items.push({ name: blobName(sha256), lengthBytes, open: () => store.open(sha256) });
      continue;
    }
    const { firstPiece, endPiece } = part;
    const start = firstPiece * PIECE_SIZE_BYTES;
    items.push(
      { name: treeName(sha256), lengthBytes: part.treeBytes, open: () => tree(store, sha256) },
      {
        name: sliceName(sha256, firstPiece, endPiece),
        lengthBytes,
        open: () => store.open(sha256, { start, end: start + lengthBytes }),
      },
    );
  }
  return items;
}

function inMemory(name: string, bytes: Uint8Array): VolumeItem {
  return { name, lengthBytes: bytes.length, open: () => once(bytes) };
}

async function* once(bytes: Uint8Array): AsyncIterable<Uint8Array> {
  yield await Promise.resolve(bytes);
}

async function* tree(store: Pick<Store, 'leaves'>, sha256: Sha256): AsyncIterable<Uint8Array> {
  const leaves = store.leaves(sha256);
  if (leaves === undefined) {
    throw new XError('STORE_DAMAGED', `the hash tree of ${sha256} is lost`, {
      hint: 'Run x verify: it drops what is damaged, so that it is fetched afresh.',
    });
  }
  yield await Promise.resolve(packLeaves(leaves));
}

/**
 * The size of the volume at `path` where it is, byte for byte, what would be written; undefined
 * where it is to be written.
 * @throws XError USAGE where it is another source's.
 */
async function keptVolume(
  reader: VolumeReader,
  record: BundleRecord,
  path: string,
  items: readonly VolumeItem[],
): Promise<number | undefined> {
  let volume: OpenVolume;
  try {
    volume = await reader.open(path);
  } catch (thrown) {
    // Absent or damaged: written afresh. What cannot even be read is the user's to settle.
    const isOurs =
      thrown instanceof XError && ['INPUT_NOT_FOUND', 'VOLUME_DAMAGED'].includes(thrown.code);
    if (isOurs) return undefined;
    throw thrown;
  }
  try {
    await refuseStranger(volume, record);
    const isSame =
      volume.refused.length === 0 &&
      volume.entries.size === items.length &&
      items.every(({ name, lengthBytes }) => volume.entries.get(name)?.lengthBytes === lengthBytes);
    if (!isSame) return undefined;
    for (const item of items) {
      if (!(await holdsSame(volume, item))) return undefined;
    }
    return volume.sizeBytes;
  } finally {
    await volume.close();
  }
}

async function refuseStranger(volume: OpenVolume, record: BundleRecord): Promise<void> {
  let source: string;
  try {
    source = (await volumeClaim(volume)).source;
  } catch (thrown) {
    if (thrown instanceof XError) return;
    throw thrown;
  }
  if (source === record.source) return;
  throw new XError('USAGE', `${volume.path} is a volume of another source, ${source}`, {
    hint: 'Export to an empty folder, or remove that volume first.',
  });
}

/** Both sides are read and compared by digest: a stick that lost a bit is written again. */
async function holdsSame(volume: OpenVolume, item: VolumeItem): Promise<boolean> {
  try {
    const held = await sha256Of(volume.read(item.name));
    const named = /^artifacts\/([0-9a-f]{64})$/.exec(item.name)?.[1];
    return held === (named ?? (await sha256Of(item.open())));
  } catch (thrown) {
    if (thrown instanceof XError && thrown.code === 'VOLUME_DAMAGED') return false;
    throw thrown;
  }
}
