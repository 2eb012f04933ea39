import type { PieceEntry } from './bundle.js';

const SHA256_BYTES = 32;
const SHA512_BYTES = 64;

/**
 * What moving a bundle's entries takes, in the order they came in, which is by path: a few columns of
 * bytes. A hundred thousand packages as objects and strings take a hundred megabytes, these a quarter
 * of it. Digests are 64 (sha512: 128) hexadecimal digits in lower case, as `isDigest` has them.
 */
export class PieceEntries implements Iterable<PieceEntry> {
  readonly length: number;
  readonly #paths: Buffer;
  /** Where each path begins; one more for the end. */
  readonly #pathStarts: Uint32Array;
  readonly #lengths: Float64Array;
  readonly #sha256: Buffer;
  readonly #pieceRoots: Buffer;
  /** Of those that have one: an entry's place in it, from 1 on. */
  readonly #sha512: Buffer;
  readonly #sha512At: Uint32Array;
  #byPath: Uint32Array | undefined;

  private constructor(entries: Iterable<PieceEntry>) {
    const paths = new Column(64);
    const sha256 = new Column(SHA256_BYTES);
    const roots = new Column(SHA256_BYTES);
    const sha512 = new Column(SHA512_BYTES);
    const starts = [0];
    const lengths: number[] = [];
    const places: number[] = [];
    let hashes = 0;
    for (const entry of entries) {
      paths.add(entry.path, 'utf8');
      sha256.add(entry.sha256, 'hex');
      roots.add(entry.pieceRoot, 'hex');
      if (entry.sha512 !== undefined) sha512.add(entry.sha512, 'hex');
      places.push(entry.sha512 === undefined ? 0 : ++hashes);
      starts.push(paths.length);
      lengths.push(entry.lengthBytes);
    }
    this.length = lengths.length;
    this.#paths = paths.bytes();
    this.#sha256 = sha256.bytes();
    this.#pieceRoots = roots.bytes();
    this.#sha512 = sha512.bytes();
    this.#pathStarts = Uint32Array.from(starts);
    this.#lengths = Float64Array.from(lengths);
    this.#sha512At = Uint32Array.from(hashes === 0 ? [] : places);
  }

  /** Those that are packed already stay the same ones. */
  static of(entries: Iterable<PieceEntry>): PieceEntries {
    return entries instanceof PieceEntries ? entries : new PieceEntries(entries);
  }

  *[Symbol.iterator](): Generator<PieceEntry> {
    for (let at = 0; at < this.length; at++) {
      yield {
        path: this.path(at),
        lengthBytes: this.lengthBytes(at),
        sha256: this.sha256(at),
        sha512: this.sha512(at),
        pieceRoot: this.pieceRoot(at),
      };
    }
  }

  path(at: number): string {
    return this.#paths.toString('utf8', this.#pathStarts[at], this.#pathStarts[at + 1]);
  }

  lengthBytes(at: number): number {
    return this.#lengths[at] ?? 0;
  }

  sha256(at: number): string {
    return digestAt(this.#sha256, SHA256_BYTES, at);
  }

  pieceRoot(at: number): string {
    return digestAt(this.#pieceRoots, SHA256_BYTES, at);
  }

  sha512(at: number): string | undefined {
    const place = this.#sha512At[at] ?? 0;
    return place === 0 ? undefined : digestAt(this.#sha512, SHA512_BYTES, place - 1);
  }

  /** Whether two entries' pieces are the same. */
  haveSamePieces(a: number, b: number): boolean {
    return (
      this.#lengths[a] === this.#lengths[b] &&
      compareAt(this.#pieceRoots, SHA256_BYTES, a, this.#pieceRoots, b) === 0
    );
  }

  /** All places, by sha256; of the same bytes the first path first. */
  bySha256(): Uint32Array {
    const heads = Uint32Array.from({ length: this.length }, (_, at) =>
      this.#sha256.readUInt32BE(at * SHA256_BYTES),
    );
    return places(this.length).sort(
      (a, b) =>
        (heads[a] ?? 0) - (heads[b] ?? 0) ||
        compareAt(this.#sha256, SHA256_BYTES, a, this.#sha256, b) ||
        a - b,
    );
  }

  /** As `Buffer.compare`. */
  compareSha256(at: number, sha256: Buffer): number {
    return compareAt(this.#sha256, SHA256_BYTES, at, sha256, 0);
  }

  /** The place of a path; undefined where there is none. */
  placeOfPath(path: string): number | undefined {
    // Sorted already, in a bundle: then this takes one look at each.
    this.#byPath ??= places(this.length).sort((a, b) => this.#comparePath(a, this.#pathBytes(b)));
    const sought = Buffer.from(path);
    const found = lowest(this.#byPath, (at) => this.#comparePath(at, sought));
    return found === undefined || this.#comparePath(found, sought) !== 0 ? undefined : found;
  }

  #pathBytes(at: number): Buffer {
    return this.#paths.subarray(this.#pathStarts[at], this.#pathStarts[at + 1]);
  }

  #comparePath(at: number, path: Buffer): number {
    return Buffer.compare(this.#pathBytes(at), path);
  }
}

/** The first of sorted places that does not come before what is sought. */
export function lowest(
  sorted: Uint32Array,
  compare: (place: number) => number,
): number | undefined {
  let low = 0;
  let high = sorted.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (compare(sorted[middle] ?? 0) < 0) low = middle + 1;
    else high = middle;
  }
  return sorted[low];
}

function places(length: number): Uint32Array {
  return Uint32Array.from({ length }, (_, at) => at);
}

function digestAt(bytes: Buffer, size: number, at: number): string {
  return bytes.toString('hex', at * size, (at + 1) * size);
}

function compareAt(bytes: Buffer, size: number, a: number, others: Buffer, b: number): number {
  return bytes.compare(others, b * size, (b + 1) * size, a * size, (a + 1) * size);
}

/** Bytes of unknown length in the end. */
class Column {
  #memory: Buffer;
  length = 0;
  readonly #least: number;

  /** @param least most that one takes, unless a text is longer. */
  constructor(least: number) {
    this.#least = least;
    this.#memory = Buffer.alloc(0);
  }

  add(text: string, encoding: 'utf8' | 'hex'): void {
    // Three bytes of UTF-8 at most for each unit of a string.
    const room = this.length + Math.max(this.#least, text.length * 3);
    if (room > this.#memory.length) this.#grow(room);
    this.length += this.#memory.write(text, this.length, encoding);
  }

  /** What was added, and no more memory than it takes. */
  bytes(): Buffer {
    this.#memory = resized(this.#memory, this.length);
    return this.#memory;
  }

  #grow(room: number): void {
    this.#memory = resized(this.#memory, Math.ceil(room * 1.5));
  }
}

/** The same bytes in more or less memory, which the C library can often give or take in place. */
function resized({ buffer }: Buffer, length: number): Buffer {
  return Buffer.from((buffer as ArrayBuffer).transfer(length));
}
