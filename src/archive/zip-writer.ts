import assert from 'node:assert/strict';
import { mkdir, open, rename, rm, type FileHandle } from 'node:fs/promises';
import { dirname } from 'node:path';
import { crc32 } from 'node:zlib';
import { createHash } from 'node:crypto';
import { systemCodeOf } from '../domain/errors.js';
import {
  CHECKED_BYTES,
  type VolumeItem,
  type VolumeWriter,
  type WriteOptions,
  type WrittenVolume,
} from '../ports/volume.js';
import { isGone, ofWriting, partPath, readFully, syncFolder, writeAll } from './file-io.js';
import {
  BUFFERED_BYTES,
  dataDescriptor,
  directory,
  entryOverheadBytes,
  FILE_OVERHEAD_BYTES,
  layOut,
  localHeader,
  type PlacedEntry,
} from './zip-layout.js';

/** How much is written between two flushes: a slow stick must not fill memory with what is to come. */
const FLUSH_EVERY_BYTES = 64 << 20;

/** Writes that are under way at once, a chunk each. */
const PARALLEL_WRITES = 4;

/** Writes volumes as zip files: stored, in the order given, their bytes known beforehand. */
export class ZipVolumeWriter implements VolumeWriter {
  readonly volumeOverheadBytes = FILE_OVERHEAD_BYTES;

  itemOverheadBytes(name: string): number {
    return entryOverheadBytes(name);
  }

  sizeOf(items: readonly VolumeItem[]): number {
    return layOut(items).sizeBytes;
  }

  bytes(items: readonly VolumeItem[]): AsyncIterable<Uint8Array> {
    return chunked(zipBytes(items));
  }

  async write(
    path: string,
    items: readonly VolumeItem[],
    options: WriteOptions = {},
  ): Promise<WrittenVolume> {
    const sizeBytes = this.sizeOf(items);
    const bytes = (): AsyncIterable<Uint8Array> => chunked(zipBytes(items));
    try {
      await mkdir(dirname(path), { recursive: true });
      const kept = await keptChecks(path, sizeBytes, bytes(), options);
      if (kept !== undefined) return { sizeBytes, checks: kept, state: 'kept' };
      const checks = await writeAside(path, sizeBytes, bytes(), options);
      return { sizeBytes, checks, state: 'written' };
    } catch (thrown) {
      throw ofWriting(path, thrown);
    }
  }
}

/** The whole file as it is written: chunks of any size. */
async function* zipBytes(items: readonly VolumeItem[]): AsyncGenerator<Uint8Array> {
  const layout = layOut(items);
  const crcs: number[] = [];
  for (const [at, item] of items.entries()) {
    const entry = layout.entries[at] as PlacedEntry;
    let crc = 0;
    if (entry.lengthBytes <= BUFFERED_BYTES) {
      const chunks: Uint8Array[] = [];
      for await (const chunk of exactly(item)) chunks.push(chunk);
      for (const chunk of chunks) crc = crc32(chunk, crc);
      yield localHeader(entry, crc);
      yield* chunks;
    } else {
      yield localHeader(entry, 0);
      for await (const chunk of exactly(item)) {
        crc = crc32(chunk, crc);
        yield chunk;
      }
      yield dataDescriptor(entry, crc);
    }
    crcs.push(crc);
  }
  yield* directory(layout, crcs);
}

async function* exactly(item: VolumeItem): AsyncIterable<Uint8Array> {
  let count = 0;
  for await (const chunk of item.open()) {
    count += chunk.length;
    yield chunk;
  }
  assert.equal(count, item.lengthBytes, `${item.name} has the length that was planned`);
}

/** The same bytes in chunks of CHECKED_BYTES, the last one shorter. A chunk is the receiver's own. */
async function* chunked(source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  let chunk = Buffer.allocUnsafe(CHECKED_BYTES);
  let filled = 0;
  for await (const bytes of source) {
    let at = 0;
    while (at < bytes.length) {
      const take = Math.min(bytes.length - at, CHECKED_BYTES - filled);
      chunk.set(bytes.subarray(at, at + take), filled);
      filled += take;
      at += take;
      if (filled < CHECKED_BYTES) break;
      yield chunk;
      chunk = Buffer.allocUnsafe(CHECKED_BYTES);
      filled = 0;
    }
  }
  if (filled > 0) yield chunk.subarray(0, filled);
}

/** A chunk's check: cheap against a medium's faults; a digest where volumes are to be rebuilt. */
function checkOf(chunk: Uint8Array, { strong }: WriteOptions): string {
  if (strong === true) return createHash('sha256').update(chunk).digest('hex');
  return crc32(chunk).toString(16);
}

/** The checks of a file that is, byte for byte, what would be written; undefined where it is not. */
async function keptChecks(
  path: string,
  sizeBytes: number,
  source: AsyncIterable<Uint8Array>,
  options: WriteOptions,
): Promise<string[] | undefined> {
  let file: FileHandle;
  try {
    file = await open(path, 'r');
  } catch (thrown) {
    if (systemCodeOf(thrown) === 'ENOENT') return undefined;
    throw thrown;
  }
  try {
    const status = await file.stat();
    if (!status.isFile() || status.size !== sizeBytes) return undefined;
    const checks: string[] = [];
    let at = 0;
    for await (const chunk of source) {
      options.signal?.throwIfAborted();
      const held = await readFully(file, at, chunk.length);
      if (Buffer.compare(held, chunk) !== 0) {
        options.onBytes?.(-at);
        return undefined;
      }
      checks.push(checkOf(chunk, options));
      at += chunk.length;
      options.onBytes?.(chunk.length);
    }
    return checks;
  } finally {
    await file.close();
  }
}

async function writeAside(
  path: string,
  sizeBytes: number,
  source: AsyncIterable<Uint8Array>,
  options: WriteOptions,
): Promise<string[]> {
  const part = partPath(path);
  try {
    const file = await openPart(part);
    let checks: string[];
    try {
      checks = await fill(file, source, options);
      await file.truncate(sizeBytes);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(part, path);
    await syncFolder(dirname(path));
    return checks;
  } catch (thrown) {
    // A medium that was pulled out, and a user who stopped, come back: what is there is continued.
    const isWorthKeeping = isGone(thrown) || options.signal?.aborted === true;
    if (!isWorthKeeping) await rm(part, { force: true }).catch(() => undefined);
    throw thrown;
  }
}

async function openPart(part: string): Promise<FileHandle> {
  try {
    return await open(part, 'r+');
  } catch (thrown) {
    if (systemCodeOf(thrown) !== 'ENOENT') throw thrown;
    return await open(part, 'w+');
  }
}

/** Writes what is not there yet: an earlier run may have left a beginning, sound or not. */
async function fill(
  file: FileHandle,
  source: AsyncIterable<Uint8Array>,
  options: WriteOptions,
): Promise<string[]> {
  const checks: string[] = [];
  const under = new Set<Promise<void>>();
  let failed: Error | undefined;
  let flushing: Promise<void> | undefined;
  let dirtyBytes = 0;
  let at = 0;
  let heldBytes = (await file.stat()).size;
  const follow = (work: Promise<void>): Promise<void> =>
    work.catch((thrown: unknown) => {
      failed ??= thrown instanceof Error ? thrown : new Error(String(thrown));
    });
  try {
    for await (const chunk of source) {
      options.signal?.throwIfAborted();
      if (failed !== undefined) throw failed;
      checks.push(checkOf(chunk, options));
      const held = at < heldBytes ? await readFully(file, at, chunk.length) : undefined;
      if (held === undefined || Buffer.compare(held, chunk) !== 0) {
        heldBytes = Math.min(heldBytes, at);
        const write = follow(writeAll(file, chunk, at)).finally(() => under.delete(write));
        under.add(write);
        dirtyBytes += chunk.length;
        if (under.size >= PARALLEL_WRITES) await Promise.race(under);
      }
      at += chunk.length;
      options.onBytes?.(chunk.length);
      if (dirtyBytes < FLUSH_EVERY_BYTES) continue;
      await flushing;
      flushing = follow(file.datasync());
      dirtyBytes = 0;
    }
  } finally {
    await Promise.all(under);
    await flushing;
  }
  if (failed !== undefined) throw failed;
  return checks;
}
