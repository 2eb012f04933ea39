import { BOUNDS } from '../domain/bounds.js';
import { PIECE_SIZE_BYTES } from '../domain/piece.js';
import { POLICY } from './policy.js';

/** How fast bytes arrive in all, and so how many may be asked for at once. */
export class LineRate {
  #bytes = 0;
  #windowBytes = 0;
  #windowMs: number | undefined;
  #bytesPerMs: number | undefined;

  arrived(bytes: number, now: number): void {
    this.#bytes += bytes;
    this.#windowBytes += bytes;
    this.#windowMs ??= now;
    const passedMs = now - this.#windowMs;
    if (passedMs < POLICY.rateWindowMs) return;
    const measured = this.#windowBytes / passedMs;
    // A quiet window is no proof of a slow line: the rate falls by half at most, and rises at once.
    this.#bytesPerMs = Math.max(measured, (this.#bytesPerMs ?? 0) / 2);
    this.#windowBytes = 0;
    this.#windowMs = now;
  }

  bytesInFlight(): number {
    const bytes =
      this.#bytesPerMs === undefined
        ? POLICY.bytesInFlightAtFirst + this.#bytes
        : this.#bytesPerMs * POLICY.inFlightMs;
    return Math.min(POLICY.bytesInFlight, Math.max(POLICY.bytesInFlightAtLeast, bytes));
  }

  /** Below this a transfer is at its end. */
  tailBytes(): number {
    return Math.max(POLICY.tailAtLeastBytes, (this.#bytesPerMs ?? 0) * POLICY.tailMs);
  }

  /** What one request is for. The first ones are short, so that everybody soon has something to give. */
  runBytes(): number {
    return runBytesAt(this.#bytesPerMs ?? 0);
  }
}

/** What one request is for at this rate, which is 0 where none is known. */
export function runBytesAt(bytesPerMs: number): number {
  return Math.min(BOUNDS.runBytes, Math.max(PIECE_SIZE_BYTES, bytesPerMs * POLICY.runMs));
}
