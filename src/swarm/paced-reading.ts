import type { Stream } from '@libp2p/interface';
import type { Uint8ArrayList } from 'uint8arraylist';
import { BOUNDS } from '../domain/bounds.js';
import type { RateLimit } from '../ports/rate-limit.js';

type Bytes = Uint8Array | Uint8ArrayList;

/**
 * Hands on what a stream brings no faster than a limit says, a little at a time: who waits for it sees that
 * it comes. Meanwhile the stream is paused: what comes waits in its window, and then with its sender.
 */
export class PacedReading {
  readonly #stream: Stream;
  readonly #limit: RateLimit;
  readonly #take: (bytes: Bytes) => void;
  readonly #waiting: Bytes[] = [];
  #timer: NodeJS.Timeout | undefined;
  #isOver = false;
  #isResuming = false;

  constructor(stream: Stream, limit: RateLimit, take: (bytes: Bytes) => void) {
    this.#stream = stream;
    this.#limit = limit;
    this.#take = take;
  }

  push(bytes: Bytes): void {
    this.#waiting.push(bytes);
    if (this.#timer === undefined && !this.#isResuming) this.#next();
  }

  stop(): void {
    this.#isOver = true;
    clearTimeout(this.#timer);
    this.#waiting.length = 0;
  }

  #next(): void {
    this.#timer = undefined;
    for (let bytes = this.#waiting[0]; bytes !== undefined; bytes = this.#waiting[0]) {
      const some = part(bytes, 0, Math.min(bytes.byteLength, BOUNDS.pacedReadBytes));
      if (some.byteLength === bytes.byteLength) this.#waiting.shift();
      else this.#waiting[0] = part(bytes, some.byteLength, bytes.byteLength);
      const waitMs = this.#limit.passed(some.byteLength);
      if (waitMs >= 1) {
        if (this.#stream.readStatus === 'readable') this.#stream.pause();
        this.#timer = setTimeout(() => {
          this.#take(some);
          if (!this.#isOver) this.#next();
        }, waitMs);
        return;
      }
      this.#take(some);
      if (this.#isOver) return;
    }
    if (this.#stream.readStatus === 'paused') this.#resume();
  }

  /**
   * libp2p hands over what waited, and opens the sender's window after that, whether it was paused
   * meanwhile or not: what comes is looked at when it has done both.
   */
  #resume(): void {
    this.#isResuming = true;
    this.#stream.resume();
    this.#isResuming = false;
    if (this.#waiting.length > 0) this.#next();
  }
}

function part(bytes: Bytes, from: number, to: number): Bytes {
  return bytes instanceof Uint8Array ? bytes.subarray(from, to) : bytes.sublist(from, to);
}
