import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import type { Digests } from '../domain/digest.js';
import { XError } from '../domain/errors.js';
import {
  joined,
  lengthOf,
  partsOf,
  PIECE_SIZE_BYTES,
  TreeHasher,
  treeRoot,
  type PieceBytes,
} from '../domain/piece.js';
import type { Quarantine, StoredBlob } from '../ports/store.js';
import { hashBytes, requireDigests, type HashedBody } from './body-hasher.js';
import { removeFile, type StoreContext } from './context.js';
import { asStoreError } from './disk-errors.js';
import { readUpTo, writeAll } from './durable-file.js';
import type { FileDigests, HashedFile } from './file-digester.js';
import { newTempFile, storeBytes, type SpillFile } from './incoming.js';
import type { PackWriter } from './pack-writer.js';
import { placeFile } from './placing.js';

const READ_BYTES = 1 << 20;
/** The digester is told of so many new bytes at once. */
const FOLLOW_BYTES = 4 << 20;

interface Expected {
  digests: Digests;
  lengthBytes: number | undefined;
}

/** Counts the bodies, of which each is hashed for itself. */
let bodies = 0;

/**
 * Bytes of strangers: in memory as long as they are one piece, else in the writer's own folder, whose
 * files nothing names and the next process clears away. Written in any order; hashed from the start as
 * far as there is no gap, in a thread of its own.
 */
export class QuarantinedBody implements Quarantine {
  readonly #context: StoreContext;
  readonly #packs: PackWriter;
  readonly #expected: Expected;
  /** Undefined: the tree is hashed as the bytes pass, or afterwards where they came in no order. */
  readonly #leaves: readonly Uint8Array[] | undefined;
  #hasher: TreeHasher | undefined;
  #hashedBytes = 0;
  readonly #name = `quarantine ${String((bodies += 1))}`;
  #memory: Buffer | undefined = Buffer.alloc(0);
  #spilling: Promise<SpillFile> | undefined;
  readonly #writing = new Set<Promise<void>>();
  /** Beginnings and ends of what lies in the file, without overlaps. */
  readonly #extents = new Map<number, number>();
  #gapless = 0;
  #lengthBytes = 0;
  #followedBytes = 0;
  #isOver = false;

  constructor(
    context: StoreContext,
    packs: PackWriter,
    expected: Expected,
    leaves: readonly Uint8Array[] | undefined,
  ) {
    const { sha256, sha512 } = expected.digests;
    assert.ok(sha256 ?? sha512, 'only what a digest vouches for is let in');
    this.#context = context;
    this.#packs = packs;
    this.#expected = expected;
    this.#leaves = leaves;
    if (leaves === undefined) this.#hasher = new TreeHasher();
  }

  async write(atBytes: number, bytes: PieceBytes): Promise<void> {
    if (this.#isOver) return;
    const length = lengthOf(bytes);
    this.#hash(atBytes, bytes);
    this.#lengthBytes = Math.max(this.#lengthBytes, atBytes + length);
    if (this.#memory !== undefined && this.#lengthBytes <= PIECE_SIZE_BYTES) {
      this.#keepInMemory(this.#memory, atBytes, bytes);
      this.#arrived(atBytes, length);
      return;
    }
    const writing = this.#toFile(atBytes, bytes);
    this.#writing.add(writing);
    try {
      await writing;
    } catch (error) {
      throw asStoreError(error, this.#context.layout.folder, length);
    } finally {
      this.#writing.delete(writing);
    }
    this.#arrived(atBytes, length);
    await this.#follow();
  }

  async admit(): Promise<StoredBlob> {
    const { digests } = this.#expected;
    try {
      await Promise.all(this.#writing);
      this.#requireLength();
      if (this.#spilling !== undefined) return await this.#admitFile(await this.#spilling);
      const bytes = this.#memory ?? Buffer.alloc(0);
      const withSha512 = digests.sha512 !== undefined;
      const body = hashBytes(bytes, undefined, { withSha512 });
      requireDigests(digests, body, `a body of ${String(bytes.length)} bytes`);
      return await storeBytes(this.#context, this.#packs, bytes, body);
    } catch (error) {
      throw asStoreError(error, this.#context.layout.folder);
    } finally {
      await this.discard();
    }
  }

  async #admitFile({ path, file }: SpillFile): Promise<StoredBlob> {
    const [body] = await Promise.all([this.#hashedBody(path), file.sync()]);
    const what = `a body of ${String(body.lengthBytes)} bytes`;
    requireDigests(this.#expected.digests, body, what);
    await file.close();
    this.#spilling = undefined;
    try {
      return await placeFile(this.#context, path, body);
    } catch (error) {
      removeFile(path);
      throw error;
    }
  }

  async discard(): Promise<void> {
    this.#isOver = true;
    this.#memory = undefined;
    this.#context.digester.forget(this.#name);
    const spilling = this.#spilling;
    this.#spilling = undefined;
    await Promise.allSettled(this.#writing);
    const [spilled] = await Promise.allSettled([spilling]);
    if (spilled.status !== 'fulfilled' || spilled.value === undefined) return;
    await spilled.value.file.close();
    removeFile(spilled.value.path);
  }

  #keepInMemory(memory: Buffer, atBytes: number, bytes: PieceBytes): void {
    let kept = memory;
    if (kept.length < this.#lengthBytes) {
      kept = Buffer.alloc(this.#lengthBytes);
      kept.set(memory);
    }
    kept.set(joined(bytes), atBytes);
    this.#memory = kept;
  }

  async #toFile(atBytes: number, bytes: PieceBytes): Promise<void> {
    this.#spilling ??= this.#spill();
    const { file } = await this.#spilling;
    await writeAll(file, bytes, atBytes);
  }

  async #spill(): Promise<SpillFile> {
    const memory = this.#memory;
    this.#memory = undefined;
    const spilled = await newTempFile(this.#context);
    if (memory !== undefined) await writeAll(spilled.file, memory, 0);
    return spilled;
  }

  /** What comes in order is hashed as it passes. */
  #hash(atBytes: number, bytes: PieceBytes): void {
    if (this.#hasher === undefined) return;
    if (atBytes !== this.#hashedBytes) {
      this.#hasher = undefined;
      return;
    }
    for (const part of partsOf(bytes)) this.#hasher.update(part);
    this.#hashedBytes += lengthOf(bytes);
  }

  #arrived(atBytes: number, length: number): void {
    const end = Math.max(this.#extents.get(atBytes) ?? 0, atBytes + length);
    this.#extents.set(atBytes, end);
    for (;;) {
      const next = this.#extents.get(this.#gapless);
      if (next === undefined) return;
      this.#extents.delete(this.#gapless);
      this.#gapless = Math.max(this.#gapless, next);
      if (next === atBytes && length === 0) return;
    }
  }

  async #follow(): Promise<void> {
    if (this.#gapless - this.#followedBytes < FOLLOW_BYTES || this.#isOver) return;
    this.#followedBytes = this.#gapless;
    const spilled = await this.#spilling;
    if (spilled === undefined) return;
    this.#context.digester.advance(this.#hashed(spilled.path, this.#followedBytes));
  }

  #hashed(path: string, endBytes: number): HashedFile {
    const digests = this.#wantsSha512 ? (['sha256', 'sha512'] as const) : (['sha256'] as const);
    const { lengthBytes = Infinity } = this.#expected;
    return { name: this.#name, path, lengthBytes, endBytes, digests };
  }

  get #wantsSha512(): boolean {
    return this.#expected.digests.sha512 !== undefined;
  }

  async #hashedBody(path: string): Promise<HashedBody> {
    const leaves = this.#leaves ?? this.#hasher?.finish() ?? (await this.#leavesOf());
    const computed =
      (await this.#context.digester.finish(this.#hashed(path, this.#lengthBytes))) ??
      (await this.#digestsOf());
    assert.ok(computed.sha256, 'the digester was asked for it');
    return {
      sha256: computed.sha256,
      sha512: computed.sha512,
      lengthBytes: this.#lengthBytes,
      pieceRoot: Buffer.from(treeRoot(leaves)).toString('hex'),
      leaves: [...leaves],
    };
  }

  async #leavesOf(): Promise<Uint8Array[]> {
    const tree = new TreeHasher();
    for await (const bytes of this.#read()) tree.update(bytes);
    return tree.finish();
  }

  async #digestsOf(): Promise<FileDigests> {
    const sha256 = createHash('sha256');
    const sha512 = this.#wantsSha512 ? createHash('sha512') : undefined;
    for await (const bytes of this.#read()) {
      sha256.update(bytes);
      sha512?.update(bytes);
    }
    return { sha256: sha256.digest('hex'), sha512: sha512?.digest('hex') };
  }

  async *#read(): AsyncGenerator<Uint8Array> {
    const spilled = await this.#spilling;
    assert.ok(spilled, 'what is read lies in a file');
    for (let at = 0; at < this.#lengthBytes; at += READ_BYTES)
      yield await readUpTo(spilled.file, at, Math.min(READ_BYTES, this.#lengthBytes - at));
  }

  #requireLength(): void {
    const { lengthBytes } = this.#expected;
    const isWhole = this.#gapless === this.#lengthBytes;
    if (isWhole && (lengthBytes === undefined || lengthBytes === this.#lengthBytes)) return;
    throw new XError(
      'DIGEST_MISMATCH',
      `expected ${String(lengthBytes ?? this.#lengthBytes)} bytes, got ${String(this.#gapless)}`,
      { hint: 'The bytes are not the ones that were promised. Nothing of them was kept.' },
    );
  }
}
