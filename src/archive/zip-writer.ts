import assert from 'node:assert/strict';
import { createWriteStream } from 'node:fs';
import { mkdir, open, rename, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { Readable } from 'node:stream';
import { finished } from 'node:stream/promises';
import { ZipArchive } from 'archiver';
import { messageOf, systemCodeOf, XError } from '../domain/errors.js';
import type { VolumeItem, VolumeWriter } from '../ports/volume.js';

/** Every entry's date and mode, so that the same content gives the same bytes. DOS time begins here. */
const ENTRY_DATE = new Date('1980-01-01T00:00:00Z');
const ENTRY_MODE = 0o644;

/** Streams are handed to archiver in chunks of this size; smaller items as one buffer. */
const CHUNK_BYTES = 1 << 20;

/** Local header 30, data descriptor with 64-bit sizes 24, central header 46, its zip64 field 28. */
const ITEM_BYTES = 30 + 24 + 46 + 28;

/** End of central directory 22, its zip64 record 56 and locator 20. */
const END_BYTES = 22 + 56 + 20;

/** Writes volumes as zip files: stored, in the order given, zip64 where sizes ask for it. */
export class ZipVolumeWriter implements VolumeWriter {
  readonly volumeOverheadBytes = END_BYTES;

  itemOverheadBytes(name: string): number {
    return ITEM_BYTES + 2 * Buffer.byteLength(name);
  }

  async write(path: string, items: readonly VolumeItem[]): Promise<{ sizeBytes: number }> {
    const temporary = join(dirname(path), `.${basename(path)}.part`);
    try {
      await mkdir(dirname(path), { recursive: true });
      return { sizeBytes: await writeAside(temporary, path, items) };
    } catch (thrown) {
      throw ofWriting(path, thrown);
    }
  }
}

async function writeAside(
  temporary: string,
  path: string,
  items: readonly VolumeItem[],
): Promise<number> {
  try {
    const sizeBytes = await writeZip(temporary, items);
    await rename(temporary, path);
    await flush(dirname(path));
    return sizeBytes;
  } catch (thrown) {
    await rm(temporary, { force: true });
    throw thrown;
  }
}

async function writeZip(path: string, items: readonly VolumeItem[]): Promise<number> {
  const file = createWriteStream(path, { flush: true, highWaterMark: CHUNK_BYTES });
  const zip = new ZipArchive({ store: true });
  const closed = finished(file);
  const failed = new Promise<never>((_resolve, reject) => {
    zip.on('error', reject);
    zip.on('warning', reject);
    closed.catch(reject);
  });
  // Who awaits it is one of the races below; a failure between two of them must not end the process.
  failed.catch(() => undefined);
  zip.pipe(file);
  try {
    for (const item of items) await Promise.race([append(zip, item), failed]);
    await Promise.race([Promise.all([zip.finalize(), closed]), failed]);
    return zip.pointer();
  } catch (thrown) {
    zip.abort();
    file.destroy();
    // Waiting for the file to be closed, so that it can be removed; why it closes is `thrown`.
    await closed.catch(() => undefined);
    throw thrown;
  }
}

/** Appends one item and waits until it is in: a queue of many would hold them all in memory. */
async function append(zip: ZipArchive, item: VolumeItem): Promise<void> {
  const isWritten = new Promise<void>((resolve) => {
    const listener = (): void => {
      zip.off('entry', listener);
      resolve();
    };
    zip.on('entry', listener);
  });
  const data = { name: item.name, date: ENTRY_DATE, mode: ENTRY_MODE };
  if (item.lengthBytes <= CHUNK_BYTES) {
    const chunks: Uint8Array[] = [];
    for await (const chunk of exactly(item)) chunks.push(chunk);
    zip.append(Buffer.concat(chunks), data);
    await isWritten;
    return;
  }
  const stream = Readable.from(exactly(item), { objectMode: false, highWaterMark: CHUNK_BYTES });
  const broken = finished(stream);
  zip.append(stream, data);
  await Promise.all([isWritten, broken]);
}

async function* exactly(item: VolumeItem): AsyncIterable<Uint8Array> {
  let count = 0;
  for await (const chunk of item.open()) {
    count += chunk.length;
    yield chunk;
  }
  assert.equal(count, item.lengthBytes, `${item.name} has the length that was planned`);
}

/** A rename is durable when its folder is. Windows cannot open folders, and needs no such flush. */
async function flush(folder: string): Promise<void> {
  if (process.platform === 'win32') return;
  const handle = await open(folder, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

function ofWriting(path: string, thrown: unknown): unknown {
  const code = systemCodeOf(thrown);
  if (thrown instanceof XError || code === undefined || code.startsWith('ERR_')) return thrown;
  if (code === 'ENOSPC' || code === 'EDQUOT' || code === 'EFBIG') {
    const hint =
      code === 'EFBIG'
        ? 'The file system takes no file this large: choose a smaller --volume-size.'
        : 'Make room and run the same command again: volumes that are whole are kept.';
    return new XError('DISK_FULL', `no room for ${path}`, { hint, cause: thrown });
  }
  return new XError('IO_FAILED', `cannot write ${path}: ${messageOf(thrown)}`, {
    hint: 'Check the folder and its permissions, and run the same command again.',
    cause: thrown,
  });
}
