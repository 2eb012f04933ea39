import type { FileHandle } from 'node:fs/promises';
import { lengthOf } from '../domain/piece.js';
import { DIRECT_BLOCK_BYTES, type DirectFiles } from '../ports/direct-files.js';
import { writePast } from './direct-run.js';

/** Each write is waited for, which costs a turn of a busy loop: longer than so many runs take the disk. */
const RUNS_AT_ONCE = 4;

export interface Appended {
  /** Where the bytes begin: at a block, which may leave a hole before it. */
  start: number;
  endBytes: number;
}

/**
 * Appends many short bodies past the page cache, gathered in memory that such writes come from, and
 * filled up to a whole block.
 * @param end of the file now.
 * @throws what writing throws.
 */
export async function appendPast(
  memory: Pick<DirectFiles, 'take' | 'give'>,
  direct: FileHandle,
  file: FileHandle,
  bodies: readonly Uint8Array[],
  end: number,
): Promise<Appended> {
  const start = roundUp(end);
  let at = start;
  const runs = Array.from({ length: RUNS_AT_ONCE }, () => memory.take());
  try {
    for (const filled of gathered(bodies, runs)) {
      await writePast(direct, file, filled, at);
      at += lengthOf(filled);
    }
    return { start, endBytes: at };
  } finally {
    for (const run of runs) memory.give(run);
  }
}

/** All bytes one after the other, in these runs again and again; the last one is filled up with zeros. */
function* gathered(
  bodies: readonly Uint8Array[],
  runs: readonly Uint8Array[],
): Generator<readonly Uint8Array[], undefined> {
  let full: Uint8Array[] = [];
  let length = 0;
  for (const body of bodies) {
    for (let taken = 0; taken < body.length;) {
      const run = runs[full.length] as Uint8Array;
      const part = body.subarray(taken, taken + run.length - length);
      run.set(part, length);
      taken += part.length;
      length += part.length;
      if (length < run.length) continue;
      full.push(run);
      length = 0;
      if (full.length < runs.length) continue;
      yield full;
      full = [];
    }
  }
  if (length > 0) {
    const run = runs[full.length] as Uint8Array;
    const whole = roundUp(length);
    run.fill(0, length, whole);
    full.push(run.subarray(0, whole));
  }
  if (full.length > 0) yield full;
}

function roundUp(bytes: number): number {
  return Math.ceil(bytes / DIRECT_BLOCK_BYTES) * DIRECT_BLOCK_BYTES;
}
