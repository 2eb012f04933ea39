import { lengthOf, type PieceBytes } from '../domain/piece.js';

/** A piece as a peer sent it; no bytes where there was no room to keep them. */
export interface EarlyPiece {
  peer: string;
  leaf: number;
  bytes: PieceBytes | undefined;
}

/**
 * Pieces that came before the tree that they are to be checked against: a source that may give what
 * it likes can be faster than the trees. They wait here, bounded, and are judged when the tree is there.
 */
export class EarlyPieces {
  readonly #maxBytes: number;
  readonly #pieces = new Map<number, EarlyPiece>();
  #bytes = 0;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  add(peer: string, leaf: number, bytes: PieceBytes): void {
    if (this.#pieces.get(leaf)?.bytes !== undefined) return;
    const lengthBytes = lengthOf(bytes);
    const fits = this.#bytes + lengthBytes <= this.#maxBytes;
    if (fits) this.#bytes += lengthBytes;
    this.#pieces.set(leaf, { peer, leaf, bytes: fits ? bytes : undefined });
  }

  /** Takes out what came of the leaves from `first` on. */
  take(first: number, count: number): EarlyPiece[] {
    const taken: EarlyPiece[] = [];
    for (let leaf = first; this.#pieces.size > 0 && leaf < first + count; leaf++) {
      const piece = this.#pieces.get(leaf);
      if (piece === undefined) continue;
      this.#pieces.delete(leaf);
      this.#bytes -= lengthOf(piece.bytes ?? []);
      taken.push(piece);
    }
    return taken;
  }
}
