import { createHash } from 'node:crypto';

/** A piece is one leaf of an artifact's hash tree. The last one is shorter; a small artifact is one. */
export const PIECE_SIZE_BYTES = 256 * 1024;

const LEAF_PREFIX = Uint8Array.of(0x00);
const NODE_PREFIX = Uint8Array.of(0x01);

/** How many pieces an artifact of this length has. An empty artifact has none. */
export function pieceCount(lengthBytes: number): number {
  return Math.ceil(lengthBytes / PIECE_SIZE_BYTES);
}

/** The length of one piece of an artifact. */
export function pieceLengthBytes(lengthBytes: number, index: number): number {
  return Math.min(PIECE_SIZE_BYTES, lengthBytes - index * PIECE_SIZE_BYTES);
}

/** The bytes of one piece, in the parts that they lie in memory in: joining them would copy them. */
export type PieceBytes = Uint8Array | readonly Uint8Array[];

export function partsOf(bytes: PieceBytes): readonly Uint8Array[] {
  return bytes instanceof Uint8Array ? [bytes] : bytes;
}

export function lengthOf(bytes: PieceBytes): number {
  let length = 0;
  for (const part of partsOf(bytes)) length += part.length;
  return length;
}

/** As one run of bytes; copied where there are several parts. */
export function joined(bytes: PieceBytes): Uint8Array {
  const [first, ...others] = partsOf(bytes);
  if (first === undefined) return new Uint8Array(0);
  return others.length === 0 ? first : Buffer.concat([first, ...others]);
}

/** RFC 9162 section 2.1.1: the hash of a leaf, SHA-256(0x00 || bytes). */
export function leafHash(bytes: PieceBytes): Uint8Array {
  const hash = createHash('sha256').update(LEAF_PREFIX);
  for (const part of partsOf(bytes)) hash.update(part);
  return hash.digest();
}

/**
 * RFC 9162 section 2.1.1: the tree head of a list of leaf hashes (32 bytes each);
 * the hash of no leaves is SHA-256 of nothing.
 */
export function treeRoot(leaves: readonly Uint8Array[]): Uint8Array {
  if (leaves.length === 0) return createHash('sha256').digest();
  // Pairing neighbours level by level, the odd last one passed up, gives the RFC's tree: its left
  // subtree is always the largest power of two.
  let level: readonly Uint8Array[] = leaves;
  while (level.length > 1) {
    const next: Uint8Array[] = [];
    for (let i = 0; i < level.length; i += 2) {
      const left = level[i] as Uint8Array;
      const right = level[i + 1];
      next.push(right === undefined ? left : nodeHash(left, right));
    }
    level = next;
  }
  return level[0] as Uint8Array;
}

function nodeHash(left: Uint8Array, right: Uint8Array): Uint8Array {
  return createHash('sha256').update(NODE_PREFIX).update(left).update(right).digest();
}

/** Leaf hashes as one run of 32-byte values, the form in which they are stored and sent. */
export function packLeaves(leaves: readonly Uint8Array[]): Uint8Array {
  return Buffer.concat(leaves);
}

/** The inverse of packLeaves; undefined where the length is not a multiple of 32. */
export function unpackLeaves(packed: Uint8Array): Uint8Array[] | undefined {
  if (packed.length % 32 !== 0) return undefined;
  const leaves: Uint8Array[] = [];
  for (let at = 0; at < packed.length; at += 32) leaves.push(packed.subarray(at, at + 32));
  return leaves;
}

/** Computes leaf hashes while bytes arrive in chunks of any size. */
export class TreeHasher {
  readonly #leaves: Uint8Array[] = [];
  #hash = createHash('sha256').update(LEAF_PREFIX);
  #inLeaf = 0;

  update(chunk: Uint8Array): void {
    let at = 0;
    while (at < chunk.length) {
      const take = Math.min(PIECE_SIZE_BYTES - this.#inLeaf, chunk.length - at);
      this.#hash.update(chunk.subarray(at, at + take));
      this.#inLeaf += take;
      at += take;
      if (this.#inLeaf === PIECE_SIZE_BYTES) this.#closeLeaf();
    }
  }

  /** The leaves so far, the last short one included. Ends the hasher. */
  finish(): Uint8Array[] {
    if (this.#inLeaf > 0) this.#closeLeaf();
    return this.#leaves;
  }

  #closeLeaf(): void {
    this.#leaves.push(this.#hash.digest());
    this.#hash = createHash('sha256').update(LEAF_PREFIX);
    this.#inLeaf = 0;
  }
}
