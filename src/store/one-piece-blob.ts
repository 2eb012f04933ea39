import assert from 'node:assert/strict';
import { hash } from 'node:crypto';
import type { Digests, Sha256 } from '../domain/digest.js';
import { XError } from '../domain/errors.js';
import { joined, type PieceBytes } from '../domain/piece.js';
import type { PartialBlob, StoredBlob } from '../ports/store.js';
import { hashBytes, requireDigests, type HashedBody } from './body-hasher.js';

/** What a blob of one piece needs of its store. */
export interface WholeBlobs {
  stat(sha256: Sha256): StoredBlob | undefined;
  read(sha256: Sha256, maxBytes: number): Promise<Uint8Array>;
  store(bytes: Uint8Array, body: HashedBody): Promise<StoredBlob>;
  /** The blob is whole, or never will be: it needs no looking after. */
  forget(sha256: Sha256): void;
}

/**
 * A blob of one piece, or none: its only write brings all of it, so it is checked and stored whole
 * at once, and most of a bundle costs no partial file. Bytes that do not match the name are kept
 * back until `complete` says so.
 */
export class OnePieceBlob implements PartialBlob {
  readonly #whole: WholeBlobs;
  #mismatched: HashedBody | undefined;

  constructor(
    readonly sha256: Sha256,
    readonly lengthBytes: number,
    readonly leaves: readonly Uint8Array[],
    whole: WholeBlobs,
  ) {
    this.#whole = whole;
  }

  holds(index: number): boolean {
    return index === 0 && this.heldCount() === 1;
  }

  heldCount(): number {
    if (this.lengthBytes === 0) return 0;
    return this.#mismatched !== undefined || this.#whole.stat(this.sha256) !== undefined ? 1 : 0;
  }

  async write(first: number, pieces: readonly PieceBytes[]): Promise<void> {
    const [piece] = pieces;
    if (piece === undefined) return;
    const bytes = joined(piece);
    assert.ok(first === 0 && pieces.length === 1, 'it has one piece');
    assert.equal(bytes.length, this.lengthBytes, 'the piece has its length');
    await this.#store(bytes);
  }

  read(index: number): Promise<Uint8Array> {
    assert.ok(this.holds(index), `piece ${String(index)} is held`);
    return this.#whole.read(this.sha256, this.lengthBytes);
  }

  /** @see Store.complete */
  async complete(digests: Digests = {}): Promise<StoredBlob> {
    if (this.lengthBytes === 0) await this.#store(new Uint8Array(0));
    const done = this.#whole.stat(this.sha256);
    if (done === undefined && this.#mismatched === undefined) {
      throw new XError('INCOMPLETE', `blob ${this.sha256} lacks its only piece`);
    }
    this.#whole.forget(this.sha256);
    const got = done ?? this.#mismatched;
    assert.ok(got !== undefined);
    const what = `blob ${this.sha256}`;
    requireDigests({ sha256: this.sha256 }, got, what);
    if (digests.sha512 === undefined) return got;
    const bytes = await this.#whole.read(this.sha256, this.lengthBytes);
    const whole = { ...got, sha512: got.sha512 ?? hash('sha512', bytes) };
    requireDigests(digests, whole, what);
    return whole;
  }

  async #store(bytes: Uint8Array): Promise<void> {
    const body = hashBytes(bytes, undefined, { withSha512: false });
    this.#mismatched = body.sha256 === this.sha256 ? undefined : body;
    if (this.#mismatched !== undefined) return;
    await this.#whole.store(bytes, body);
    this.#whole.forget(this.sha256);
  }
}
