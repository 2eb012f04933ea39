import { join } from 'node:path';
import { BOUNDS } from '../domain/bounds.js';
import type { BundleEntry } from '../domain/bundle.js';
import { sha256, type Sha256 } from '../domain/digest.js';
import { XError } from '../domain/errors.js';
import type { BundleRecord, Catalog } from '../ports/catalog.js';
import type { Clock } from '../ports/clock.js';
import type { ExportLog } from '../ports/export-log.js';
import type { Report } from '../ports/progress.js';
import type { Store } from '../ports/store.js';
import type {
  ErasureCode,
  Medium,
  VolumeItem,
  VolumeReader,
  VolumeWriter,
  WrittenVolume,
} from '../ports/volume.js';
import { ByteProgress } from './byte-progress.js';
import { findBundle } from './find-bundle.js';
import type { Recipient } from './find-recipient.js';
import { parityItems } from './parity.js';
import { layOutExport, type ExportLayout } from './export-layout.js';
import { refuseStrangers, requireRoom } from './export-room.js';
import { metadataItems, partItems } from './volume-items.js';

export interface ExportDeps {
  store: Pick<Store, 'stat' | 'stream' | 'leaves'>;
  exportLog: Pick<ExportLog, 'noteSent'>;
  clock: Pick<Clock, 'now' | 'monotonicMs'>;
  catalog: Pick<Catalog, 'bundles' | 'bundle' | 'entries' | 'metadata'>;
  writer: VolumeWriter;
  reader: VolumeReader;
  medium: Medium;
  /** Needed for parity volumes alone. */
  erasureCode: () => ErasureCode;
  report: Report;
}

export interface ExportRequest {
  /** A bundle's name or id. */
  bundle: string;
  /** The folder for the volumes; made where it is missing. */
  to: string;
  volumeSizeBytes?: number | undefined;
  /** So many volumes may be lost or torn; default none. */
  parity?: number | undefined;
  /** For whom it is: what is held there is left out. */
  recipient?: Pick<Recipient, 'name' | 'holds'> | undefined;
  /** Reads every volume again from the medium; default yes. */
  readBack?: boolean | undefined;
  /** What else is to be written there: it needs room too. */
  beside?: { what: string; bytes: number } | undefined;
  signal?: AbortSignal | undefined;
}

export interface ExportedVolume {
  path: string;
  sizeBytes: number;
  /** `kept` ones were whole already. */
  state: 'written' | 'kept';
  /** Read again from the medium, or through the page cache where it knows no direct reads. */
  readBack: 'direct' | 'cached' | 'none';
}

export interface ExportResult {
  record: BundleRecord;
  /** In order, parity volumes last. */
  volumes: ExportedVolume[];
  /** What the recipient holds and the volumes leave out. */
  leftOut: { files: number; bytes: number };
}

/**
 * Writes a bundle as volumes, each usable alone. Run again after a stop, it keeps what is whole and
 * continues what is not.
 * @throws XError BUNDLE_NOT_FOUND, INCOMPLETE where blobs are missing here, USAGE for a volume size
 *   that is too small or a folder that holds another source's volumes, DISK_FULL before anything is
 *   written where there is no room, IO_FAILED, VOLUME_DAMAGED where the medium loses bytes, STORE_DAMAGED.
 */
export async function exportBundle(
  deps: ExportDeps,
  request: ExportRequest,
): Promise<ExportResult> {
  const record = findBundle(deps.catalog, request.bundle);
  const { recipient } = request;
  const held = heldBlobs(deps, record);
  const blobs = held.filter((blob) => recipient?.holds(blob.sha256) !== true);
  const layout = layOutExport(deps.writer, {
    store: deps.store,
    record,
    metadata: metadataItems(deps.catalog.metadata(record.id)),
    all: held,
    blobs,
    series: recipient && seriesOf(recipient.name, record, blobs),
    volumeSizeBytes: request.volumeSizeBytes ?? BOUNDS.defaultVolumeBytes,
    parity: request.parity ?? 0,
  });
  const release = await deps.medium.reserve(join(request.to, layout.volumes[0]?.name ?? ''));
  let volumes: ExportedVolume[];
  try {
    await refuseStrangers(deps.reader, record, request.to, layout);
    await requireRoom(deps.medium, record, layout, request);
    volumes = await new Export(deps, request, layout).run();
  } finally {
    await release();
  }
  if (recipient) {
    const digests = blobs.map((blob) => blob.sha256);
    deps.exportLog.noteSent(recipient.name, digests, deps.clock.now().toISOString());
  }
  const bytes = totalBytes(held) - totalBytes(blobs);
  return { record, volumes, leftOut: { files: held.length - blobs.length, bytes } };
}

class Export {
  readonly #deps: ExportDeps;
  readonly #request: ExportRequest;
  readonly #layout: ExportLayout;
  readonly #progress: ByteProgress;

  constructor(deps: ExportDeps, request: ExportRequest, layout: ExportLayout) {
    this.#deps = deps;
    this.#request = request;
    this.#layout = layout;
    const written = totalOf(layout);
    const total = this.#readsBack ? 2 * written : written;
    this.#progress = new ByteProgress(deps.report, deps.clock, total);
  }

  async run(): Promise<ExportedVolume[]> {
    const { volumes, parity } = this.#layout;
    const done: { path: string; written: WrittenVolume }[] = [];
    const write = async (name: string, items: VolumeItem[]): Promise<WrittenVolume> => {
      this.#request.signal?.throwIfAborted();
      const path = join(this.#request.to, name);
      const of = volumes.length + parity.length;
      this.#deps.report({ event: 'step', text: `Writing ${name} (${done.length + 1} of ${of})` });
      const written = await this.#deps.writer.write(path, items, {
        onBytes: (count) => this.#progress.add(count),
        strong: parity.length > 0,
        signal: this.#request.signal,
      });
      done.push({ path, written });
      return written;
    };
    const checks: string[][] = [];
    for (const { name, fixed, parts } of volumes) {
      const items = [...fixed, ...partItems(this.#deps.store, parts)];
      checks.push((await write(name, items)).checks);
    }
    if (parity.length > 0) await this.#writeParity(checks, write);
    const result: ExportedVolume[] = [];
    for (const { path, written } of done) {
      const { checks: expected, ...rest } = written;
      result.push({ path, ...rest, readBack: await this.#readBack(path, expected) });
    }
    this.#progress.done();
    return result;
  }

  async #writeParity(
    checks: readonly string[][],
    write: (name: string, items: VolumeItem[]) => Promise<unknown>,
  ): Promise<void> {
    const { volumes, parity } = this.#layout;
    const { store, writer } = this.#deps;
    const itemsOf = ({ fixed, parts }: ExportLayout['volumes'][number]): VolumeItem[] => [
      ...fixed,
      ...partItems(store, parts),
    ];
    const protectedVolumes = volumes.map((volume, at) => ({
      name: volume.name,
      lengthBytes: writer.sizeOf(itemsOf(volume)),
      checks: checks[at] ?? [],
    }));
    const code = this.#deps.erasureCode();
    try {
      for (const [index, { name, fixed }] of parity.entries()) {
        const set = { parity: parity.length, index, volumes: protectedVolumes };
        const open = (at: number): AsyncIterable<Uint8Array> =>
          writer.bytes(itemsOf(volumes[at] as ExportLayout['volumes'][number]));
        await write(name, [...fixed, ...parityItems(code, set, open)]);
      }
    } finally {
      await code.close();
    }
  }

  get #readsBack(): boolean {
    return this.#request.readBack !== false;
  }

  async #readBack(path: string, checks: readonly string[]): Promise<ExportedVolume['readBack']> {
    if (!this.#readsBack) return 'none';
    return await this.#deps.medium.readBack(path, checks, {
      onBytes: (count) => this.#progress.add(count),
      signal: this.#request.signal,
    });
  }
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

/**
 * What tells an export for somebody from others of the same version: for whom, and what it carries.
 * Two that carry different things must not overwrite each other on one stick.
 */
function seriesOf(recipient: string, record: BundleRecord, blobs: readonly BundleEntry[]): string {
  const content = [record.manifestDigest, ...blobs.map((blob) => blob.sha256)].join('\n');
  const whom = recipient.startsWith('did:') ? recipient.slice(-8) : recipient;
  return `${whom}-${sha256(content).slice(0, 8)}`;
}

function totalOf({ volumes, parity }: ExportLayout): number {
  return [...volumes, ...parity].reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
}

function totalBytes(blobs: readonly { lengthBytes: number }[]): number {
  return blobs.reduce((sum, { lengthBytes }) => sum + lengthBytes, 0);
}
