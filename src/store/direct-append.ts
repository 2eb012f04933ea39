import type { FileHandle } from 'node:fs/promises';
import { DIRECT_BLOCK_BYTES, type DirectFiles } from '../ports/direct-files.js';
import { writePast } from './direct-run.js';

export interface Appended {
  /** Where the bytes begin: at a block, which may leave a hole before it. */
  start: number;
  endBytes: number;
}

/**
 * Appends many short bodies past the page cache, gathered in memory that such writes come from, and
 * filled up to a whole block.
 * @param end of the file now.
 * @throws what writing throws, when nothing is under way any more.
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
  // One is filled while the other is written.
  const runs: [Uint8Array, Uint8Array] = [memory.take(), memory.take()];
  let writing = Promise.resolve();
  try {
    for (const filled of gathered(bodies, runs)) {
      await writing;
      writing = writePast(direct, file, filled, at);
      // Met at the next turn, or at the end; until then it is not unhandled.
      writing.catch(() => undefined);
      at += filled.length;
    }
    await writing;
    return { start, endBytes: at };
  } finally {
    await Promise.allSettled([writing]);
    for (const run of runs) memory.give(run);
  }
}

/** All bytes one after the other, in the runs in turn; the last one is filled up with zeros. */
function* gathered(
  bodies: readonly Uint8Array[],
  runs: readonly [Uint8Array, Uint8Array],
): Generator<Uint8Array, undefined> {
  let [run, other] = runs;
  let length = 0;
  for (const body of bodies) {
    for (let taken = 0; taken < body.length;) {
      const part = body.subarray(taken, taken + run.length - length);
      run.set(part, length);
      taken += part.length;
      length += part.length;
      if (length < run.length) continue;
      yield run;
      [run, other] = [other, run];
      length = 0;
    }
  }
  if (length === 0) return;
  const whole = roundUp(length);
  run.fill(0, length, whole);
  yield run.subarray(0, whole);
}

function roundUp(bytes: number): number {
  return Math.ceil(bytes / DIRECT_BLOCK_BYTES) * DIRECT_BLOCK_BYTES;
}
