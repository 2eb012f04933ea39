import type { Sha256 } from '../domain/digest.js';
import type { FileStamp } from './file-stamp.js';

interface Verified {
  stamp: FileStamp;
  /** Of each piece, when it last hashed to its leaf; 0 for never. Milliseconds of the system clock. */
  atMs: Float64Array;
}

/**
 * Which pieces of files were hashed a moment ago and found right. What many ask for at once is hashed
 * once, not once for each: within `forMs`, and as long as the file has not changed, its bytes come
 * from the system's memory, where no disk can have rotted them.
 */
export class LatelyVerified {
  readonly #limitFiles: number;
  readonly #forMs: number;
  readonly #files = new Map<Sha256, Verified>();

  constructor(limitFiles: number, forMs: number) {
    this.#limitFiles = limitFiles;
    this.#forMs = forMs;
  }

  isVerified(sha256: Sha256, stamp: FileStamp, index: number, nowMs: number): boolean {
    const file = this.#files.get(sha256);
    if (file?.stamp !== stamp) return false;
    const ageMs = nowMs - (file.atMs[index] ?? 0);
    // A clock that was set back says nothing.
    return ageMs >= 0 && ageMs < this.#forMs;
  }

  note(sha256: Sha256, stamp: FileStamp, count: number, index: number, nowMs: number): void {
    let file = this.#files.get(sha256);
    if (file?.stamp !== stamp) {
      file = { stamp, atMs: new Float64Array(count) };
      this.#files.delete(sha256);
      this.#files.set(sha256, file);
      for (const oldest of this.#files.keys()) {
        if (this.#files.size <= this.#limitFiles) break;
        this.#files.delete(oldest);
      }
    }
    file.atMs[index] = nowMs;
  }

  forget(sha256: Sha256): void {
    this.#files.delete(sha256);
  }
}
