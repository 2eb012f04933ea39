import { basename } from 'node:path';
import { BOUNDS } from '../domain/bounds.js';
import { sha256, type Sha256 } from '../domain/digest.js';
import { XError, type ErrorCode } from '../domain/errors.js';
import { pieceCount } from '../domain/piece.js';
import type { BundleRecord, Catalog } from '../ports/catalog.js';
import type { Clock } from '../ports/clock.js';
import type { Report } from '../ports/progress.js';
import type { Store } from '../ports/store.js';
import type { OpenVolume, VolumeReader } from '../ports/volume.js';
import type { Freshness } from '../trust/freshness.js';
import type { MetadataClaim } from '../trust/claim.js';
import { TIMESTAMP_FILE } from '../trust/names.js';
import { acceptMetadata, type TrustChoice } from './accept-metadata.js';
import { importContent, type ImportCounts } from './import-content.js';
import { refusalOf, volumeClaim, volumeMetadata } from './volume-content.js';
import { readPlacement, type VolumesOf } from './volume-placement.js';

export interface ImportDeps {
  store: Store;
  catalog: Catalog;
  clock: Pick<Clock, 'now'>;
  reader: VolumeReader;
  report: Report;
}

export interface ImportRequest {
  /** Volumes, or folders of them; in any order. */
  paths: readonly string[];
  trust: TrustChoice;
  acceptStale?: boolean | undefined;
  signal?: AbortSignal | undefined;
}

/** Something in a volume that was not taken; everything else was. */
export interface VolumeProblem {
  volume: string;
  /** The artifact's path in its bundle, or the entry's name; undefined for the volume as a whole. */
  path?: string | undefined;
  code: ErrorCode;
  message: string;
}

export interface ImportedBundle {
  record: BundleRecord;
  outcome: 'new' | 'newer' | 'same' | 'older';
  state: Freshness | undefined;
  /** What the bundle names and this machine does not hold yet. */
  missing: MissingFile[];
}

export interface MissingFile {
  path: string;
  lengthBytes: number;
  /** Volumes that hold it, or part of it, as those that were read say; empty where none says. */
  volumes: string[];
}

export interface ImportResult extends ImportCounts {
  /** False where there are problems. */
  ok: boolean;
  bundles: ImportedBundle[];
  problems: VolumeProblem[];
  warnings: string[];
}

/** Sets of volumes whose own word on what lies where is remembered, the last ones read. */
const PLACEMENTS = 4;

/** Verdicts on who signed, which all volumes of a set share. */
const OF_SOURCE: ReadonlySet<ErrorCode> = new Set<ErrorCode>(['UNKNOWN_SOURCE', 'WRONG_SOURCE']);

interface Candidate {
  path: string;
  claim: MetadataClaim;
  timestampSha256: Sha256;
  timestampVersion: number;
}

/**
 * Takes volumes in: first what is signed, newest first, then the content that signed metadata names,
 * each byte checked. What is damaged is named and passed over.
 * @throws XError INPUT_NOT_FOUND; where nothing at all could be taken, the first problem's own error
 *   (UNKNOWN_SOURCE, WRONG_SOURCE, SIGNATURE_INVALID, EXPIRED, VOLUME_DAMAGED…); DISK_FULL, IO_FAILED.
 */
export async function importBundle(
  deps: ImportDeps,
  request: ImportRequest,
): Promise<ImportResult> {
  return new Import(deps, request).run();
}

class Import {
  readonly #deps: ImportDeps;
  readonly #request: ImportRequest;
  readonly #problems: VolumeProblem[] = [];
  readonly #warnings = new Set<string>();
  readonly #accepted = new Map<string, Omit<ImportedBundle, 'missing'>>();
  readonly #counts: ImportCounts = {
    importedBlobs: 0,
    importedBytes: 0,
    alreadyHeld: 0,
    ignored: 0,
  };
  readonly #placements = new Map<string, VolumesOf[]>();
  /** Volumes that everything was taken from, by source and name: they have nothing that is missing. */
  readonly #taken = new Set<string>();
  readonly #failures: XError[] = [];

  constructor(deps: ImportDeps, request: ImportRequest) {
    this.#deps = deps;
    this.#request = request;
  }

  async run(): Promise<ImportResult> {
    const candidates: Candidate[] = [];
    for (const path of await this.#paths()) {
      const candidate = await this.#attempt(path, (volume) => this.#look(volume));
      if (candidate) candidates.push(candidate);
    }
    candidates.sort((a, b) => b.timestampVersion - a.timestampVersion);
    const trusted = await this.#acceptAll(candidates);
    const [first] = this.#failures;
    if (this.#accepted.size === 0 && first !== undefined) {
      // That its source is not trusted is of the whole set; what else is wrong with one volume is not.
      throw this.#failures.find(({ code }) => OF_SOURCE.has(code)) ?? first;
    }
    for (const { path, claim } of trusted.sort((a, b) => (a.path < b.path ? -1 : 1))) {
      this.#request.signal?.throwIfAborted();
      this.#deps.report({ event: 'step', text: `Reading ${path}…` });
      const problems = this.#problems.length;
      await this.#attempt(path, (volume) => this.#takeContent(volume));
      if (this.#problems.length === problems) this.#taken.add(`${claim.source} ${basename(path)}`);
    }
    return this.#result();
  }

  async #paths(): Promise<string[]> {
    const paths: string[] = [];
    for (const path of this.#request.paths) paths.push(...(await this.#deps.reader.list(path)));
    if (paths.length === 0) {
      throw new XError('INPUT_NOT_FOUND', `no volumes in ${this.#request.paths.join(', ')}`, {
        hint: 'Volumes are the *.x.zip files that x export writes.',
      });
    }
    return [...new Set(paths)];
  }

  async #look(volume: OpenVolume): Promise<Candidate> {
    const claim = await volumeClaim(volume);
    const timestamp = await volumeMetadata(volume)(TIMESTAMP_FILE, BOUNDS.timestampMetadataBytes);
    const bytes = timestamp ?? new Uint8Array();
    // Only the order in which volumes are tried hangs on this number, so it may lie.
    const version = /"version":([0-9]{1,15})[,}]/.exec(Buffer.from(bytes).toString('latin1'))?.[1];
    return {
      path: volume.path,
      claim,
      timestampSha256: sha256(bytes),
      timestampVersion: Number(version ?? 0),
    };
  }

  /** The volumes whose content may be read: of a source that is trusted. */
  async #acceptAll(candidates: readonly Candidate[]): Promise<Candidate[]> {
    const seen = new Set<string>();
    const strangers = new Set<string>();
    const trusted: Candidate[] = [];
    for (const candidate of candidates) {
      const { bundle, source } = candidate.claim;
      const key = `${bundle} ${source} ${candidate.timestampSha256}`;
      // Said, and asked on a terminal, once for all volumes of a set.
      if (strangers.has(key)) continue;
      const failed = this.#failures.length;
      const taken =
        seen.has(key) ||
        (await this.#attempt(candidate.path, (volume) => this.#accept(volume, candidate))) === true;
      const isStranger = this.#failures.slice(failed).some(({ code }) => OF_SOURCE.has(code));
      if (isStranger) strangers.add(key);
      if (taken) seen.add(key);
      if (taken) trusted.push(candidate);
    }
    // Metadata that rotted on one stick is no reason to lose its content: another volume, or the
    // catalog, has the signed digests. A source that is not trusted has nothing there.
    const known = new Set(
      this.#deps.catalog.bundles().map(({ name, source }) => `${name} ${source}`),
    );
    const { did } = this.#request.trust;
    const isKnown = ({ claim: { bundle, source } }: Candidate): boolean =>
      known.has(`${bundle} ${source}`) && (did === undefined || did === source);
    return [...trusted, ...candidates.filter((one) => !trusted.includes(one) && isKnown(one))];
  }

  async #accept(volume: OpenVolume, { path, claim }: Candidate): Promise<true> {
    const { catalog, clock, report } = this.#deps;
    const { trust, acceptStale } = this.#request;
    const files = volumeMetadata(volume);
    const accepted = await acceptMetadata(
      { catalog, clock },
      { ...claim, files, from: path, trust, acceptStale, older: 'pass-over' },
    );
    for (const message of accepted.warnings) {
      if (!this.#warnings.has(message)) report({ event: 'warning', message });
      this.#warnings.add(message);
    }
    const { record, outcome, state } = accepted;
    if (outcome !== 'older') await this.#notePlacement(volume, record);
    if (!this.#accepted.has(record.id)) this.#accepted.set(record.id, { record, outcome, state });
    return true;
  }

  /** Volumes of one set say the same, so one of each set will do. */
  async #notePlacement(volume: OpenVolume, record: BundleRecord): Promise<void> {
    const known = this.#placements.get(record.id) ?? [];
    this.#placements.set(record.id, [...known, await readPlacement(volume)].slice(-PLACEMENTS));
  }

  async #takeContent(volume: OpenVolume): Promise<void> {
    const { store, catalog } = this.#deps;
    for (const refused of volume.refused) {
      const said = refusalOf(refused, (digest) => catalog.entriesBySha256(digest)[0]);
      this.#problem({ volume: volume.path, code: 'VOLUME_DAMAGED', ...said });
    }
    const onProblem = (problem: Omit<VolumeProblem, 'volume'>): void => {
      this.#problem({ volume: volume.path, ...problem });
    };
    const { signal } = this.#request;
    await importContent({ store, catalog, volume, counts: this.#counts, onProblem, signal });
  }

  /** Does something with an open volume; what a user can meet there is noted, and the next one is tried. */
  async #attempt<T>(
    path: string,
    work: (volume: OpenVolume) => Promise<T>,
  ): Promise<T | undefined> {
    let volume: OpenVolume | undefined;
    try {
      volume = await this.#deps.reader.open(path);
      return await work(volume);
    } catch (thrown) {
      if (!(thrown instanceof XError) || isEverywhere(thrown.code)) throw thrown;
      this.#failures.push(thrown);
      this.#problem({ volume: path, code: thrown.code, message: thrown.message });
      return undefined;
    } finally {
      await volume?.close();
    }
  }

  #problem(problem: VolumeProblem): void {
    const isKnown = this.#problems.some(
      ({ volume, path, message }) =>
        volume === problem.volume && path === problem.path && message === problem.message,
    );
    if (isKnown || this.#problems.length >= BOUNDS.volumeRefusals) return;
    this.#problems.push(problem);
    const place =
      problem.path === undefined ? problem.volume : `${problem.volume}: ${problem.path}`;
    const { message } = problem;
    this.#deps.report({
      event: 'warning',
      message: message.startsWith(problem.volume) ? message : `${place}: ${message}`,
    });
  }

  #result(): ImportResult {
    const { catalog, store } = this.#deps;
    const bundles = [...this.#accepted.values()].map(({ record, ...rest }) => {
      const missing: ImportedBundle['missing'] = [];
      const placements = this.#placements.get(record.id) ?? [];
      const numbers = new Map<Sha256, number>();
      for (const { path, lengthBytes, sha256: digest } of catalog.entries(record.id)) {
        const number = numbers.get(digest) ?? numbers.size;
        numbers.set(digest, number);
        if (store.stat(digest) !== undefined) continue;
        const isWanted = lacksAny(store, digest, lengthBytes);
        const volumes = new Set(placements.flatMap((volumesOf) => volumesOf(number, isWanted)));
        for (const name of volumes)
          if (this.#taken.has(`${record.source} ${name}`)) volumes.delete(name);
        missing.push({ path, lengthBytes, volumes: [...volumes] });
      }
      return { ...rest, record: catalog.bundle(record.id) ?? record, missing };
    });
    const ok = this.#problems.length === 0;
    return {
      ok,
      bundles,
      problems: this.#problems,
      warnings: [...this.#warnings],
      ...this.#counts,
    };
  }
}

/** Whether some of these pieces are not here, of a file of which some may be. */
function lacksAny(
  store: Pick<Store, 'leaves' | 'partial'>,
  sha256: Sha256,
  lengthBytes: number,
): (firstPiece: number, endPiece: number) => boolean {
  const leaves = store.leaves(sha256);
  if (leaves?.length !== pieceCount(lengthBytes)) return () => true;
  const partial = store.partial(sha256, lengthBytes, leaves);
  return (firstPiece, endPiece) => {
    const end = Math.min(endPiece, leaves.length);
    for (let piece = firstPiece; piece < end; piece += 1) if (!partial.holds(piece)) return true;
    return false;
  };
}

/** Whether a failure is this machine's own, or its user's wish: the next volume would meet it too. */
function isEverywhere(code: ErrorCode): boolean {
  return ['DISK_FULL', 'IO_FAILED', 'STORE_DAMAGED', 'DATA_FOLDER_BUSY', 'STOPPED'].includes(code);
}
