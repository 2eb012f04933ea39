import { XError } from '../domain/errors.js';
import { PIECE_SIZE_BYTES, pieceCount, pieceLengthBytes } from '../domain/piece.js';
import type { PartialBlob, Store, StoredBlob } from '../ports/store.js';

/** A whole blob, seen as one that came in pieces. */
export class HeldBlob implements PartialBlob {
  readonly sha256: string;
  readonly lengthBytes: number;
  readonly #store: Pick<Store, 'stat' | 'open'>;

  constructor(blob: StoredBlob, store: Pick<Store, 'stat' | 'open'>) {
    this.sha256 = blob.sha256;
    this.lengthBytes = blob.lengthBytes;
    this.#store = store;
  }

  holds(index: number): boolean {
    return index >= 0 && index < this.heldCount();
  }

  heldCount(): number {
    return this.#store.stat(this.sha256) === undefined ? 0 : pieceCount(this.lengthBytes);
  }

  /** There is nothing to write, as long as the blob is whole. */
  async write(): Promise<void> {
    await Promise.resolve();
    if (this.heldCount() > 0) return;
    throw new XError('STORE_DAMAGED', `blob ${this.sha256} was whole and is gone`, {
      hint: 'It has to be begun again.',
    });
  }

  async read(index: number): Promise<Uint8Array> {
    const start = index * PIECE_SIZE_BYTES;
    const end = start + pieceLengthBytes(this.lengthBytes, index);
    const chunks: Uint8Array[] = [];
    for await (const chunk of this.#store.open(this.sha256, { start, end })) chunks.push(chunk);
    return Buffer.concat(chunks);
  }
}
