import { open, rename, rm, type FileHandle } from 'node:fs/promises';
import { dirname } from 'node:path';
import { hash } from 'node:crypto';
import { systemCodeOf } from '../domain/errors.js';
import {
  CHECKED_BYTES,
  type VolumeItem,
  type VolumeWriter,
  type WriteOptions,
  type WrittenVolume,
} from '../ports/volume.js';
import { isGone, makeFolder, ofWriting, partPath, readFully, syncFolder } from './file-io.js';
import { entryOverheadBytes, FILE_OVERHEAD_BYTES, layOut } from './zip-layout.js';
import { DirectWriter } from './direct-file.js';
import { RunMemory } from './run-memory.js';
import { zipRuns, type ZipRun } from './zip-runs.js';

/** How much is written between two flushes: a slow stick must not fill memory with what is to come. */
const FLUSH_EVERY_BYTES = 64 << 20;

/** Runs that wait for the medium, at most. */
const WAITING_RUNS = 10;

/** Writes volumes as zip files: stored, in the order given, their bytes known beforehand. */
export class ZipVolumeWriter implements VolumeWriter {
  readonly volumeOverheadBytes = FILE_OVERHEAD_BYTES;

  itemOverheadBytes(name: string): number {
    return entryOverheadBytes(name);
  }

  sizeOf(items: readonly VolumeItem[]): number {
    return layOut(items).sizeBytes;
  }

  async *bytes(items: readonly VolumeItem[]): AsyncIterable<Uint8Array> {
    for await (const { bytes } of zipRuns(items, RunMemory.plain())) yield bytes;
  }

  async write(
    path: string,
    items: readonly VolumeItem[],
    options: WriteOptions = {},
  ): Promise<WrittenVolume> {
    const sizeBytes = this.sizeOf(items);
    const memory = RunMemory.atPages();
    try {
      await makeFolder(dirname(path));
      const kept = await keptChecks(path, sizeBytes, { items, memory }, options);
      if (kept !== undefined) return { sizeBytes, checks: kept, state: 'kept' };
      const checks = await writeAside(path, sizeBytes, { items, memory }, options);
      return { sizeBytes, checks, state: 'written' };
    } catch (thrown) {
      throw ofWriting(path, thrown);
    }
  }
}

/** What a volume is made of, and in which memory. */
interface VolumeSource {
  items: readonly VolumeItem[];
  memory: RunMemory;
}

/** A run's check: cheap against a medium's faults; a digest where volumes are to be rebuilt. */
function checkOf({ bytes, crc32 }: ZipRun, { strong }: WriteOptions): string {
  return strong === true ? hash('sha256', bytes) : crc32.toString(16);
}

/** The checks of a file that is, byte for byte, what would be written; undefined where it is not. */
async function keptChecks(
  path: string,
  sizeBytes: number,
  source: VolumeSource,
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
    const scratch = Buffer.allocUnsafe(CHECKED_BYTES);
    let at = 0;
    for await (const run of zipRuns(source.items, source.memory)) {
      try {
        options.signal?.throwIfAborted();
        const { bytes } = run;
        const held = await readFully(file, at, bytes.length, scratch);
        if (Buffer.compare(held, bytes) !== 0) {
          options.onBytes?.(-at);
          return undefined;
        }
        checks.push(checkOf(run, options));
        at += bytes.length;
        options.onBytes?.(bytes.length);
      } finally {
        source.memory.give(run);
      }
    }
    return checks;
  } finally {
    await file.close();
  }
}

async function writeAside(
  path: string,
  sizeBytes: number,
  source: VolumeSource,
  options: WriteOptions,
): Promise<string[]> {
  const part = partPath(path);
  try {
    const file = await openPart(part);
    let checks: string[];
    try {
      checks = await fill(part, file, source, options);
      // Of what an earlier run left; some file systems refuse to cut where there is nothing to cut.
      if ((await file.stat()).size > sizeBytes) await file.truncate(sizeBytes);
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
  part: string,
  file: FileHandle,
  source: VolumeSource,
  options: WriteOptions,
): Promise<string[]> {
  const checks: string[] = [];
  const under = new Set<Promise<void>>();
  let failed: Error | undefined;
  let flushing: Promise<void> | undefined;
  let dirtyBytes = 0;
  let at = 0;
  let heldBytes = (await file.stat()).size;
  const writer = await DirectWriter.of(part, file);
  const follow = (work: Promise<void>): Promise<void> =>
    work.catch((thrown: unknown) => {
      failed ??= thrown instanceof Error ? thrown : new Error(String(thrown));
    });
  try {
    for await (const run of zipRuns(source.items, source.memory)) {
      if (failed !== undefined || options.signal?.aborted === true) {
        source.memory.give(run);
        options.signal?.throwIfAborted();
        throw failed ?? new Error('aborted');
      }
      const { bytes } = run;
      checks.push(checkOf(run, options));
      const held = at < heldBytes ? await readFully(file, at, bytes.length) : undefined;
      if (held === undefined || Buffer.compare(held, bytes) !== 0) {
        heldBytes = Math.min(heldBytes, at);
        const work = writer.write(bytes, at).then((cached) => void (dirtyBytes += cached));
        const write = follow(work).finally(() => {
          under.delete(write);
          source.memory.give(run);
        });
        under.add(write);
        if (under.size >= WAITING_RUNS) await Promise.race(under);
      } else source.memory.give(run);
      at += bytes.length;
      options.onBytes?.(bytes.length);
      if (dirtyBytes < FLUSH_EVERY_BYTES) continue;
      await flushing;
      flushing = follow(file.datasync());
      dirtyBytes = 0;
    }
  } finally {
    await Promise.all(under);
    await flushing;
    await writer.close();
  }
  if (failed !== undefined) throw failed;
  return checks;
}
