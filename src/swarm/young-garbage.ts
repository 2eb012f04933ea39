import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

/** How many bytes may pass through this process's links between two collections. */
const EVERY_BYTES = 8 << 20;

type Collect = (
  options?: { type: 'minor' } | { type: 'major'; execution: 'sync'; flavor: 'last-resort' },
) => void;

let collect: Collect | undefined;
let passedBytes = 0;

/**
 * Makes V8 collect garbage in a way that suits moving bytes. Buffers of what passes over the links
 * die young, but V8 sees them as a few small objects with much memory behind them, and marks the
 * whole heap anew for every few tens of megabytes of them: a third of the CPU time of a transfer, and
 * 70 MB of memory. Instead the young ones are collected after every few megabytes, which takes a
 * millisecond and gives the next buffers the same memory, still in the cache; and the whole heap,
 * which a transfer keeps small, is marked at once when it must be, not in steps that are begun
 * whenever buffers pile up.
 */
export function tuneCollector(): void {
  if (collect !== undefined) return;
  setFlagsFromString('--expose-gc');
  // V8 shows it in contexts made from now on; nothing else in the process sees it.
  const found: unknown = runInNewContext('globalThis.gc');
  collect = typeof found === 'function' ? (found as Collect) : () => undefined;
  // Ends a marking in steps that may be under way.
  collect();
  setFlagsFromString('--no-incremental-marking');
  // The whole heap is marked when it has doubled, buffers counted in: not after every few megabytes,
  // as V8 would have it once it was told to be sparing.
  setFlagsFromString('--heap-growing-percent=100');
}

/**
 * After something that leaves much behind, such as a bundle's entries that were checked. V8 then makes
 * its young space small again, which had grown to 60 MB that moving bytes has no use for.
 */
export function collectAll(): void {
  collect?.({ type: 'major', execution: 'sync', flavor: 'last-resort' });
}

/** Tells of bytes that came or went. */
export function bytesPassed(bytes: number): void {
  passedBytes += bytes;
  if (passedBytes < EVERY_BYTES) return;
  passedBytes = 0;
  collect?.({ type: 'minor' });
}
