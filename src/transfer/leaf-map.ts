import type { PieceManifest } from '../domain/bundle.js';
import { BOUNDS } from '../domain/bounds.js';
import type { Sha256 } from '../domain/digest.js';
import { XError } from '../domain/errors.js';
import { pieceCount, pieceLengthBytes } from '../domain/piece.js';

/** One distinct artifact of a manifest and where its pieces stand among all leaves. */
export interface LeafSpan {
  sha256: Sha256;
  sha512: string | undefined;
  lengthBytes: number;
  pieceRoot: Sha256;
  /** The first entry, in path order, that has these bytes. */
  path: string;
  firstLeaf: number;
  leafCount: number;
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
  readonly #bySha256 = new Map<Sha256, LeafSpan>();
  readonly #manifest: PieceManifest;
  /** Made when first asked for: most maps never are. */
  #sha256OfPath: ReadonlyMap<string, Sha256> | undefined;
  readonly #spanOfLeaf: Uint32Array;
  readonly #runOfLeaf: Uint32Array;
  readonly #runStarts: number[] = [];

  /** @throws XError METADATA_INVALID, LIMIT_EXCEEDED. */
  constructor(manifest: PieceManifest) {
    this.#manifest = manifest;
    const spans: LeafSpan[] = [];
    let leaves = 0;
    let bytes = 0;
    for (const { sha256, sha512, lengthBytes, pieceRoot, path } of manifest.entries) {
      const known = this.#bySha256.get(sha256);
      if (known !== undefined) {
        if (known.lengthBytes !== lengthBytes || known.pieceRoot !== pieceRoot) {
          throw new XError(
            'METADATA_INVALID',
            `${manifest.bundle}: ${known.path} and ${path} have one sha256 but another length or piece root`,
          );
        }
        continue;
      }
      const leafCount = pieceCount(lengthBytes);
      const span = { sha256, sha512, lengthBytes, pieceRoot, path, firstLeaf: leaves, leafCount };
      this.#bySha256.set(sha256, span);
      spans.push(span);
      leaves += leafCount;
      bytes += lengthBytes;
      if (leaves > BOUNDS.leaves) {
        throw new XError('LIMIT_EXCEEDED', `${manifest.bundle} has over ${BOUNDS.leaves} pieces`);
      }
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
    return this.#bySha256.get(sha256);
  }

  spanOfPath(path: string): LeafSpan | undefined {
    this.#sha256OfPath ??= new Map(
      this.#manifest.entries.map((entry) => [entry.path, entry.sha256]),
    );
    const sha256 = this.#sha256OfPath.get(path);
    return sha256 === undefined ? undefined : this.#bySha256.get(sha256);
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
