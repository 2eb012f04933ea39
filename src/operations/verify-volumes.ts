import { basename } from 'node:path';
import { BOUNDS } from '../domain/bounds.js';
import type { BundleEntry, Manifest } from '../domain/bundle.js';
import type { Sha256 } from '../domain/digest.js';
import { XError, type ErrorCode } from '../domain/errors.js';
import { PIECE_SIZE_BYTES, pieceCount } from '../domain/piece.js';
import type { BundleRecord } from '../ports/catalog.js';
import type { Report } from '../ports/progress.js';
import type { OpenVolume, VolumeReader } from '../ports/volume.js';
import { checkMetadata, type CheckedMetadata } from '../trust/check.js';
import type { Freshness } from '../trust/freshness.js';
import { sha256Of } from './stream-digest.js';
import {
  readLeaves,
  readSlice,
  readSmall,
  refusalOf,
  troubleIn,
  volumeClaim,
  volumeMetadata,
} from './volume-content.js';
import { blobName, PARITY_NAME, parseVolumeName, type VolumeName } from './volume-layout.js';
import { readPlacement, type VolumesOf } from './volume-placement.js';
import { VolumeView } from './volume-view.js';

export interface SurveyRequest {
  reader: VolumeReader;
  report: Report;
  now: Date;
  paths: readonly string[];
  signal?: AbortSignal | undefined;
}

/** One version of one bundle, as volumes hold it. */
export interface SurveyedBundle {
  record: BundleRecord;
  manifest: Manifest;
  state: Freshness;
  /** By digest; what is not there is missing. */
  contents: Map<Sha256, 'whole' | 'damaged'>;
  /** Volumes that hold what is missing or damaged, as those say that were read. */
  missingIn: string[];
  /** Parity volumes of it among those read. */
  parityVolumes: number;
}

export interface Survey {
  bundles: SurveyedBundle[];
  view: VolumeView;
  problems: { where: string; code: ErrorCode; message: string }[];
  warnings: string[];
}

/** Reads volumes to the last byte: their metadata by itself, their content by what that signs. */
export async function surveyVolumes(request: SurveyRequest): Promise<Survey> {
  const survey = new Surveyor(request);
  return survey.run();
}

/** Where a slice of a blob lies. */
interface Slice {
  volume: string;
  name: string;
  firstPiece: number;
  endPiece: number;
}

class Surveyor {
  readonly #request: SurveyRequest;
  readonly #bundles = new Map<string, SurveyedBundle>();
  readonly #wanted = new Map<Sha256, BundleEntry>();
  readonly #volumes = new Map<Sha256, string>();
  readonly #pieces = new Map<Sha256, Set<number>>();
  readonly #slices = new Map<Sha256, Slice[]>();
  readonly #problems: Survey['problems'] = [];
  readonly #warnings = new Set<string>();
  readonly #placements = new Map<SurveyedBundle, VolumesOf>();
  /** Volumes that were read to their end and are what they were: they have nothing that is missing. */
  readonly #sound = new Set<string>();

  constructor(request: SurveyRequest) {
    this.#request = request;
  }

  async run(): Promise<Survey> {
    const { reader, paths, report, signal } = this.#request;
    const files: string[] = [];
    for (const path of paths) files.push(...(await reader.list(path)));
    if (files.length === 0) {
      throw new XError('INPUT_NOT_FOUND', `no volumes in ${paths.join(', ')}`, {
        hint: 'Volumes are the *.x.zip files that x export writes.',
      });
    }
    for (const path of files) await this.#attempt(path, (volume) => this.#readMetadata(volume));
    for (const path of files) {
      signal?.throwIfAborted();
      report({ event: 'step', text: `Reading ${path}…` });
      const problems = this.#problems.length;
      await this.#attempt(path, (volume) => this.#readContent(volume));
      if (this.#problems.length === problems && !this.#isTroubled(path))
        this.#sound.add(basename(path));
    }
    for (const bundle of this.#bundles.values()) bundle.missingIn = this.#missingIn(bundle);
    const view = new VolumeView((entry, maxBytes) => this.#readBlob(entry, maxBytes));
    const bundles = [...this.#bundles.values()];
    for (const { record, manifest } of bundles) view.add(record, manifest.entries);
    return { bundles, view, problems: this.#problems, warnings: [...this.#warnings] };
  }

  #isTroubled(path: string): boolean {
    return this.#problems.some(({ where }) => where === path);
  }

  #missingIn(bundle: SurveyedBundle): string[] {
    const volumesOf = this.#placements.get(bundle);
    const names = new Set<string>();
    const numbers = new Map<Sha256, number>();
    for (const { sha256, lengthBytes } of bundle.manifest.entries) {
      if (numbers.has(sha256)) continue;
      const number = numbers.size;
      numbers.set(sha256, number);
      if (bundle.contents.get(sha256) === 'whole') continue;
      const pieces = this.#pieces.get(sha256);
      const isWanted = (firstPiece: number, endPiece: number): boolean => {
        const end = Math.min(endPiece, pieceCount(lengthBytes));
        for (let piece = firstPiece; piece < end; piece += 1) if (!pieces?.has(piece)) return true;
        return false;
      };
      for (const name of volumesOf?.(number, isWanted) ?? [])
        if (!this.#sound.has(name)) names.add(name);
    }
    return [...names].sort();
  }

  async #readMetadata(volume: OpenVolume): Promise<void> {
    const claim = await volumeClaim(volume);
    const files = volumeMetadata(volume);
    const checked = (await checkMetadata({
      ...claim,
      files,
      now: this.#request.now,
      acceptStale: true,
    })) as CheckedMetadata;
    const { manifest, state } = checked;
    for (const warning of checked.warnings) this.#warnings.add(warning);
    const key = `${manifest.source} ${manifest.bundle} ${manifest.digest}`;
    const isParity = volume.entries.has(PARITY_NAME);
    const known = this.#bundles.get(key);
    if (known !== undefined) {
      known.parityVolumes += Number(isParity);
      return;
    }
    const bundle: SurveyedBundle = {
      record: recordOf(manifest),
      manifest,
      state,
      contents: new Map(),
      missingIn: [],
      parityVolumes: Number(isParity),
    };
    this.#bundles.set(key, bundle);
    this.#placements.set(bundle, await readPlacement(volume));
    for (const entry of manifest.entries) this.#wanted.set(entry.sha256, entry);
  }

  async #readContent(volume: OpenVolume): Promise<void> {
    for (const refused of volume.refused) {
      const { path, message } = refusalOf(refused, (digest) => this.#wanted.get(digest));
      this.#problem(`${volume.path}: ${path}`, 'VOLUME_DAMAGED', message);
    }
    for (const { name } of volume.entries.values()) {
      this.#request.signal?.throwIfAborted();
      const parsed = parseVolumeName(name);
      if (!('sha256' in parsed)) continue;
      const entry = this.#wanted.get(parsed.sha256);
      if (entry === undefined) continue;
      try {
        await this.#readEntry(volume, name, entry, parsed);
      } catch (thrown) {
        if (!(thrown instanceof XError)) throw thrown;
        const message = troubleIn(volume, thrown.message);
        this.#damaged(entry, `${volume.path}: ${entry.path}`, thrown.code, message);
      }
    }
  }

  async #readEntry(
    volume: OpenVolume,
    name: string,
    entry: BundleEntry,
    parsed: Extract<VolumeName, { sha256: Sha256 }>,
  ): Promise<void> {
    const where = `${volume.path}: ${entry.path}`;
    if (parsed.kind === 'blob') {
      const isWhole = (await sha256Of(volume.read(name))) === entry.sha256;
      if (!isWhole) this.#damaged(entry, where, 'DIGEST_MISMATCH', 'it is not what was signed');
      else this.#whole(entry, volume.path);
    }
    if (parsed.kind !== 'slice') return;
    const leaves = await readLeaves(volume, entry);
    const pieces = this.#pieces.get(entry.sha256) ?? new Set<number>();
    this.#pieces.set(entry.sha256, pieces);
    const slices = this.#slices.get(entry.sha256) ?? [];
    this.#slices.set(entry.sha256, slices);
    slices.push({ ...parsed, volume: volume.path, name });
    for await (const { index, isSound } of readSlice(volume, name, entry, leaves, parsed)) {
      if (isSound) pieces.add(index);
      else this.#damaged(entry, where, 'DIGEST_MISMATCH', `piece ${index} is not what was signed`);
    }
    if (pieces.size === pieceCount(entry.lengthBytes)) this.#whole(entry, undefined);
  }

  /** One good copy is not undone by a bad one elsewhere; the bad one is a problem of its own. */
  #whole(entry: BundleEntry, volume: string | undefined): void {
    for (const { contents } of this.#bundles.values()) contents.set(entry.sha256, 'whole');
    if (volume !== undefined) this.#volumes.set(entry.sha256, volume);
  }

  #damaged(entry: BundleEntry, where: string, code: ErrorCode, message: string): void {
    for (const { contents } of this.#bundles.values()) {
      if (contents.get(entry.sha256) !== 'whole') contents.set(entry.sha256, 'damaged');
    }
    this.#problem(where, code, message);
  }

  async #readBlob(entry: BundleEntry, maxBytes: number): Promise<Uint8Array | undefined> {
    const path = this.#volumes.get(entry.sha256);
    if (path === undefined) return this.#readSliced(entry, maxBytes);
    const volume = await this.#request.reader.open(path);
    try {
      return await readSmall(volume, blobName(entry.sha256), maxBytes);
    } finally {
      await volume.close();
    }
  }

  /** A blob put together from its slices; undefined where pieces of it are missing. */
  async #readSliced(entry: BundleEntry, maxBytes: number): Promise<Uint8Array | undefined> {
    const isWhole = this.#pieces.get(entry.sha256)?.size === pieceCount(entry.lengthBytes);
    if (!isWhole || entry.lengthBytes > maxBytes) return undefined;
    const whole = Buffer.alloc(entry.lengthBytes);
    for (const { volume: path, name, ...range } of this.#slices.get(entry.sha256) ?? []) {
      const volume = await this.#request.reader.open(path);
      try {
        const leaves = await readLeaves(volume, entry);
        for await (const { index, bytes, isSound } of readSlice(
          volume,
          name,
          entry,
          leaves,
          range,
        )) {
          if (isSound) whole.set(bytes, index * PIECE_SIZE_BYTES);
        }
      } finally {
        await volume.close();
      }
    }
    return whole;
  }

  async #attempt(path: string, work: (volume: OpenVolume) => Promise<void>): Promise<void> {
    let volume: OpenVolume | undefined;
    try {
      volume = await this.#request.reader.open(path);
      await work(volume);
    } catch (thrown) {
      if (!(thrown instanceof XError)) throw thrown;
      this.#problem(path, thrown.code, thrown.message);
    } finally {
      await volume?.close();
    }
  }

  #problem(where: string, code: ErrorCode, message: string): void {
    const isKnown = this.#problems.some((one) => one.where === where && one.message === message);
    if (!isKnown && this.#problems.length < BOUNDS.volumeRefusals) {
      this.#problems.push({ where, code, message });
    }
  }
}

function recordOf(manifest: Manifest): BundleRecord {
  const { bundle, source, version, digest, signedAt, expiresAt, graceDays, entries } = manifest;
  return {
    id: `${bundle}@${source}`,
    name: bundle,
    source,
    role: 'client',
    version,
    manifestDigest: digest,
    signedAt,
    expiresAt,
    graceDays,
    entries: entries.length,
    bytes: entries.reduce((sum, { lengthBytes }) => sum + lengthBytes, 0),
  };
}
