import type { Random } from '../../src/ports/random.js';

/** mulberry32: small, fast, and the same everywhere. */
export function seededRandom(seed: number): Random {
  let state = seed >>> 0;
  const next = (): number => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
  return {
    integer: (below) => Math.floor(next() * below),
    bytes: (length) => Uint8Array.from({ length }, () => Math.floor(next() * 256)),
  };
}

interface Due {
  atMs: number;
  order: number;
  run: () => void;
}

/** A clock that jumps from one event to the next: a binary heap by time, equal times in order of arrival. */
export class VirtualTime {
  readonly #heap: Due[] = [];
  #order = 0;
  #now = 0;

  get now(): number {
    return this.#now;
  }

  at(atMs: number, run: () => void): void {
    const due = { atMs: Math.max(atMs, this.#now), order: this.#order++, run };
    const heap = this.#heap;
    let at = heap.length;
    heap.push(due);
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (isBefore(heap[parent]!, due)) break;
      heap[at] = heap[parent]!;
      at = parent;
    }
    heap[at] = due;
  }

  after(ms: number, run: () => void): void {
    this.at(this.#now + ms, run);
  }

  /** Runs events until `isOver`, or nothing is due before `limitMs`. */
  run(limitMs: number, isOver: () => boolean): void {
    while (!isOver()) {
      const due = this.#heap[0];
      if (due === undefined || due.atMs > limitMs) return;
      this.#pop();
      this.#now = due.atMs;
      due.run();
    }
  }

  #pop(): void {
    const heap = this.#heap;
    const last = heap.pop()!;
    if (heap.length === 0) return;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && isBefore(heap[child + 1]!, heap[child]!)) child++;
      if (isBefore(last, heap[child]!)) break;
      heap[at] = heap[child]!;
      at = child;
    }
    heap[at] = last;
  }
}

function isBefore(a: Due, b: Due): boolean {
  return a.atMs < b.atMs || (a.atMs === b.atMs && a.order < b.order);
}
