import { open, type FileHandle } from 'node:fs/promises';
import { BOUNDS } from '../domain/bounds.js';
import { XError } from '../domain/errors.js';
import type { PutExpectation, StoredBlob } from '../ports/store.js';
import { storedBlob } from './blob-rows.js';
import { BodyHasher, hashBytes, requireDigests, type HashedBody } from './body-hasher.js';
import { asStoreError } from './disk-errors.js';
import { writeAll } from './durable-file.js';
import type { PackWriter } from './pack-writer.js';
import { isHeldOnDisk, removeFile, type StoreContext } from './context.js';
import { placeFile } from './placing.js';

/** Chunks are gathered to this size before they are written. */
const WRITE_BYTES = 1 << 20;

/** A file that a body goes to once it is too long for memory. */
export interface SpillFile {
  path: string;
  file: FileHandle;
}

/** A body on its way in: in memory first, in a file once it is long, hashed as it passes. */
export class IncomingBody {
  readonly #context: StoreContext;
  readonly #packs: PackWriter;
  readonly #expected: PutExpectation;
  #hasher = new BodyHasher();
  #chunks: Uint8Array[] = [];
  #waitingBytes = 0;
  #spilled: SpillFile | undefined;
  #writtenBytes = 0;
  /** The write under way: the next megabyte is gathered and hashed meanwhile. */
  #writing: Promise<void> = Promise.resolve();

  constructor(context: StoreContext, packs: PackWriter, expected: PutExpectation) {
    this.#context = context;
    this.#packs = packs;
    this.#expected = expected;
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

  /** @throws XError LIMIT_EXCEEDED, DIGEST_MISMATCH past the expected length, DISK_FULL. */
  async append(chunk: Uint8Array, spill: () => Promise<SpillFile>): Promise<void> {
    this.#requireRoom(chunk.length);
    this.#hasher.update(chunk);
    this.#chunks.push(chunk);
    this.#waitingBytes += chunk.length;
    if (this.#waitingBytes < WRITE_BYTES) return;
    try {
      this.#spilled ??= await spill();
      await this.#writing;
      this.#startWriting(this.#spilled);
    } catch (error) {
      throw asStoreError(error, this.#context.layout.folder, this.#neededBytes());
    }
  }

  /** Writes what waits in memory to the file, if there is one. */
  async drainToFile(): Promise<void> {
    await this.#writing;
    if (this.#spilled === undefined || this.#waitingBytes === 0) return;
    this.#startWriting(this.#spilled);
    await this.#writing;
  }

  #startWriting({ file }: SpillFile): void {
    const [first] = this.#chunks;
    const joined =
      this.#chunks.length === 1 && first !== undefined ? first : Buffer.concat(this.#chunks);
    this.#chunks = [];
    this.#waitingBytes = 0;
    const end = this.#writtenBytes + joined.length;
    this.#writing = writeAll(file, joined, this.#writtenBytes).then(() => {
      this.#writtenBytes = end;
    });
    // Whoever comes next awaits it and meets its error; until then it is not unhandled.
    this.#writing.catch(() => undefined);
  }

  /** Checks the whole body and stores it. The file, if any, is consumed where this succeeds. */
  async finish(also?: () => void): Promise<StoredBlob> {
    try {
      await this.drainToFile();
      const body = this.#hasher.finish();
      this.#requireExpected(body);
      if (this.#spilled === undefined) return await this.#storeFromMemory(body);
      await this.#spilled.file.sync();
      await this.#spilled.file.close();
      return await placeFile(this.#context, this.#spilled.path, body, also);
    } catch (error) {
      throw asStoreError(error, this.#context.layout.folder, this.#neededBytes());
    }
  }

  async #storeFromMemory(body: HashedBody): Promise<StoredBlob> {
    return storeBytes(this.#context, this.#packs, Buffer.concat(this.#chunks), body);
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
  if (isHeldOnDisk(context, body.sha256)) return storedBlob(body);
  if (bytes.length <= BOUNDS.packBlobBytes) {
    await packs.append(body, bytes);
    return storedBlob(body);
  }
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
    if (body.spilled !== undefined) {
      // Closing waits for a write that is under way.
      await body.spilled.file.close();
      removeFile(body.spilled.path);
    }
    throw error;
  }
}
