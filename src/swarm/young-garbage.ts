import { getHeapSpaceStatistics, setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

/** How many bytes may pass through this process's links between two collections. */
const EVERY_BYTES = 8 << 20;

/** V8's young space, where it is bounded: two halves of so many MiB each. */
const HALF_MIB = 4;
/** Small objects that outlive a collection, enough for V8 to find a half of 1 MiB too small. */
const SURVIVORS = 10_000;

type Collect = (
  options?: { type: 'minor' } | { type: 'major'; execution: 'sync'; flavor: 'last-resort' },
) => void;

let collect: Collect | undefined;
let passedBytes = 0;
let isBounded = false;

/**
 * Holds V8's young space at 8 MiB, as `--max-semi-space-size` would at the start of Node. By default it
 * grows to 128 MiB in a process that makes much garbage, and what was once used stays: a third of the
 * memory of a client. V8 reads the factor of growth anew each time, and no other bound: so the young
 * space grows once, to what it shall have, and from then on by a factor of one.
 */
export function boundYoungSpace(): void {
  isBounded = true;
  growYoungSpace();
}

function growYoungSpace(): void {
  const collectYoung = exposedCollect();
  setFlagsFromString(`--semi-space-growth-factor=${HALF_MIB}`);
  const kept = Array.from({ length: SURVIVORS }, (_, at) => ({ at, list: [at] }));
  if (youngBytes() < HALF_MIB << 21) collectYoung({ type: 'minor' });
  kept.length = 0;
  setFlagsFromString('--semi-space-growth-factor=1');
}

function youngBytes(): number {
  const young = getHeapSpaceStatistics().find(({ space_name: name }) => name === 'new_space');
  return young?.space_size ?? 0;
}

/** V8 shows it in contexts made after it was told to; nothing else in the process sees it. */
function exposedCollect(): Collect {
  setFlagsFromString('--expose-gc');
  const found: unknown = runInNewContext('globalThis.gc');
  return typeof found === 'function' ? (found as Collect) : () => undefined;
}

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
  collect = exposedCollect();
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
  if (isBounded) growYoungSpace();
}

/** Tells of bytes that came or went. */
export function bytesPassed(bytes: number): void {
  passedBytes += bytes;
  if (passedBytes < EVERY_BYTES) return;
  passedBytes = 0;
  collect?.({ type: 'minor' });
}
