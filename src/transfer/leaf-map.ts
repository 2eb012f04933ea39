import type { PieceManifest } from '../domain/bundle.js';
import { BOUNDS } from '../domain/bounds.js';
import type { Sha256 } from '../domain/digest.js';
import { XError } from '../domain/errors.js';
import { lowest, PieceEntries } from '../domain/piece-entries.js';
import { pieceCount, pieceLengthBytes } from '../domain/piece.js';

/** One distinct artifact of a manifest and where its pieces stand among all leaves. */
export class LeafSpan {
  readonly #entries: PieceEntries;
  /** Of the first entry, in path order, that has these bytes. */
  readonly #place: number;
  /** Among the spans. */
  readonly index: number;
  readonly firstLeaf: number;

  constructor(entries: PieceEntries, place: number, index: number, firstLeaf: number) {
    this.#entries = entries;
    this.#place = place;
    this.index = index;
    this.firstLeaf = firstLeaf;
  }

  get sha256(): Sha256 {
    return this.#entries.sha256(this.#place);
  }

  get sha512(): string | undefined {
    return this.#entries.sha512(this.#place);
  }

  get lengthBytes(): number {
    return this.#entries.lengthBytes(this.#place);
  }

  get leafCount(): number {
    return pieceCount(this.lengthBytes);
  }

  get pieceRoot(): Sha256 {
    return this.#entries.pieceRoot(this.#place);
  }

  get path(): string {
    return this.#entries.path(this.#place);
  }
}

/** Consecutive leaves that travel in one message. */
export interface Run {
  first: number;
  end: number;
}

/** Runs of a small bundle are shorter than a message could be, so that there are enough to share out. */
const RUNS_AT_LEAST = 64;
/** Small artifacts, many to a message: bounded by count as well as by bytes. */
const RUN_LEAVES = 256;

/**
 * The numbering that have-maps and requests use: the pieces of every distinct artifact, in path
 * order of the first entry that names it. Both ends compute it from the same signed manifest.
 * Artifacts of no bytes have no leaves.
 */
export class LeafMap {
  readonly spans: readonly LeafSpan[];
  readonly leafCount: number;
  readonly totalBytes: number;
  readonly #entries: PieceEntries;
  /** Places of the spans' entries, by sha256. */
  readonly #bySha256: Uint32Array;
  readonly #spanOfPlace: Uint32Array;
  readonly #spanOfLeaf: Uint32Array;
  readonly #runOfLeaf: Uint32Array;
  readonly #runStarts: number[] = [];

  /** @throws XError METADATA_INVALID, LIMIT_EXCEEDED. */
  constructor(manifest: PieceManifest) {
    const entries = PieceEntries.of(manifest.entries);
    this.#entries = entries;
    const sorted = entries.bySha256();
    const firstOf = firstPlaces(manifest.bundle, entries, sorted);
    this.#bySha256 = sorted.filter((place) => firstOf[place] === place);
    const spans: LeafSpan[] = [];
    this.#spanOfPlace = new Uint32Array(entries.length);
    let leaves = 0;
    let bytes = 0;
    for (let place = 0; place < entries.length; place++) {
      const first = firstOf[place] ?? place;
      if (first === place) {
        const span = new LeafSpan(entries, place, spans.length, leaves);
        this.#spanOfPlace[place] = spans.length;
        spans.push(span);
        leaves += span.leafCount;
        bytes += span.lengthBytes;
        if (leaves > BOUNDS.leaves) {
          throw new XError('LIMIT_EXCEEDED', `${manifest.bundle} has over ${BOUNDS.leaves} pieces`);
        }
      } else this.#spanOfPlace[place] = this.#spanOfPlace[first] ?? 0;
    }
    this.spans = spans;
    this.leafCount = leaves;
    this.totalBytes = bytes;
    this.#spanOfLeaf = new Uint32Array(leaves);
    spans.forEach((span, index) => {
      this.#spanOfLeaf.fill(index, span.firstLeaf, span.firstLeaf + span.leafCount);
    });
    this.#runOfLeaf = new Uint32Array(leaves);
    this.#cutRuns();
  }

  lengthBytes(leaf: number): number {
    const span = this.spanOf(leaf);
    return pieceLengthBytes(span.lengthBytes, leaf - span.firstLeaf);
  }

  /** The artifact that a leaf belongs to. */
  spanOf(leaf: number): LeafSpan {
    const span = this.spans[this.#spanOfLeaf[leaf] ?? -1];
    if (span === undefined) throw new RangeError(`no leaf ${leaf} of ${this.leafCount}`);
    return span;
  }

  spanBySha256(sha256: Sha256): LeafSpan | undefined {
    const sought = Buffer.from(sha256, 'hex');
    if (sought.length !== 32) return undefined;
    const place = lowest(this.#bySha256, (at) => this.#entries.compareSha256(at, sought));
    if (place === undefined || this.#entries.compareSha256(place, sought) !== 0) return undefined;
    return this.spans[this.#spanOfPlace[place] ?? 0];
  }

  spanOfPath(path: string): LeafSpan | undefined {
    const place = this.#entries.placeOfPath(path);
    return place === undefined ? undefined : this.spans[this.#spanOfPlace[place] ?? 0];
  }

  /**
   * A leaf and its neighbours in its run that are alike, `maxBytes` in all, as far as it is no longer
   * itself. From the run's start, so that two of them do not cut it in odd parts.
   */
  around(best: number, maxBytes: number, isAlike: (leaf: number) => boolean): number[] {
    const run = this.runOf(best);
    let first = best;
    let bytes = this.lengthBytes(best);
    for (let leaf = best - 1; leaf >= run.first && isAlike(leaf); leaf--) {
      if (bytes + this.lengthBytes(leaf) > maxBytes) break;
      bytes += this.lengthBytes(leaf);
      first = leaf;
    }
    const leaves: number[] = [];
    for (let leaf = first; leaf <= best; leaf++) leaves.push(leaf);
    for (let leaf = best + 1; leaf < run.end && isAlike(leaf); leaf++) {
      if (bytes + this.lengthBytes(leaf) > maxBytes) break;
      bytes += this.lengthBytes(leaf);
      leaves.push(leaf);
    }
    return leaves;
  }

  /** The run that a leaf travels in: the same for every peer, so that runs arrive and are offered whole. */
  runOf(leaf: number): Run {
    const run = this.#runOfLeaf[leaf] ?? 0;
    return { first: this.#runStarts[run] ?? 0, end: this.#runStarts[run + 1] ?? this.leafCount };
  }

  bytesOf(leaves: Iterable<number>): number {
    let bytes = 0;
    for (const leaf of leaves) bytes += this.lengthBytes(leaf);
    return bytes;
  }

  #cutRuns(): void {
    const runBytes = Math.min(BOUNDS.runBytes, Math.ceil(this.totalBytes / RUNS_AT_LEAST));
    let bytes = Infinity;
    let first = 0;
    for (let leaf = 0; leaf < this.leafCount; leaf++) {
      const lengthBytes = this.lengthBytes(leaf);
      if (bytes + lengthBytes > runBytes || leaf - first >= RUN_LEAVES) {
        this.#runStarts.push(leaf);
        first = leaf;
        bytes = 0;
      }
      bytes += lengthBytes;
      this.#runOfLeaf[leaf] = this.#runStarts.length - 1;
    }
  }
}

/** For each place the first one with the same bytes. @throws XError METADATA_INVALID. */
function firstPlaces(bundle: string, entries: PieceEntries, sorted: Uint32Array): Uint32Array {
  const firstOf = new Uint32Array(entries.length);
  let first: number | undefined;
  let sha256 = Buffer.alloc(0);
  for (const place of sorted) {
    if (first === undefined || entries.compareSha256(place, sha256) !== 0) {
      first = place;
      sha256 = Buffer.from(entries.sha256(place), 'hex');
    } else if (!entries.haveSamePieces(first, place)) {
      throw new XError(
        'METADATA_INVALID',
        `${bundle}: ${entries.path(first)} and ${entries.path(place)} have one sha256 but another length or piece root`,
      );
    }
    firstOf[place] = first;
  }
  return firstOf;
}
