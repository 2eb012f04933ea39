import { POLICY } from './policy.js';

/** An answer of ours that has not arrived for sure. */
export interface Upload {
  sinceMs: number;
  bytes: number;
  /** Its leaves that the peer has not told of. */
  unconfirmed: number;
  /** The driver has handed it to the network; it may wait there for long. */
  isSent: boolean;
}

/**
 * How much may be under way at once, and how fast it arrives. What is handed to the network is not
 * there yet: sockets take much more than a slow line carries. So what counts is the peer's word that
 * it has a piece, and what may be unconfirmed is what the line carries in a moment. Where receivers
 * are slower than this line, more fits into that moment, and more is sent: so it grows to the line.
 */
export class UploadWindow {
  #underWayBytes = 0;
  #windowMs: number | undefined;
  #windowBytes = 0;
  #bytesPerMs = 0;

  /** Bytes that arrive in a millisecond; 0 where nothing was measured. */
  get bytesPerMs(): number {
    return this.#bytesPerMs;
  }

  get limitBytes(): number {
    // Until something was measured it grows by what arrives, as TCP's slow start does.
    if (this.#bytesPerMs === 0) return POLICY.underWayAtLeastBytes + this.#windowBytes;
    return Math.max(POLICY.underWayAtLeastBytes, this.#bytesPerMs * POLICY.underWayMs);
  }

  /** An answer that takes longer waits for its reader, and not for the line. */
  get slowMs(): number {
    if (this.#bytesPerMs === 0) return POLICY.slowUploadMs;
    return Math.max(POLICY.slowUploadMs, (4 * this.limitBytes) / this.#bytesPerMs);
  }

  isFull(slowBytes: number): boolean {
    return this.#underWayBytes - slowBytes >= this.limitBytes;
  }

  begin(bytes: number): void {
    this.#underWayBytes += bytes;
  }

  /** @param arrived Whether the peer has it, as far as is known. */
  end(bytes: number, arrived: boolean, now: number): void {
    this.#underWayBytes -= bytes;
    if (!arrived) return;
    this.#windowMs ??= now;
    this.#windowBytes += bytes;
    const passedMs = now - this.#windowMs;
    const isFirst = this.#bytesPerMs === 0;
    if (passedMs < (isFirst ? POLICY.firstUploadRateMs : POLICY.uploadRateMs)) return;
    const measured = this.#windowBytes / passedMs;
    // A quiet moment is no proof of a slow line.
    this.#bytesPerMs = Math.max(measured, this.#bytesPerMs * 0.8);
    this.#windowMs = now;
    this.#windowBytes = 0;
  }
}
