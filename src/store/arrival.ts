import { open, type FileHandle } from 'node:fs/promises';
import { systemCodeOf } from '../domain/errors.js';
import type { Arrival, PutExpectation, StoredBlob } from '../ports/store.js';
import type { BlobReader } from './blob-reader.js';
import type { StoreContext } from './context.js';
import { readUpTo } from './durable-file.js';
import { IncomingBody, newTempFile } from './incoming.js';
import type { PackWriter } from './pack-writer.js';
import { removeFile } from './context.js';

const READ_BYTES = 256 << 10;

/** A chunk that may not be in the body's file yet. */
interface TailChunk {
  at: number;
  bytes: Uint8Array;
}

/**
 * A body on its way into the store that can be read meanwhile: the last of it from memory, what is
 * written from its file, and from the store once it is there.
 */
export class ArrivingBody implements Arrival {
  readonly stored: Promise<StoredBlob>;
  readonly #context: StoreContext;
  readonly #reader: BlobReader;
  readonly #body: IncomingBody;
  #tail: TailChunk[] = [];
  #receivedBytes = 0;
  #blob: StoredBlob | undefined;
  #failure: { error: unknown } | undefined;
  /** Resolved and replaced whenever there is news. */
  #news = Promise.withResolvers<void>();

  constructor(
    context: StoreContext,
    packs: PackWriter,
    reader: BlobReader,
    source: AsyncIterable<Uint8Array>,
    expected: PutExpectation,
  ) {
    this.#context = context;
    this.#reader = reader;
    this.#body = new IncomingBody(context, packs, expected);
    this.stored = this.#take(source);
    // Whoever follows meets the failure there; nobody may be waiting for this.
    this.stored.catch(() => undefined);
  }

  async *follow(start: number): AsyncGenerator<Uint8Array, undefined> {
    let at = start;
    let file: FileHandle | undefined;
    try {
      for (;;) {
        const news = this.#news.promise;
        if (this.#failure !== undefined) throw this.#failure.error;
        if (this.#blob !== undefined) break;
        if (at >= this.#receivedBytes) {
          await news;
          continue;
        }
        let bytes = this.#inTail(at);
        if (bytes === undefined) {
          file ??= await this.#openFile();
          bytes = file && (await readUpTo(file, at, Math.min(READ_BYTES, this.#written(at))));
        }
        // Its file has another name by now: it is about to be in the store, or to fail.
        if (bytes === undefined || bytes.length === 0) await news;
        else {
          at += bytes.length;
          yield bytes;
        }
      }
    } finally {
      await file?.close();
    }
    yield* this.#reader.open(this.#blob.sha256, { start: at, end: this.#blob.lengthBytes });
  }

  async #take(source: AsyncIterable<Uint8Array>): Promise<StoredBlob> {
    const body = this.#body;
    try {
      for await (const chunk of source) {
        // The source's memory is its own again once the next chunk is asked for.
        this.#tail.push({ at: this.#receivedBytes, bytes: Buffer.from(chunk) });
        await body.append(chunk, () => newTempFile(this.#context));
        this.#receivedBytes += chunk.length;
        this.#tail = this.#tail.filter(({ at, bytes }) => at + bytes.length > body.writtenBytes);
        this.#tell();
      }
      this.#blob = await body.finish();
      return this.#blob;
    } catch (error) {
      this.#failure = { error };
      body.abandon();
      if (body.spilled !== undefined) {
        // Closing waits for a write that is under way.
        await body.spilled.file.close();
        removeFile(body.spilled.path);
      }
      throw error;
    } finally {
      this.#tail = [];
      this.#tell();
    }
  }

  #tell(): void {
    this.#news.resolve();
    this.#news = Promise.withResolvers<void>();
  }

  #inTail(at: number): Uint8Array | undefined {
    const chunk = this.#tail.find((one) => at >= one.at && at < one.at + one.bytes.length);
    if (chunk === undefined || chunk.at >= this.#receivedBytes) return undefined;
    return chunk.bytes.subarray(at - chunk.at);
  }

  /** How much of what begins here is in the file. */
  #written(at: number): number {
    return Math.max(0, this.#body.writtenBytes - at);
  }

  async #openFile(): Promise<FileHandle | undefined> {
    const path = this.#body.spilled?.path;
    if (path === undefined) return undefined;
    try {
      return await open(path, 'r');
    } catch (error) {
      if (systemCodeOf(error) === 'ENOENT') return undefined;
      throw error;
    }
  }
}
