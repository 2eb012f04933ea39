import { createHash } from 'node:crypto';
import { open, type FileHandle } from 'node:fs/promises';
import { BOUNDS } from '../domain/bounds.js';
import { XError } from '../domain/errors.js';
import type { PutExpectation, StoredBlob } from '../ports/store.js';
import { storedBlob } from './blob-rows.js';
import { BodyHasher, hashBytes, requireDigests, type HashedBody } from './body-hasher.js';
import { asStoreError } from './disk-errors.js';
import { readUpTo, writeAll } from './durable-file.js';
import type { HashedFile } from './file-digester.js';
import type { PackWriter } from './pack-writer.js';
import { isHeldOnDisk, removeFile, type StoreContext } from './context.js';
import { placeFile } from './placing.js';

/** Bytes are gathered to this size before they are written. */
const WRITE_BYTES = 1 << 20;
const FIRST_BYTES = 64 << 10;

/** A file that a body goes to once it is too long for memory. */
export interface SpillFile {
  path: string;
  file: FileHandle;
}

/** From this length on the sha512 of a body is worth a thread… */
const ASIDE_BYTES = 4 << 20;
/** …which is told of so many new bytes at once. */
const FOLLOW_BYTES = 4 << 20;

/** Counts the bodies, of which each is hashed for itself. */
let bodies = 0;

/** A body on its way in: in memory first, in a file once it is long, hashed as it passes. */
export class IncomingBody {
  readonly #context: StoreContext;
  readonly #packs: PackWriter;
  readonly #expected: PutExpectation;
  #wantsSha512 = false;
  #hasher = new BodyHasher();
  /** What waits to be written lies at the start of `#gathering`. */
  #gathering: Uint8Array | undefined;
  #waitingBytes = 0;
  /** Memory that nothing lies in. */
  #spare: Uint8Array | undefined;
  #spilled: SpillFile | undefined;
  #writtenBytes = 0;
  /** The write under way: the next megabyte is gathered and hashed meanwhile. */
  #writing: Promise<void> = Promise.resolve();
  /** The digester's word for the file, where its sha512 is computed there. */
  #aside: string | undefined;
  #followedBytes = 0;

  constructor(context: StoreContext, packs: PackWriter, expected: PutExpectation) {
    this.#context = context;
    this.#packs = packs;
    this.#expected = expected;
    // A caller who knows the digests, and this is none of them, has no use for it.
    const { sha256, sha512 } = expected.digests ?? {};
    if (sha256 !== undefined && sha512 === undefined) this.#hasher.leaveSha512();
    else this.#wantsSha512 = true;
  }

  get lengthBytes(): number {
    return this.#hasher.lengthBytes;
  }

  get spilled(): SpillFile | undefined {
    return this.#spilled;
  }

  /** Bytes that are in the file, not necessarily flushed. */
  get writtenBytes(): number {
    return this.#writtenBytes;
  }

  /** Continues a file whose first bytes have been hashed by `hasher`. */
  continueFrom(file: SpillFile, hasher: BodyHasher): void {
    this.#spilled = file;
    this.#hasher = hasher;
    this.#writtenBytes = hasher.lengthBytes;
  }

  /**
   * Takes a chunk in; its memory is the caller's again.
   * @throws XError LIMIT_EXCEEDED, DIGEST_MISMATCH past the expected length, DISK_FULL.
   */
  async append(chunk: Uint8Array, spill: () => Promise<SpillFile>): Promise<void> {
    this.#requireRoom(chunk.length);
    this.#hasher.update(chunk);
    let at = 0;
    while (at < chunk.length) {
      const memory = this.#memoryWithRoom();
      const part = chunk.subarray(at, at + memory.length - this.#waitingBytes);
      memory.set(part, this.#waitingBytes);
      this.#waitingBytes += part.length;
      at += part.length;
      if (this.#waitingBytes === WRITE_BYTES) await this.#writeGathered(spill);
    }
  }

  /** Writes what waits in memory to the file, if there is one. */
  async drainToFile(): Promise<void> {
    await this.#writing;
    if (this.#spilled === undefined || this.#waitingBytes === 0) return;
    this.#startWriting(this.#spilled);
    await this.#writing;
  }

  /** Nothing more is done with what has come. */
  abandon(): void {
    if (this.#aside !== undefined) this.#context.digester.forget(this.#aside);
  }

  /** Checks the whole body and stores it. The file, if any, is consumed where this succeeds. */
  async finish(also?: () => void): Promise<StoredBlob> {
    try {
      await this.drainToFile();
      if (this.#spilled === undefined) return await this.#storeFromMemory();
      const { file, path } = this.#spilled;
      // Both take a while, and neither needs the other.
      const [sha512] = await Promise.all([this.#sha512Aside(this.#spilled), file.sync()]);
      const body = this.#hasher.finish(sha512);
      this.#requireExpected(body);
      await file.close();
      return await placeFile(this.#context, path, body, also);
    } catch (error) {
      throw asStoreError(error, this.#context.layout.folder, this.#neededBytes());
    }
  }

  /** Small at first where nobody knows how much will come: most bodies are. */
  #memoryWithRoom(): Uint8Array {
    const full = this.#gathering;
    if (full !== undefined && this.#waitingBytes < full.length) return full;
    const { lengthBytes = full === undefined ? FIRST_BYTES : WRITE_BYTES } = this.#expected;
    const memory = this.#spare ?? Buffer.allocUnsafeSlow(Math.min(WRITE_BYTES, lengthBytes));
    this.#spare = undefined;
    if (full !== undefined) memory.set(full);
    this.#gathering = memory;
    return memory;
  }

  async #writeGathered(spill: () => Promise<SpillFile>): Promise<void> {
    try {
      if (this.#spilled === undefined) {
        this.#spilled = await spill();
        this.#leaveSha512();
      }
      await this.#writing;
      this.#startWriting(this.#spilled);
    } catch (error) {
      throw asStoreError(error, this.#context.layout.folder, this.#neededBytes());
    }
  }

  #startWriting({ file, path }: SpillFile): void {
    const memory = this.#gathering as Uint8Array;
    const bytes = memory.subarray(0, this.#waitingBytes);
    this.#gathering = undefined;
    this.#waitingBytes = 0;
    const end = this.#writtenBytes + bytes.length;
    this.#writing = writeAll(file, bytes, this.#writtenBytes).then(() => {
      this.#writtenBytes = end;
      this.#spare = memory;
      this.#follow(path);
    });
    // Whoever comes next awaits it and meets its error; until then it is not unhandled.
    this.#writing.catch(() => undefined);
  }

  #leaveSha512(): void {
    const { lengthBytes = ASIDE_BYTES } = this.#expected;
    if (lengthBytes < ASIDE_BYTES || !this.#wantsSha512) return;
    this.#hasher.leaveSha512();
    this.#aside = `body ${String((bodies += 1))}`;
  }

  #follow(path: string): void {
    const isDue = this.#writtenBytes - this.#followedBytes >= FOLLOW_BYTES;
    if (this.#aside === undefined || !isDue) return;
    this.#followedBytes = this.#writtenBytes;
    const { digester } = this.#context;
    digester.advance(this.#hashed(this.#aside, path));
  }

  #hashed(name: string, path: string): HashedFile {
    const { lengthBytes = Infinity } = this.#expected;
    return { name, path, lengthBytes, endBytes: this.#writtenBytes, digests: ['sha512'] };
  }

  /** Undefined where the hasher has it. */
  async #sha512Aside({ file, path }: SpillFile): Promise<string | undefined> {
    if (this.#aside === undefined) return undefined;
    const { digester } = this.#context;
    const digests = await digester.finish(this.#hashed(this.#aside, path));
    if (digests !== undefined) return digests.sha512;
    const hash = createHash('sha512');
    for (let at = 0; at < this.#writtenBytes; at += WRITE_BYTES) {
      hash.update(await readUpTo(file, at, WRITE_BYTES));
    }
    return hash.digest('hex');
  }

  async #storeFromMemory(): Promise<StoredBlob> {
    const body = this.#hasher.finish();
    this.#requireExpected(body);
    const bytes = this.#gathering?.subarray(0, this.#waitingBytes) ?? new Uint8Array(0);
    return storeBytes(this.#context, this.#packs, bytes, body);
  }

  #requireRoom(more: number): void {
    const length = this.lengthBytes + more;
    const { lengthBytes, maxBytes } = this.#expected;
    if (length > maxBytes) {
      throw new XError('LIMIT_EXCEEDED', `the body is longer than ${String(maxBytes)} bytes`, {
        hint: 'Nothing of it was kept.',
      });
    }
    if (lengthBytes !== undefined && length > lengthBytes) {
      throw new XError(
        'DIGEST_MISMATCH',
        `expected ${String(lengthBytes)} bytes, got more than that`,
        { hint: 'The bytes are not the ones that were promised. Nothing of them was kept.' },
      );
    }
  }

  #requireExpected(body: HashedBody): void {
    const { digests, lengthBytes } = this.#expected;
    if (lengthBytes !== undefined && lengthBytes !== body.lengthBytes) {
      throw new XError(
        'DIGEST_MISMATCH',
        `expected ${String(lengthBytes)} bytes, got ${String(body.lengthBytes)}`,
        { hint: 'The bytes are not the ones that were promised. Nothing of them was kept.' },
      );
    }
    requireDigests(digests ?? {}, body, `a body of ${String(body.lengthBytes)} bytes`);
  }

  #neededBytes(): number {
    const known = this.#expected.lengthBytes;
    return known === undefined ? this.#waitingBytes : known - this.#writtenBytes;
  }
}

/** Stores hashed bytes from memory: into the pack, or a file of their own. */
export async function storeBytes(
  context: StoreContext,
  packs: PackWriter,
  bytes: Uint8Array,
  body: HashedBody = hashBytes(bytes),
): Promise<StoredBlob> {
  if (bytes.length <= BOUNDS.packBlobBytes) {
    await packs.append(body, bytes);
    return storedBlob(body);
  }
  if (isHeldOnDisk(context, body.sha256)) return storedBlob(body);
  const { path, file } = await newTempFile(context);
  try {
    await writeAll(file, bytes, 0);
    await file.sync();
    await file.close();
    return await placeFile(context, path, body);
  } catch (error) {
    await file.close();
    removeFile(path);
    throw asStoreError(error, context.layout.folder, bytes.length);
  }
}

export async function newTempFile(context: StoreContext): Promise<SpillFile> {
  const path = context.lease().newFile();
  return { path, file: await open(path, 'wx+') };
}

/** @see Store.put */
export async function put(
  context: StoreContext,
  packs: PackWriter,
  source: AsyncIterable<Uint8Array>,
  expected: PutExpectation,
): Promise<StoredBlob> {
  const body = new IncomingBody(context, packs, expected);
  try {
    for await (const chunk of source) await body.append(chunk, () => newTempFile(context));
    return await body.finish();
  } catch (error) {
    body.abandon();
    if (body.spilled !== undefined) {
      // Closing waits for a write that is under way.
      await body.spilled.file.close();
      removeFile(body.spilled.path);
    }
    throw error;
  }
}
