import assert from 'node:assert/strict';
import { crc32 } from 'node:zlib';
import { CHECKED_BYTES, type VolumeItem } from '../ports/volume.js';
import type { RunMemory } from './run-memory.js';
import { combineCrc32 } from './crc32.js';
import {
  BUFFERED_BYTES,
  dataDescriptor,
  directory,
  layOut,
  localHeader,
  type PlacedEntry,
} from './zip-layout.js';

/** CHECKED_BYTES of a volume, fewer at its end. */
export interface ZipRun {
  bytes: Uint8Array;
  crc32: number;
  /** What `bytes` lie in. */
  whole: Uint8Array;
}

/** The whole file in runs; who has done with one gives it back to `memory`, or keeps it. */
export async function* zipRuns(
  items: readonly VolumeItem[],
  memory: RunMemory,
): AsyncGenerator<ZipRun> {
  const layout = layOut(items);
  const filler = new RunFiller(memory);
  const scratch = Buffer.allocUnsafe(BUFFERED_BYTES);
  const crcs: number[] = [];
  try {
    for (const [at, item] of items.entries()) {
      const entry = layout.entries[at] as PlacedEntry;
      let crc = 0;
      if (entry.lengthBytes <= BUFFERED_BYTES) {
        const bytes = await gathered(item, scratch);
        crc = crc32(bytes);
        yield* filler.add(localHeader(entry, crc));
        yield* filler.add(bytes);
      } else {
        yield* filler.add(localHeader(entry, 0));
        for await (const chunk of exactly(item)) {
          crc = combineCrc32(crc, yield* filler.add(chunk), chunk.length);
        }
        yield* filler.add(dataDescriptor(entry, crc));
      }
      crcs.push(crc);
    }
    for (const bytes of directory(layout, crcs)) yield* filler.add(bytes);
    yield* filler.end();
  } finally {
    filler.drop();
  }
}

/** Cuts what is added into runs. */
class RunFiller {
  readonly #memory: RunMemory;
  #whole: Uint8Array | undefined;
  #filled = 0;
  #crc32 = 0;

  constructor(memory: RunMemory) {
    this.#memory = memory;
  }

  /** Returns the checksum of `bytes`, which are used up when it ends. */
  *add(bytes: Uint8Array): Generator<ZipRun, number> {
    let crc = 0;
    let at = 0;
    while (at < bytes.length) {
      const part = bytes.subarray(at, at + CHECKED_BYTES - this.#filled);
      const partCrc = crc32(part);
      this.#whole ??= this.#memory.take();
      this.#whole.set(part, this.#filled);
      this.#crc32 = combineCrc32(this.#crc32, partCrc, part.length);
      crc = combineCrc32(crc, partCrc, part.length);
      this.#filled += part.length;
      at += part.length;
      if (this.#filled === CHECKED_BYTES) yield* this.end();
    }
    return crc;
  }

  /** Gives back what was begun and is not wanted any more. */
  drop(): void {
    if (this.#whole !== undefined) this.#memory.give({ whole: this.#whole });
    this.#whole = undefined;
  }

  *end(): Generator<ZipRun, void> {
    if (this.#whole === undefined) return;
    const whole = this.#whole;
    const run = { whole, bytes: whole.subarray(0, this.#filled), crc32: this.#crc32 };
    this.#whole = undefined;
    this.#filled = 0;
    this.#crc32 = 0;
    yield run;
  }
}

/** All of a small item, in `scratch`. */
async function gathered(item: VolumeItem, scratch: Buffer): Promise<Uint8Array> {
  let filled = 0;
  for await (const chunk of exactly(item)) {
    scratch.set(chunk, filled);
    filled += chunk.length;
  }
  return scratch.subarray(0, filled);
}

/** As many bytes as the item says, and not one more. */
async function* exactly(item: VolumeItem): AsyncIterable<Uint8Array> {
  const planned = `${item.name} has the length that was planned`;
  let count = 0;
  for await (const chunk of item.open()) {
    count += chunk.length;
    assert.ok(count <= item.lengthBytes, planned);
    yield chunk;
  }
  assert.equal(count, item.lengthBytes, planned);
}
