import { open } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { BOUNDS } from '../domain/bounds.js';
import { systemCodeOf, XError } from '../domain/errors.js';
import type { PutExpectation, StoredBlob } from '../ports/store.js';
import { BodyHasher } from './body-hasher.js';
import { asStoreError } from './disk-errors.js';
import { DownloadRows } from './download-rows.js';
import { syncFolder } from './durable-file.js';
import { IncomingBody, newTempFile, put, type SpillFile } from './incoming.js';
import type { PackWriter } from './pack-writer.js';
import { removeFile, type StoreContext } from './context.js';

/** How much of a download a kill or power cut can cost. */
const CHECKPOINT_BYTES = 8 << 20;

export type Fetch = (
  offset: number,
) => Promise<{ offset: number; stream: AsyncIterable<Uint8Array> }>;

/**
 * Downloads that continue after a kill. A download's file is trusted as far as the catalog says it
 * was flushed. Only a body whose digest is known is continued: without one nothing would tell that
 * its two halves belong together.
 */
export class Downloads {
  readonly #context: StoreContext;
  readonly #packs: PackWriter;
  readonly #rows: DownloadRows;

  constructor(context: StoreContext, packs: PackWriter) {
    this.#context = context;
    this.#packs = packs;
    this.#rows = new DownloadRows(context.db);
  }

  /** @see Store.putResumable */
  async put(key: string, fetch: Fetch, expected: PutExpectation): Promise<StoredBlob> {
    const { sha256, sha512 } = expected.digests ?? {};
    if (sha256 === undefined && sha512 === undefined) {
      const { offset, stream } = await fetch(0);
      requireOffset(offset, 0);
      return put(this.#context, this.#packs, stream, expected);
    }
    const download = new Download(this.#context, this.#packs, this.#rows, key, expected);
    try {
      return await download.run(fetch);
    } catch (error) {
      // What was continued may be the half of another file by now: once more, from the start.
      const stale = error instanceof XError && error.code === 'DIGEST_MISMATCH' && download.resumed;
      if (!stale) throw error;
    }
    return new Download(this.#context, this.#packs, this.#rows, key, expected).run(fetch);
  }

  /** Removes downloads that nobody has continued for BOUNDS.abandonedDownloadMs. */
  async sweep(): Promise<void> {
    const before = this.#context.now().getTime() - BOUNDS.abandonedDownloadMs;
    await this.#rows.forgetOlderThan(before, (name) => {
      removeFile(join(this.#context.layout.downloads, name));
    });
  }
}

/** One attempt at one download. Its file and row exist once the body is too long for memory. */
class Download {
  readonly #context: StoreContext;
  readonly #rows: DownloadRows;
  readonly #path: string;
  readonly #name: string;
  readonly #expected: PutExpectation;
  #body: IncomingBody;
  readonly #newBody: () => IncomingBody;
  #owned = false;
  #durableBytes = 0;
  resumed = false;

  constructor(
    context: StoreContext,
    packs: PackWriter,
    rows: DownloadRows,
    key: string,
    expected: PutExpectation,
  ) {
    this.#context = context;
    this.#rows = rows;
    this.#path = context.layout.download(key);
    this.#name = basename(this.#path);
    this.#expected = expected;
    this.#newBody = () => new IncomingBody(context, packs, expected);
    this.#body = this.#newBody();
  }

  async run(fetch: Fetch): Promise<StoredBlob> {
    try {
      await this.#resume();
      const { offset, stream } = await fetch(this.#body.lengthBytes);
      if (offset === 0 && this.resumed) await this.#restart();
      requireOffset(offset, this.#body.lengthBytes);
      for await (const chunk of stream) {
        await this.#body.append(chunk, () => this.#spill());
        await this.#checkpoint(CHECKPOINT_BYTES);
      }
      this.#requireEnd();
      const stored = await this.#body.finish(() => {
        this.#rows.delete(this.#name);
      });
      if (this.#owned) await this.#forget();
      return stored;
    } catch (error) {
      await this.#giveUp(error);
      throw asStoreError(error, this.#context.layout.folder);
    }
  }

  /** Reads what an earlier attempt left on disk, and hashes it again. */
  async #resume(): Promise<void> {
    const durable = this.#rows.resumableBytes(this.#name);
    if (durable === undefined || !(await this.#claim())) return;
    const { file } = await this.#openFile('r+');
    const { size } = await file.stat();
    const hasher = new BodyHasher();
    if (size >= durable) {
      await file.truncate(durable);
      const stream = file.createReadStream({ start: 0, autoClose: false, highWaterMark: 1 << 20 });
      for await (const chunk of stream) hasher.update(chunk as Uint8Array);
    }
    this.resumed = hasher.lengthBytes > 0;
    this.#durableBytes = hasher.lengthBytes;
    this.#body.continueFrom({ path: this.#path, file }, hasher);
  }

  /** Upstream answers from the beginning: so does the file. */
  async #restart(): Promise<void> {
    const spilled = this.#body.spilled;
    this.#body.abandon();
    this.#body = this.#newBody();
    this.resumed = false;
    this.#durableBytes = 0;
    await this.#rows.saveDurable(this.#name, 0, this.#context.now().getTime());
    if (spilled === undefined) return;
    await spilled.file.truncate(0);
    this.#body.continueFrom(spilled, new BodyHasher());
  }

  async #spill(): Promise<SpillFile> {
    // Another process is at the same download: this one goes on beside it, without resuming.
    if (!(await this.#claim())) return newTempFile(this.#context);
    const spilled = await this.#openFile('w+');
    await syncFolder(this.#context.layout.downloads);
    return spilled;
  }

  async #claim(): Promise<boolean> {
    const writer = this.#context.lease().id;
    this.#owned ||= await this.#rows.claim(this.#name, writer, this.#context.now().getTime());
    return this.#owned;
  }

  async #openFile(flags: 'r+' | 'w+'): Promise<SpillFile> {
    try {
      return { path: this.#path, file: await open(this.#path, flags) };
    } catch (error) {
      if (flags === 'w+' || systemCodeOf(error) !== 'ENOENT') throw error;
      return { path: this.#path, file: await open(this.#path, 'w+') };
    }
  }

  async #checkpoint(everyBytes: number): Promise<void> {
    const spilled = this.#body.spilled;
    if (!this.#owned || spilled === undefined) return;
    if (this.#body.writtenBytes - this.#durableBytes < everyBytes) return;
    await spilled.file.datasync();
    this.#durableBytes = this.#body.writtenBytes;
    await this.#rows.saveDurable(this.#name, this.#durableBytes, this.#context.now().getTime());
  }

  #requireEnd(): void {
    const expected = this.#expected.lengthBytes;
    const got = this.#body.lengthBytes;
    if (expected === undefined || got >= expected) return;
    throw new XError(
      'INCOMPLETE',
      `the download ended after ${String(got)} of ${String(expected)} bytes`,
      { hint: 'Run the command again; it continues from there.' },
    );
  }

  /** Keeps what can be continued, unless the bytes themselves were wrong. */
  async #giveUp(error: unknown): Promise<void> {
    this.#body.abandon();
    const spilled = this.#body.spilled;
    if (spilled === undefined) {
      if (this.#owned) await this.#rows.release(this.#name);
      return;
    }
    const wrong =
      error instanceof XError && ['DIGEST_MISMATCH', 'LIMIT_EXCEEDED'].includes(error.code);
    try {
      if (this.#owned && !wrong) await this.#keep();
    } finally {
      await spilled.file.close();
      if (!this.#owned) removeFile(spilled.path);
      else if (wrong) await this.#forget();
      else await this.#rows.release(this.#name);
    }
  }

  async #keep(): Promise<void> {
    try {
      await this.#body.drainToFile();
    } catch (error) {
      // A full disk is why this download gives up; what was written before still counts.
      if (systemCodeOf(error) !== 'ENOSPC') throw error;
    }
    await this.#checkpoint(1);
  }

  async #forget(): Promise<void> {
    removeFile(this.#path);
    await this.#context.db.write(() => {
      this.#rows.delete(this.#name);
    });
  }
}

function requireOffset(offset: number, asked: number): void {
  if (offset === asked) return;
  throw new XError(
    'UPSTREAM_MALFORMED',
    `asked for a body from byte ${String(asked)}, got it from byte ${String(offset)}`,
    { hint: 'The server does not answer ranges correctly; remove the partial download with x gc.' },
  );
}
