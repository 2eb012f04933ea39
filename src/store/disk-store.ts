import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { isDigest, type Digests, type Sha256 } from '../domain/digest.js';
import { XError } from '../domain/errors.js';
import { pieceCount, treeRoot } from '../domain/piece.js';
import type {
  Arrival,
  AuditResult,
  PartialBlob,
  PutExpectation,
  Quarantine,
  Store,
  StoredBlob,
} from '../ports/store.js';
import { ArrivingBody } from './arrival.js';
import { Audit } from './audit.js';
import { BlobReader } from './blob-reader.js';
import { BlobRemover } from './blob-remover.js';
import { storedBlob } from './blob-rows.js';
import { hashBytes, requireDigests } from './body-hasher.js';
import { Downloads, type Fetch } from './download.js';
import { HeldBlob } from './held-blob.js';
import { put, storeBytes } from './incoming.js';
import { OnePieceBlob } from './one-piece-blob.js';
import { PackWriter } from './pack-writer.js';
import { PiecedBlob } from './pieced-blob.js';
import { QuarantinedBody } from './quarantined-body.js';
import { otherWriters } from './writer-lease.js';
import type { StoreContext } from './context.js';

/** The store on a local disk: see Layout for where things lie. */
export class DiskStore implements Store {
  readonly #context: StoreContext;
  readonly #packs: PackWriter;
  readonly #reader: BlobReader;
  readonly #remover: BlobRemover;
  readonly #downloads: Downloads;
  /** Blobs in pieces that somebody has begun in this process. */
  readonly #begun = new Map<Sha256, PiecedBlob | OnePieceBlob>();
  readonly #closed: () => Promise<void>;

  constructor(context: StoreContext, closed: () => Promise<void>) {
    this.#context = context;
    this.#packs = new PackWriter(context);
    this.#reader = new BlobReader(context);
    this.#remover = new BlobRemover(context);
    this.#downloads = new Downloads(context, this.#packs);
    this.#closed = closed;
  }

  stat(sha256: Sha256): StoredBlob | undefined {
    const row = this.#context.rows.get(sha256);
    return row && storedBlob(row);
  }

  findBySha512(sha512: string): StoredBlob | undefined {
    const row = this.#context.rows.getBySha512(sha512);
    return row && storedBlob(row);
  }

  put(source: AsyncIterable<Uint8Array>, expected: PutExpectation): Promise<StoredBlob> {
    return put(this.#context, this.#packs, source, expected);
  }

  receive(source: AsyncIterable<Uint8Array>, expected: PutExpectation): Arrival {
    return new ArrivingBody(this.#context, this.#packs, this.#reader, source, expected);
  }

  async putBytes(
    bytes: Uint8Array,
    digests: Digests = {},
    pieceRoot?: Sha256,
  ): Promise<StoredBlob> {
    const body = hashBytes(bytes, pieceRoot, { withSha512: digests.sha512 !== undefined });
    requireDigests(digests, body, `a body of ${String(bytes.length)} bytes`);
    return storeBytes(this.#context, this.#packs, bytes, body);
  }

  async putVerifiedSmall(blobs: readonly { bytes: Uint8Array; sha256: Sha256 }[]): Promise<void> {
    const stored = blobs.map(({ bytes, sha256 }) => this.putBytes(bytes, { sha256 }));
    const failed = (await Promise.allSettled(stored)).find(({ status }) => status === 'rejected');
    if (failed?.status === 'rejected') throw failed.reason;
  }

  putResumable(key: string, fetch: Fetch, expected: PutExpectation): Promise<StoredBlob> {
    return this.#downloads.put(key, fetch, expected);
  }

  quarantine(
    expected: { digests: Digests; lengthBytes: number | undefined },
    leaves?: readonly Uint8Array[],
  ): Quarantine {
    return new QuarantinedBody(this.#context, this.#packs, expected, leaves);
  }

  /** Removes what nobody came back for. */
  sweep(): Promise<void> {
    return this.#downloads.sweep();
  }

  open(
    sha256: Sha256,
    range?: { start: number; end: number },
    into?: Uint8Array,
  ): AsyncIterable<Uint8Array> {
    return this.#reader.open(sha256, range, into);
  }

  stream(
    sha256: Sha256,
    range?: { start: number; end: number },
    isShared?: boolean,
  ): AsyncIterable<Uint8Array> {
    return this.#reader.stream(sha256, range, isShared);
  }

  async read(sha256: Sha256, maxBytes: number): Promise<Uint8Array> {
    const lengthBytes = this.stat(sha256)?.lengthBytes ?? 0;
    if (lengthBytes > maxBytes) {
      throw new XError(
        'LIMIT_EXCEEDED',
        `blob ${sha256} has ${String(lengthBytes)} bytes; at most ${String(maxBytes)} are read at once`,
      );
    }
    const chunks: Uint8Array[] = [];
    for await (const chunk of this.open(sha256)) chunks.push(chunk);
    const [only] = chunks;
    return chunks.length === 1 && only !== undefined ? only : Buffer.concat(chunks);
  }

  readSmall(sha256s: readonly Sha256[]): Promise<(Uint8Array | undefined)[]> {
    return this.#reader.readSmall(sha256s);
  }

  leaves(sha256: Sha256): Uint8Array[] | undefined {
    const { rows } = this.#context;
    const whole = rows.get(sha256);
    if (whole !== undefined) return rows.leavesOf(whole);
    const begun = this.#begun.get(sha256);
    return begun === undefined ? rows.tree(sha256) : [...begun.leaves];
  }

  partial(
    sha256: Sha256,
    lengthBytes: number,
    leaves: Uint8Array[],
    digests: Digests = {},
  ): PartialBlob {
    assert.ok(isDigest('sha256', sha256), 'a blob is named by a sha256');
    assert.equal(leaves.length, pieceCount(lengthBytes), 'a leaf a piece');
    const whole = this.stat(sha256);
    if (whole !== undefined) return new HeldBlob(whole, this);
    const begun = this.#begun.get(sha256);
    if (begun?.lengthBytes === lengthBytes && sameTree(begun.leaves, leaves)) return begun;
    const blob =
      leaves.length > 1
        ? new PiecedBlob(this.#context, sha256, lengthBytes, leaves, digests)
        : this.#onePiece(sha256, lengthBytes, leaves);
    this.#begun.set(sha256, blob);
    return blob;
  }

  partials(): { sha256: Sha256; lengthBytes: number; heldPieces: number }[] {
    return this.#context.partials.all();
  }

  async complete(sha256: Sha256, digests: Digests = {}): Promise<StoredBlob> {
    const begun = this.#begun.get(sha256) ?? this.#fromCatalog(sha256);
    if (begun === undefined) {
      const stored = this.stat(sha256);
      if (stored === undefined) {
        throw new XError('INCOMPLETE', `no piece of blob ${sha256} is held`);
      }
      const whole = digests.sha512 === undefined ? stored : await this.#withSha512(stored);
      requireDigests({ ...digests, sha256 }, whole, `blob ${sha256}`);
      return whole;
    }
    try {
      const stored = await begun.complete(digests);
      this.#begun.delete(sha256);
      if (digests.sha512 === undefined) return stored;
      // Somebody else may have completed it meanwhile, whom nobody asked for this digest.
      const whole = await this.#withSha512(stored);
      requireDigests({ ...digests, sha256 }, whole, `blob ${sha256}`);
      return whole;
    } catch (error) {
      if (error instanceof XError && error.code === 'DIGEST_MISMATCH') this.#begun.delete(sha256);
      throw error;
    }
  }

  async remove(sha256: Sha256): Promise<void> {
    const begun = this.#begun.get(sha256) ?? this.#fromCatalog(sha256);
    this.#begun.delete(sha256);
    if (begun instanceof PiecedBlob) await begun.forget();
    await this.#remover.remove(sha256);
  }

  held(): Iterable<Sha256> {
    return this.#context.rows.digests();
  }

  unreferenced(): Iterable<StoredBlob> {
    return this.#context.rows.unreferenced();
  }

  hasOtherWriters(): boolean {
    const { layout, lease } = this.#context;
    return otherWriters(layout.writers, lease().id);
  }

  totals(): { blobs: number; bytes: number } {
    return this.#context.rows.totals();
  }

  verify(sha256: Sha256): Promise<boolean> {
    return this.#reader.verify(sha256);
  }

  audit(signal?: AbortSignal): Promise<AuditResult> {
    const partialOf = (sha256: Sha256): PartialBlob | undefined =>
      this.#begun.get(sha256) ?? this.#fromCatalog(sha256);
    return new Audit(this.#context, this.#reader, partialOf, signal).run();
  }

  isDamaged(sha256: Sha256): boolean {
    return this.#context.damaged.has(sha256);
  }

  async close(): Promise<void> {
    await this.#packs.close();
    await this.#closed();
  }

  /** A blob that may have come without anybody asking for its sha512. */
  async #withSha512(blob: StoredBlob): Promise<StoredBlob> {
    if (blob.sha512 !== undefined) return blob;
    const sha512 = createHash('sha512');
    for await (const chunk of this.open(blob.sha256)) sha512.update(chunk);
    return { ...blob, sha512: sha512.digest('hex') };
  }

  #onePiece(sha256: Sha256, lengthBytes: number, leaves: Uint8Array[]): OnePieceBlob {
    return new OnePieceBlob(sha256, lengthBytes, leaves, {
      stat: (name) => this.stat(name),
      read: (name, maxBytes) => this.read(name, maxBytes),
      store: (bytes, body) => storeBytes(this.#context, this.#packs, bytes, body),
      forget: (name) => this.#begun.delete(name),
    });
  }

  /** A partial that an earlier process began. */
  #fromCatalog(sha256: Sha256): PiecedBlob | undefined {
    const row = this.#context.partials.get(sha256);
    const leaves = row && this.#context.rows.tree(sha256);
    return row && leaves && new PiecedBlob(this.#context, sha256, row.lengthBytes, leaves);
  }
}

function sameTree(a: readonly Uint8Array[], b: readonly Uint8Array[]): boolean {
  return Buffer.compare(treeRoot(a), treeRoot(b)) === 0;
}
